import Failure
import Synchronization

/// Passes everything on, but says the same thing to the user only once: for work that is repeated ten times a second.
final class OnceReporter: Reporter {
    private let base: any Reporter
    private let said = Mutex<Set<String>>([])

    init(_ base: any Reporter) {
        self.base = base
    }

    private func isNew(_ text: String) -> Bool {
        said.withLock { texts in
            // Enough to recognise a repetition; never without bound.
            if texts.count > 1000 { texts = [] }
            return texts.insert(text).inserted
        }
    }

    func debug(_ text: String) { if isNew(text) { base.debug(text) } }
    func info(_ text: String) { if isNew(text) { base.info(text) } }
    func warning(_ text: String) { if isNew(text) { base.warning(text) } }
    func log(_ level: LogLevel, _ logger: String, _ text: String) { if isNew(text) { base.log(level, logger, text) } }
    func show(_ text: String) { base.show(text) }
    func error(_ text: String) { base.error(text) }
    func exception(_ text: String) { base.exception(text) }
    func progress(_ update: ProgressUpdate) { base.progress(update) }
}
