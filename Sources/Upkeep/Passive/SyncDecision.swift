import Catalog
import Failure
import Files
import Notation

/// What is to be done about one backup on a passive node (wal-archiving.md 20.3).
enum SyncDecision {
    /// The primary has it and we do not, or not whole: it is copied.
    case copy(BackupInfo)
    /// The policy of this node would delete it at once.
    case obsolete
    /// It is here.
    case present
    /// It is here and no more on the primary.
    case localOnly
    /// The primary has it no more, and what is here is not whole.
    case purge(BackupInfo)
    /// Neither has it.
    case absent

    /// Decides about a backup by what the primary said and what is in the catalog.
    init(_ id: String, _ primary: PrimaryInfo, _ catalog: BackupCatalog, now: Timestamp) throws {
        let local = catalog[id]
        guard let remote = try primary.record(of: id) else {
            self = local.map { $0.status.isCompleted ? .localOnly : .purge($0) } ?? .absent
            return
        }
        if local?.status.isCompleted == true {
            self = .present
        } else {
            self = try Self.isObsolete(remote, catalog, now: now) ? .obsolete : .copy(remote)
        }
    }

    /// Whether the backup would be obsolete as soon as it is here.
    private static func isObsolete(_ remote: BackupInfo, _ catalog: BackupCatalog, now: Timestamp) throws -> Bool {
        guard let retention = Retention(catalog.home) else { return false }
        var future = catalog
        var info = remote
        info.status = .done
        info.childrenBackupIDs = catalog.childrenHere(of: info.id)
        future.assume(info)
        if let parentID = info.parentBackupID, var parent = future[parentID], !parent.children.contains(info.id) {
            parent.childrenBackupIDs = parent.children + [info.id]
            future.assume(parent)
        }
        return try retention.states(of: future, now: now, reporter: SilentReporter())[info.id] == .obsolete
    }
}

extension BackupCatalog {
    /// The incremental backups of this node that build on a backup; nil when there are none.
    func childrenHere(of id: String) -> [String]? {
        let children = all.filter { $0.parentBackupID == id }.map(\.id)
        return children.isEmpty ? nil : children
    }
}
