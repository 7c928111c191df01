import Backup
import SystemPackage

/// What of a stored backup is not restored, and under which name the rest is.
struct RestoreRules: Sendable {
    private let skipped: Set<FilePath>
    private let emptied: Set<FilePath>

    /// The rules for a backup; a tar file keeps what it has of logs and WAL, as in the reference.
    init(plan: RestorePlan) {
        // What the server was doing when it was backed up is not what the restored one is to do: its markers are written later.
        var left: Set<FilePath> = ["recovery.conf", "recovery.signal", "standby.signal", "tablespace_map"]
        for tablespace in plan.tablespaces { left.insert(FilePath("pg_tblspc/\(tablespace.oid)")) }
        let isPlain = !plan.stored.tip.isTar
        if isPlain || plan.stored.isIncremental {
            left.insert("postmaster.pid")
            emptied = ["pg_log", "log", "pg_xlog", "pg_wal"]
        } else {
            emptied = []
        }
        // The manifest of a combined backup is made anew.
        if plan.stored.isIncremental { left.insert(FilePath(BackupManifest.fileName)) }
        skipped = left
    }

    /// Whether something, and what is in it, stays behind.
    func isSkipped(_ path: FilePath, in root: RestoreRoot) -> Bool {
        guard root.isData else { return false }
        return skipped.contains(path)
            || (!emptied.isEmpty && path.components.count >= 2 && isInEmptied(path))
    }

    private func isInEmptied(_ path: FilePath) -> Bool {
        guard let first = path.components.first else { return false }
        return emptied.contains(FilePath(first.string))
    }

    /// The name that a file gets at first.
    func place(_ path: FilePath, in root: RestoreRoot) -> FilePath {
        root.isData && path == ControlFile.path ? ControlFile.waitingPath : path
    }
}
