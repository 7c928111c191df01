import Archive
import Catalog
import Failure

/// The WAL files that wait to be archived.
enum PendingWAL {
    /// Archives them, unless somebody else is doing so.
    static func archive(_ home: ServerHome, reporter: any Reporter) throws {
        try WALIntake(home: home, reporter: reporter).run()
    }
}
