/// A reporter for work done in silence: the user sees nothing, the log everything.
public struct LogOnlyReporter: Reporter {
    private let reporter: any Reporter

    /// Sends to the log of `reporter` what others would print.
    public init(_ reporter: any Reporter) {
        self.reporter = reporter
    }

    /// Logs the text.
    public func debug(_ text: String) { log(.debug, "barman.server", text) }
    /// Logs the text.
    public func info(_ text: String) { log(.info, "barman.server", text) }
    /// Drops the text.
    public func show(_ text: String) {}
    /// Logs the text.
    public func warning(_ text: String) { log(.warning, "barman.server", text) }
    /// Logs the text.
    public func error(_ text: String) { log(.error, "barman.server", text) }
    /// Logs the text.
    public func exception(_ text: String) { log(.error, "barman.server", text) }
    /// Logs the line.
    public func log(_ level: LogLevel, _ logger: String, _ text: String) { reporter.log(level, logger, text) }
    /// Drops the update.
    public func progress(_ update: ProgressUpdate) {}
}
