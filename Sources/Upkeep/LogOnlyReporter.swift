import Failure

/// A reporter for work done in silence: the user sees nothing, the log everything.
struct LogOnlyReporter: Reporter {
    private let reporter: any Reporter

    init(_ reporter: any Reporter) {
        self.reporter = reporter
    }

    func debug(_ text: String) { log(.debug, "barman.server", text) }
    func info(_ text: String) { log(.info, "barman.server", text) }
    func show(_ text: String) {}
    func warning(_ text: String) { log(.warning, "barman.server", text) }
    func error(_ text: String) { log(.error, "barman.server", text) }
    func exception(_ text: String) { log(.error, "barman.server", text) }
    func log(_ level: LogLevel, _ logger: String, _ text: String) { reporter.log(level, logger, text) }
    func progress(_ update: ProgressUpdate) {}
}
