public import Failure
import Synchronization

/// A reporter that remembers what it was told.
public final class Recorder: Reporter {
    private let lines = Mutex<[String]>([])

    public init() {}

    /// Every line with its kind before it: `warning: …`, `log INFO: …`.
    public var told: [String] { lines.withLock { $0 } }
    /// What the user was told: without the lines that go to the log alone.
    public var said: [String] { told.filter { !$0.hasPrefix("log ") && !$0.hasPrefix("debug: ") } }
    /// What went to the log alone.
    public var logged: [String] { told.filter { $0.hasPrefix("log ") } }

    public func debug(_ text: String) { note("debug", text) }
    public func info(_ text: String) { note("info", text) }
    public func show(_ text: String) { note("show", text) }
    public func warning(_ text: String) { note("warning", text) }
    public func error(_ text: String) { note("error", text) }
    public func exception(_ text: String) { note("exception", text) }
    public func log(_ level: LogLevel, _ logger: String, _ text: String) { note("log \(level.name)", text) }
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
