import Catalog
import Failure
import Files
import Notation

extension CronRun {
    /// Asks the primary of a passive server for news, and starts the copy of one backup and that of WAL.
    func synchronise(_ home: ServerHome) throws {
        let primary: PrimaryInfo
        do {
            _ = try PrimaryNode(of: home, reporter: reporter).ask()
            primary = try PrimaryInfo(of: home)
        } catch let failure as Failure where failure.kind == .error {
            return reporter.error("Failed to retrieve the primary node status: \(failure.message)")
        }
        try startBackupSync(home, primary)
        guard primary.walCount > 0 else {
            return reporter.info("No WAL synchronisation required for server \(home.name)")
        }
        guard try isFree(.syncWAL, home) else {
            return reporter.info("WAL synchronisation already running for server \(home.name)")
        }
        reporter.info("Started copy of WAL files for server \(home.name)")
        try start("sync-wals", [home.name])
    }

    /// One backup a turn, the oldest that is wanted.
    private func startBackupSync(_ home: ServerHome, _ primary: PrimaryInfo) throws {
        guard !primary.backups.isEmpty else {
            return reporter.info("No backup synchronisation required for server \(home.name)")
        }
        let catalog = try BackupCatalog.load(home)
        for id in primary.backups.keys.sorted() {
            guard case .copy = try SyncDecision(id, primary, catalog, now: .now()) else { continue }
            guard try isFree(.syncBackup(id), home) else {
                return reporter.info(
                    "A synchronisation process for backup \(id) on server \(home.name) is already in progress"
                )
            }
            reporter.info("Starting copy of backup \(id) for server \(home.name)")
            return try start("sync-backup", [home.name, id])
        }
    }
}
