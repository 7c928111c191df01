public import Failure

/// A script of the user that runs before or after an operation.
public struct HookScript: Sendable {
    /// When it runs.
    public enum Phase: String, Sendable {
        /// Before the operation.
        case pre
        /// After it.
        case post
    }

    /// What operation it accompanies.
    public enum Family: String, Sendable, CaseIterable {
        /// A backup.
        case backup
        /// The archiving of a WAL file.
        case archive
        /// The deletion of a backup.
        case delete
        /// The deletion of a WAL file.
        case walDelete = "wal_delete"
        /// A restore.
        case recovery
    }

    /// A retry hook that asked to stop the operation (exit status 63).
    public struct Abort: Error, Sendable, CustomStringConvertible {
        /// The option that names the script, `pre_backup_retry_script`.
        public let option: String
        /// The script.
        public let script: String
        /// Its exit status.
        public let exitCode: Int32

        /// The text of the reference.
        public var description: String {
            "Abort '\(option)' retry hook script (\(script), exit code: \(exitCode))"
        }
    }

    /// When it runs.
    public let phase: Phase
    /// What it accompanies.
    public let family: Family
    /// Whether it runs again until it succeeds or aborts.
    public let isRetry: Bool
    /// What `/bin/sh -c` gets.
    public let script: String
    /// Directories put before the others in PATH.
    public var pathPrefix: String?
    /// How to wait between attempts; replaced in tests.
    public var pause: @Sendable (Double) throws -> Void = { try SignalWatch.pause(seconds: $0) }

    private static let abortContinue: Int32 = 62
    private static let abortStop: Int32 = 63
    private static let attemptsBeforeLongPause = 5
    private static let shortPauseSeconds = 3.0
    private static let longPauseSeconds = 60.0

    /// Makes a hook of the option's value.
    public init(phase: Phase, family: Family, isRetry: Bool, script: String, pathPrefix: String? = nil) {
        self.phase = phase
        self.family = family
        self.isRetry = isRetry
        self.script = script
        self.pathPrefix = pathPrefix
    }

    /// The name that the script finds in `BARMAN_HOOK`: `archive_retry_script`.
    public var name: String { "\(family.rawValue)\(isRetry ? "_retry" : "")_script" }

    /// The option that names the script: `pre_archive_retry_script`.
    public var option: String { "\(phase.rawValue)_\(name)" }

    /// Runs the script with these variables beside those about the hook itself (phase, name, retry).
    ///
    /// A failure is logged and is no error. A retry hook is run until it succeeds or aborts; it throws `Abort` when a `pre` hook
    /// asks to stop; a `post` hook that does is ignored, which is logged. Throws too when the program is asked to end.
    public func run(variables: [String: String], reporter: any Reporter) throws {
        guard isRetry else {
            _ = try attempt(variables, reporter)
            return
        }
        var failures = 0
        while true {
            switch try attempt(variables, reporter) {
            case 0:
                return
            case Self.abortContinue:
                let text = "\(script) was aborted (got exit status 62, Barman resumes)"
                reporter.log(.warning, Self.logger, text)
                return
            case Self.abortStop:
                let text = "\(script) was aborted (got exit status 63, Barman requested to stop)"
                reporter.log(.error, Self.logger, text)
                return try stop(reporter)
            default:
                failures += 1
            }
            if failures > Self.attemptsBeforeLongPause {
                failures = 0
                let text = "Reached 5 failures. Take a nap then retry again in 60 seconds"
                reporter.log(.debug, Self.logger, text)
                try pause(Self.longPauseSeconds)
            } else {
                reporter.log(.debug, Self.logger, "Retry again in 3 seconds")
                try pause(Self.shortPauseSeconds)
            }
        }
    }

    private func stop(_ reporter: any Reporter) throws(Abort) {
        guard phase == .post else { throw Abort(option: option, script: script, exitCode: Self.abortStop) }
        reporter.log(
            .warning,
            "barman.backup",
            "Ignoring stop request after receiving abort (exit code 63) from post-\(family.rawValue) "
                + "retry hook script: \(script)"
        )
    }

    /// Runs it once and returns its status; -1 when it could not be started.
    private func attempt(_ variables: [String: String], _ reporter: any Reporter) throws -> Int32 {
        var request = ProcessRequest("/bin/sh", ["-c", script])
        request.pathPrefix = pathPrefix
        request.extraEnvironment = variables
        request.extraEnvironment["BARMAN_PHASE"] = phase.rawValue
        request.extraEnvironment["BARMAN_HOOK"] = name
        request.extraEnvironment["BARMAN_RETRY"] = isRetry ? "1" : "0"
        request.output = .lines { reporter.log(.debug, Self.commandLogger, $0) }
        request.errorOutput = .lines { reporter.log(.warning, Self.commandLogger, $0) }
        reporter.log(.debug, Self.logger, "Attempt to run \(name): \(script)")
        let outcome: ProcessOutcome
        do {
            outcome = try request.run()
        } catch let error as ProcessError {
            if case .interrupted = error { throw error }
            reporter.log(.warning, Self.logger, "\(script) could not be run: \(error)")
            return -1
        }
        let status = outcome.status.code
        if status != 0 {
            let details = outcome.outputText + outcome.errorText
            reporter.log(.warning, Self.logger, "\(script) returned \(status)\nOutput details:\n\(details)")
        } else {
            reporter.log(.debug, Self.logger, "\(script) returned 0")
        }
        return status
    }

    private static let logger = "barman.hooks"
    private static let commandLogger = "Command"
}
