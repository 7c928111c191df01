import Archive
import Catalog
import Failure
import Settings

/// What is special about the first backup of a server: WAL older than it is of no use to anybody.
struct FirstBackup {
    private let home: ServerHome
    private let reporter: any Reporter

    init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Says that this is the first backup, if it is, and drops older WAL.
    func announceAndTrim(before info: BackupInfo, catalog: BackupCatalog) throws {
        guard catalog.previous(of: info.id) == nil else { return }
        reporter.info("This is the first backup for server \(home.name)")
        guard !home.settings.wormMode else {
            reporter.info("'worm_mode' is enabled, skip purging of unused WAL files.")
            return
        }
        var isAnnounced = false
        try remove(before: info) { name in
            if !isAnnounced { reporter.info("WAL segments preceding the current backup have been found:") }
            isAnnounced = true
            reporter.info("\t\(name) from server \(home.name) has been removed")
        }
    }

    /// Drops what has been archived meanwhile and is older than the first complete backup; that is only logged.
    func trim(before info: BackupInfo) throws {
        guard !home.settings.wormMode else { return }
        guard try BackupCatalog.load(home).previous(of: info.id) == nil else { return }
        try remove(before: info) { name in
            reporter.log(.info, BackupLife.logger, "\(name) from server \(home.name) has been removed")
        }
    }

    private func remove(before info: BackupInfo, tell: (String) -> Void) throws {
        // Without a begin everything would count as older.
        guard let begin = info.beginWAL else { return }
        try WALPurge(home: home, reporter: reporter).run(WALPurgeRule(firstNeeded: begin), removed: tell)
    }
}
