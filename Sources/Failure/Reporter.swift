/// How grave a log line is; names and order are those of the log file.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// Each decision and command line.
    case debug = 10
    /// What an operator wants to read next morning.
    case info = 20
    /// Something to look at.
    case warning = 30
    /// Something failed.
    case error = 40
    /// The program cannot go on.
    case critical = 50

    /// The name in the log file, `INFO` for example.
    public var name: String {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    /// Orders levels by gravity.
    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// How far a long work has come.
public struct ProgressUpdate: Sendable {
    /// What is being done, in the user's words: `Copying pgdata`.
    public let label: String
    /// Bytes done so far.
    public let doneBytes: Int64
    /// Bytes to do in all, when known.
    public let totalBytes: Int64?
    /// True for the last update of this work.
    public let isFinished: Bool

    /// Makes an update.
    public init(label: String, doneBytes: Int64, totalBytes: Int64?, isFinished: Bool = false) {
        self.label = label
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
        self.isFinished = isFinished
    }
}

/// What code below the console tells the user and the log; `Console` is the one that prints.
///
/// Every message is also logged, at the matching level, with the same text. All calls may come from any thread.
public protocol Reporter: Sendable {
    /// A detail for those who asked for it with `-d`; logged as DEBUG.
    func debug(_ text: String)
    /// A message for the user on standard output; logged as INFO.
    func info(_ text: String)
    /// A display line on standard output that is not logged.
    func show(_ text: String)
    /// `WARNING: text` on standard error; logged.
    func warning(_ text: String)
    /// `ERROR: text` on standard error; logged; the program will end with status 1.
    func error(_ text: String)
    /// `EXCEPTION: text` on standard error; logged; the program will end with status 1.
    func exception(_ text: String)
    /// A line for the log file alone. `logger` is the name in the line, such as `barman.server`.
    func log(_ level: LogLevel, _ logger: String, _ text: String)
    /// Shows how far a long work has come; nothing unless standard error is a terminal. Cheap enough for every buffer.
    func progress(_ update: ProgressUpdate)
}

extension Reporter {
    /// Announces a failure the way its kind asks for.
    public func report(_ failure: Failure) {
        switch failure.kind {
        case .error: error(failure.description)
        case .exception, .plain: exception(failure.description)
        case .reported: break
        }
    }
}

/// A reporter that drops everything; for silent runs.
public struct SilentReporter: Reporter {
    /// Makes a silent reporter.
    public init() {}
    /// Drops the text.
    public func debug(_ text: String) {}
    /// Drops the text.
    public func info(_ text: String) {}
    /// Drops the text.
    public func show(_ text: String) {}
    /// Drops the text.
    public func warning(_ text: String) {}
    /// Drops the text.
    public func error(_ text: String) {}
    /// Drops the text.
    public func exception(_ text: String) {}
    /// Drops the line.
    public func log(_ level: LogLevel, _ logger: String, _ text: String) {}
    /// Drops the update.
    public func progress(_ update: ProgressUpdate) {}
}
