public import Failure
import Files
import Synchronization
public import SystemPackage

/// rsync as backups and restores use it: the words of its command line, its exit codes, its retries.
public struct RsyncCommand: Sendable {
    /// Where unchanged files are taken from instead of the source: the first of these directories that has an equal one.
    public enum Reuse: Sendable, Equatable {
        /// They are copied.
        case copy([FilePath])
        /// They become hard links.
        case link([FilePath])
    }

    /// What a status other than 0 and 24 means.
    public enum Leniency: Sendable {
        /// 23 is fine as long as it is only about files that vanished: for directories of a running server.
        case vanishedFiles
        /// Each status but 0 and 24 is an error: for single files.
        case none
    }

    /// What is done again after a failure, and when.
    public struct Retries: Sendable {
        /// How many more attempts.
        public var count: Int
        /// Seconds before each.
        public var pauseSeconds: Double
        /// How to wait; replaced in tests.
        public var pause: @Sendable (Double) throws -> Void

        /// Makes a rule.
        public init(
            count: Int = 0,
            pauseSeconds: Double = 30,
            pause: @escaping @Sendable (Double) throws -> Void = { try SignalWatch.pause(seconds: $0) }
        ) {
            self.count = count
            self.pauseSeconds = pauseSeconds
            self.pause = pause
        }
    }

    /// How the other host is reached; nil for a copy on this host.
    public var ssh: SSHCommand?
    /// The program; only the search path finds it.
    public var program = "rsync"
    /// Directories put before the others in PATH.
    public var pathPrefix: String?
    /// Whether the network traffic is compressed.
    public var isCompressed = false
    /// The most it may transfer, in KiB/s; nil or 0 for no limit.
    public var bandwidthLimit: Int?
    /// What is taken and left out.
    public var filter = RsyncFilter()
    /// Where unchanged files come from.
    public var reuse: Reuse?
    /// Whether nothing of the source goes away by itself, as of a stored backup: what is missing is an error then.
    public var sourceIsStatic = false
    /// What is done again after a failure.
    public var retries = Retries()
    /// Seconds between SIGTERM and SIGKILL for an rsync that must end.
    public var graceSeconds: Double = 10
    /// Variables added to the environment of rsync.
    public var extraEnvironment: [String: String] = [:]
    /// Where retries are logged.
    public var reporter: any Reporter
    private let knowledge = Knowledge()

    /// What was learned of this rsync; shared by all copies of the command.
    private final class Knowledge: Sendable {
        let ignoresMissingArguments = Atomic<Bool>(true)
        let listWords = Mutex<[String]?>(nil)
    }

    /// Makes a command for copies from or to another host, or on this one.
    public init(ssh: SSHCommand?, pathPrefix: String? = nil, reporter: any Reporter) {
        self.ssh = ssh
        self.pathPrefix = pathPrefix
        self.reporter = reporter
    }

    // MARK: Words

    /// All words after the program's name, for an operation of these words.
    public func arguments(_ operation: [String], showingProgress: Bool = false) -> [String] {
        var words: [String] = []
        if let ssh { words += ["-e", ssh.rsyncShell] }
        if isCompressed { words.append("-z") }
        words += filter.arguments
        words += ["-rLKpts", "--delete-excluded"]
        switch reuse {
        // A file that is a link into another copy must never be written in place: an attempt that is repeated would do that.
        case .link(let directories): words += directories.map { "--link-dest=\($0)" }
        case .copy(let directories): words += ["--inplace"] + directories.map { "--copy-dest=\($0)" }
        case nil: words.append("--inplace")
        }
        if !sourceIsStatic, knowledge.ignoresMissingArguments.load(ordering: .relaxed) {
            words.append("--ignore-missing-args")
        }
        words += ["--itemize-changes", "--itemize-changes"]
        if let limit = bandwidthLimit, limit > 0 { words.append("--bwlimit=\(limit)") }
        // Beside the itemized list nobody could read the progress.
        if showingProgress { words += ["--no-itemize-changes", "--info=progress2"] }
        return words + operation.map { $0.hasPrefix(":") ? " " + $0 : $0 }
    }

    /// The operation that lists a directory and everything below.
    public static func listing(of directory: String) -> [String] {
        ["--no-human-readable", "--list-only", "-r", directory]
    }

    /// The operation that makes all directories, and removes from the destination what the source has not; files are left for
    /// `copy`, but for those of at most one byte.
    ///
    /// The reference names each file in a filter that each file is then compared with: hours for 100,000 files.
    public static func directoriesAndPurge(from source: String, to destination: String) -> [String] {
        ["--delete", "--ignore-existing", "--max-size=1", source, destination]
    }

    /// The operation that copies the files of a list, each name followed by a zero byte.
    public func copy(
        from source: String,
        to destination: String,
        list: FilePath,
        comparingChecksums: Bool = false
    ) -> [String] {
        let words = [source, destination, "--from0", "--files-from=\(list)"] + listWords
        return words + (comparingChecksums ? ["--checksum"] : [])
    }

    /// What keeps a copy with a list linear in its length.
    ///
    /// Since 3.2.5 rsync compares each name that the other host sends with each name of the list, unless it is told to trust: 60,000 files
    /// take 166 seconds instead of 12. All of the copy is that host's own data, in a directory that is there for nothing else, and names that
    /// lead out of it are refused all the same.
    private var listWords: [String] {
        knowledge.listWords.withLock { words in
            if let words { return words }
            var request = ProcessRequest(program, ["--help"])
            request.pathPrefix = pathPrefix
            // An rsync that cannot be run is told when it is to copy.
            let help = (try? request.run())?.outputText ?? ""
            let found = help.contains("--trust-sender") ? ["--trust-sender"] : []
            words = found
            return found
        }
    }

    /// The same command for single files: without filter, limit and reuse.
    public var forSingleFiles: RsyncCommand {
        var command = self
        command.filter = RsyncFilter()
        command.bandwidthLimit = nil
        command.reuse = nil
        return command
    }

    /// The operation that copies one file.
    public static func copy(file source: String, to destination: String) -> [String] {
        [source, destination]
    }

    // MARK: Running

    /// Runs an operation, again after failures as the rule for retries says, and returns its outcome when that is good.
    ///
    /// `item` names the work in the log. Throws `RsyncFailure`, or `ProcessError` when rsync cannot be run at all.
    @discardableResult
    public func run(
        _ operation: [String],
        item: String,
        leniency: Leniency = .vanishedFiles,
        output: ProcessRequest.Output? = nil,
        progress: ((RsyncProgress) -> Void)? = nil,
        tick: ProcessRequest.Tick? = nil
    ) throws -> ProcessOutcome {
        var attempt = 0
        while true {
            var complaints = RsyncComplaints()
            let outcome = try runOnce(
                operation,
                output: output,
                complaints: &complaints,
                progress: progress,
                tick: tick
            )
            switch RsyncVerdict(outcome.status, complaints, leniency, sourceIsStatic: sourceIsStatic) {
            case .good: return outcome
            case .final: throw RsyncFailure(item: item, outcome: outcome)
            case .worthRetrying: break
            }
            guard attempt < retries.count else { throw RsyncFailure(item: item, outcome: outcome) }
            let failureText = "Failure executing rsync on \(item) (attempt \(attempt))"
            reporter.log(.warning, Self.copyLogger, failureText)
            reporter.log(.warning, Self.copyLogger, "Retrying in \(Self.text(retries.pauseSeconds)) seconds")
            attempt += 1
            try retries.pause(retries.pauseSeconds)
        }
    }

    /// Lists a directory line by line.
    ///
    /// An rsync before 3.1 does not know `--ignore-missing-args`; then the option is dropped for the rest of the run.
    public func list(
        _ directory: String,
        item: String,
        tick: ProcessRequest.Tick? = nil,
        line: @escaping (String) throws -> Void
    ) throws {
        let operation = Self.listing(of: directory)
        var hasLines = false
        let output = ProcessRequest.Output.lines {
            hasLines = true
            try line($0)
        }
        do {
            try run(operation, item: item, output: output, tick: tick)
        } catch let failure as RsyncFailure {
            let isOldVersion = failure.outcome.status == .exited(12) || failure.outcome.status == .exited(1)
            let didIgnore = knowledge.ignoresMissingArguments.exchange(false, ordering: .relaxed)
            guard isOldVersion, didIgnore, !hasLines else {
                knowledge.ignoresMissingArguments.store(didIgnore, ordering: .relaxed)
                throw failure
            }
            try run(operation, item: item, output: output, tick: tick)
        }
    }

    private func runOnce(
        _ operation: [String],
        output: ProcessRequest.Output?,
        complaints: inout RsyncComplaints,
        progress: ((RsyncProgress) -> Void)?,
        tick: ProcessRequest.Tick?
    ) throws -> ProcessOutcome {
        var request = ProcessRequest(program, arguments(operation, showingProgress: progress != nil))
        request.pathPrefix = pathPrefix
        request.extraEnvironment = extraEnvironment
        request.graceSeconds = graceSeconds
        request.tick = tick
        // The list of what was changed may be of any length; messages need its end only.
        request.output = output ?? .chunks { _ in }
        var heard = RsyncComplaints()
        defer { complaints = heard }
        request.errorOutput = .lines { heard.take($0) }
        if let progress {
            var parser = RsyncProgressParser()
            request.output = .chunks { bytes in
                for update in parser.take(bytes) { progress(update) }
            }
        }
        reporter.log(.debug, Self.logger, "Command: \(request.commandText)")
        let outcome = try request.run()
        reporter.log(.debug, Self.logger, "Command return code: \(outcome.status.code)")
        guard progress != nil else { return outcome }
        // What was on standard output was its progress: of no use in a message.
        return ProcessOutcome(command: outcome.command, status: outcome.status, errorOutput: outcome.errorOutput)
    }

    private static let logger = "barman.command_wrappers"
    private static let copyLogger = "barman.copy_controller"

    private static func text(_ seconds: Double) -> String {
        seconds == seconds.rounded() && abs(seconds) < 1e9 ? "\(Int(seconds))" : "\(seconds)"
    }
}

/// A copy that rsync could not do.
public struct RsyncFailure: Error, Sendable, CustomStringConvertible {
    /// What was copied.
    public let item: String
    /// How rsync ended.
    public let outcome: ProcessOutcome

    /// Makes a failure.
    public init(item: String, outcome: ProcessOutcome) {
        self.item = item
        self.outcome = outcome
    }

    /// The text of the reference.
    public var description: String {
        "data transfer failure\nrsync error:\n\(outcome.outputText)\(outcome.errorText)"
    }
}
