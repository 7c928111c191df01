import Catalog
import Failure
import Synchronization

/// Which files of a run had a line before it.
///
/// The list is read once, when a file is met that is stored already, and mostly never.
final class ListedNames: Sendable {
    private let home: ServerHome
    private let entries: [IntakeQueue.Entry]
    private let names = Mutex<Set<String>?>(nil)

    init(among entries: [IntakeQueue.Entry], home: ServerHome) {
        self.entries = entries
        self.home = home
    }

    /// Whether a file is listed; waits for the lock of the list the first time.
    func contains(_ name: String) throws(Failure) -> Bool {
        try names.withLock { known throws(Failure) in
            if let known { return known.contains(name) }
            let listed = try XlogDatabase(home).names(among: Set(entries.map(\.text)))
            known = listed
            return listed.contains(name)
        }
    }
}
