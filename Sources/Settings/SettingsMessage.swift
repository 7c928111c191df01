public import Failure

/// Something noticed while settings are read, to be told when the settings are used.
public struct SettingsMessage: Sendable, Hashable {
    /// How grave it is.
    public let level: LogLevel
    /// The logger's name in the log file.
    public let logger: String
    /// The text.
    public let text: String
    /// Whether it goes to the log alone.
    public let isLogOnly: Bool

    init(_ level: LogLevel, _ text: String, logger: String = "barman.server", isLogOnly: Bool = false) {
        self.level = level
        self.logger = logger
        self.text = text
        self.isLogOnly = isLogOnly
    }

    /// Tells the message the way its level asks for.
    public func deliver(to reporter: any Reporter) {
        if isLogOnly {
            reporter.log(level, logger, text)
            return
        }
        switch level {
        case .debug: reporter.debug(text)
        case .info: reporter.info(text)
        case .warning: reporter.warning(text)
        case .error, .critical: reporter.error(text)
        }
    }
}
