import Catalog
import Failure
import Notation
import Settings
import SystemPackage

/// Deletes the backups that the retention policy of a server no longer wants, and finishes deletions that were cut off.
struct RetentionEnforcement {
    private let home: ServerHome
    private let reporter: any Reporter

    init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Deletes obsolete backups, oldest first; nothing happens without a policy.
    func run(now: Timestamp) throws {
        guard let retention = Retention(home), home.settings.retentionPolicyMode == "auto" else { return }
        var catalog = try BackupCatalog.load(home)
        let annotations = Annotations(home)
        let deletion = BackupDeletion(home: home, reporter: reporter)
        try deletion.forgetFinishedDeletions(catalog)
        let states = try retention.states(of: catalog, now: now, reporter: reporter)
        var obsolete: [String] = []
        for id in catalog.ids {
            guard let info = catalog[id], info.status != .empty else { continue }
            // A deletion that was cut off leaves a backup without its files: it is finished, not announced as an orphan.
            if try annotations.isMarkedForDeletion(id) {
                obsolete.append(id)
            } else if try catalog.isOrphan(info) {
                warnOfOrphan(info)
            } else if states[id] == .obsolete {
                obsolete.append(id)
            }
        }
        for id in obsolete {
            // The deletion of its root may have taken an incremental backup along.
            guard let info = catalog[id] else { continue }
            reporter.info("Enforcing retention policy: removing backup \(id) for server \(home.name)")
            try deletion.enforce(info, &catalog)
        }
    }

    private func warnOfOrphan(_ info: BackupInfo) {
        reporter.warning(
            "Backup '\(info.id)' is an orphan backup, this is possibly the result of an incomplete delete operation. "
                + "Please manually delete the following files or directories if present:\n"
                + "* \(home.backupDirectory(of: info.id).string) \n"
                + "* \(home.backupInfoPath(info.id).string) \n"
        )
    }
}
