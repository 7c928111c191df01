public import Failure
import Synchronization

/// A reporter that remembers what it was told.
public final class Recorder: Reporter {
    private let lines = Mutex<[String]>([])

    /// A reporter that has heard nothing.
    public init() {}

    /// Every line with its kind before it: `warning: …`, `log INFO: …`.
    public var told: [String] { lines.withLock { $0 } }
    /// What the user was told: without the lines that go to the log alone.
    public var said: [String] { told.filter { !$0.hasPrefix("log ") && !$0.hasPrefix("debug: ") } }
    /// What went to the log alone.
    public var logged: [String] { told.filter { $0.hasPrefix("log ") } }

    /// Keeps a line for the curious.
    public func debug(_ text: String) { note("debug", text) }
    /// Keeps a line of progress.
    public func info(_ text: String) { note("info", text) }
    /// Keeps a line of a result.
    public func show(_ text: String) { note("show", text) }
    /// Keeps a warning.
    public func warning(_ text: String) { note("warning", text) }
    /// Keeps an error.
    public func error(_ text: String) { note("error", text) }
    /// Keeps an error that nobody expected.
    public func exception(_ text: String) { note("exception", text) }
    /// Keeps a line that goes to the log alone.
    public func log(_ level: LogLevel, _ logger: String, _ text: String) { note("log \(level.name)", text) }
    /// Forgets how far something is.
    public func progress(_ update: ProgressUpdate) {}

    private func note(_ kind: String, _ text: String) { lines.withLock { $0.append("\(kind): \(text)") } }
}

/// What a body throws as `Failure`, or nil.
public func failure(of body: () throws -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch {
        return error as? Failure
    }
}
