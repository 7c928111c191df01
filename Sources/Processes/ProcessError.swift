import Glibc
public import SystemPackage

/// A child process that could not be run, or did not do its work.
public enum ProcessError: Error, Sendable, CustomStringConvertible {
    /// The program was not found or could not be started.
    case notStarted(executable: String, errno: Errno)
    /// It ended with another status than 0.
    case failed(ProcessOutcome)
    /// It was still running after this many seconds, and was ended.
    case timedOut(command: String, seconds: Double)
    /// It wrote more than its reader takes, and was ended.
    case outputTooLarge(command: String, limitBytes: Int)
    /// Our program was asked to end; the child was ended first.
    case interrupted
    /// A call on the pipes to it failed.
    case plumbing(call: String, errno: Errno)

    /// What happened, with the command line (secrets masked) and the end of its standard error.
    public var description: String {
        switch self {
        case .notStarted(let executable, let errno):
            "[Errno \(errno.rawValue)] \(Self.words(errno)): '\(executable)'"
        case .failed(let outcome):
            outcome.failureDescription
        case .timedOut(let command, let seconds):
            "\(command) did not end within \(seconds) seconds"
        case .outputTooLarge(let command, let limitBytes):
            "\(command) wrote more than \(limitBytes) bytes"
        case .interrupted:
            "interrupted"
        case .plumbing(let call, let errno):
            "[Errno \(errno.rawValue)] \(Self.words(errno)) (\(call))"
        }
    }

    /// True when there is no such program.
    public var isNotFound: Bool {
        guard case .notStarted(_, let errno) = self else { return false }
        return errno == .noSuchFileOrDirectory || errno == .notDirectory
    }

    private static func words(_ errno: Errno) -> String {
        strerror(errno.rawValue).map { String(cString: $0) } ?? "Unknown error"
    }
}
