import Backup
import SystemPackage

/// What of a stored backup is not restored, and under which name the rest is.
struct RestoreRules: Sendable {
    /// Paths below the data directory, and names of directories in it: as text, since every file of a backup is looked up.
    private let skipped: Set<String>
    private let emptied: Set<String>

    /// The rules for a backup; a tar file keeps what it has of logs and WAL, as in the reference.
    init(plan: RestorePlan) {
        // What the server was doing when it was backed up is not what the restored one is to do: its markers are written later.
        var left: Set<String> = ["recovery.conf", "recovery.signal", "standby.signal", "tablespace_map"]
        for tablespace in plan.tablespaces { left.insert("pg_tblspc/\(tablespace.oid)") }
        let isPlain = !plan.stored.tip.isTar
        if isPlain || plan.stored.isIncremental {
            left.insert("postmaster.pid")
            emptied = ["pg_log", "log", "pg_xlog", "pg_wal"]
        } else {
            emptied = []
        }
        // The manifest of a combined backup is made anew.
        if plan.stored.isIncremental { left.insert(BackupManifest.fileName) }
        skipped = left
    }

    /// Whether something, and what is in it, stays behind.
    func isSkipped(_ path: FilePath, in root: RestoreRoot) -> Bool {
        guard root.isData else { return false }
        let text = path.string
        if skipped.contains(text) { return true }
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return false }
        return emptied.contains(String(text[..<slash]))
    }

    /// The name that a file gets at first.
    func place(_ path: FilePath, in root: RestoreRoot) -> FilePath {
        root.isData && path == ControlFile.path ? ControlFile.waitingPath : path
    }
}
