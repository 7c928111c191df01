import Console
import Failure

/// A reporter for work whose messages belong into the log alone.
struct LogOnly: Reporter {
    private let console: Console

    init(_ console: Console) {
        self.console = console
    }

    func debug(_ text: String) { console.log(.debug, "barman", text) }
    func info(_ text: String) { console.log(.info, "barman", text) }
    func show(_ text: String) {}
    func warning(_ text: String) { console.log(.warning, "barman", text) }
    func error(_ text: String) { console.log(.error, "barman", text) }
    func exception(_ text: String) { console.log(.error, "barman", text) }
    func log(_ level: LogLevel, _ logger: String, _ text: String) { console.log(level, logger, text) }
    func progress(_ update: ProgressUpdate) {}
}
