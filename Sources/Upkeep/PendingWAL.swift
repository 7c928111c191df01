import Archive
import Catalog
import Failure

/// The WAL files that wait to be archived.
enum PendingWAL {
    /// Whether there may be any; what cannot be looked at may have some.
    static func mayWait(_ home: ServerHome, reporter: any Reporter) -> Bool {
        do {
            return try WALIntake(home: home, reporter: reporter).hasWork()
        } catch {
            // Whoever archives will say what is wrong.
            return true
        }
    }

    /// Archives them, unless somebody else is doing so.
    static func archive(_ home: ServerHome, reporter: any Reporter) throws {
        try WALIntake(home: home, reporter: reporter).run()
    }
}
