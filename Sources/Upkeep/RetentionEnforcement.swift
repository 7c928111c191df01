public import Catalog
public import Failure
import Files
public import Notation
import Settings
import SystemPackage

/// What the retention policy of a server wants to go, and what stands in the way.
public struct RetentionJudgement: Sendable {
    /// The state of every backup but empty ones, by id.
    public let states: [String: RetentionState]
    /// The backups to delete, oldest first: obsolete ones, and those whose deletion was cut off.
    public let obsolete: [String]
    /// Backups whose files are gone, oldest first.
    public let orphans: [String]

    /// Judges the backups of a server; nil when no policy is enforced there by itself.
    public init?(_ catalog: BackupCatalog, now: Timestamp, reporter: any Reporter) throws {
        let home = catalog.home
        guard let retention = Retention(home), home.settings.retentionPolicyMode == "auto" else { return nil }
        let annotations = Annotations(home)
        states = try retention.states(of: catalog, now: now, reporter: reporter)
        var obsolete: [String] = []
        var orphans: [String] = []
        for id in catalog.ids {
            guard let info = catalog[id] else { continue }
            // A deletion that was cut off leaves a backup without its files: it is finished, not announced as an orphan.
            if try annotations.isMarkedForDeletion(id) {
                obsolete.append(id)
            } else if info.status == .empty {
                continue
            } else if try catalog.isOrphan(info) {
                // Another process may have deleted it meanwhile: it marks it before the files go, and takes the mark away after the record.
                let isDeleted = try annotations.isMarkedForDeletion(id) || BackupCatalog.record(of: id, in: home) == nil
                if !isDeleted { orphans.append(id) }
            } else if states[id] == .obsolete {
                obsolete.append(id)
            }
        }
        self.obsolete = obsolete
        self.orphans = orphans
    }
}

/// Deletes the backups that the retention policy of a server no longer wants, and finishes deletions that were cut off.
struct RetentionEnforcement {
    private let home: ServerHome
    private let reporter: any Reporter

    init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Deletes obsolete backups, oldest first; nothing happens without a policy.
    func run(_ known: BackupCatalog, now: Timestamp) throws {
        guard Retention(home) != nil, home.settings.retentionPolicyMode == "auto" else { return }
        var catalog = known
        let deletion = BackupDeletion(home: home, reporter: reporter)
        try deletion.forgetFinishedDeletions(catalog)
        guard let judgement = try RetentionJudgement(catalog, now: now, reporter: reporter) else { return }
        warnOfOrphans(judgement, catalog)
        for id in judgement.obsolete {
            // The deletion of its root may have taken an incremental backup along.
            guard let info = catalog[id], try !isKeptMeanwhile(id) else { continue }
            reporter.info("Enforcing retention policy: removing backup \(id) for server \(home.name)")
            do {
                try deletion.enforce(info, &catalog)
            } catch let refusal as SnapshotRefusal {
                // The other backups do not depend on it.
                reporter.report(refusal.failure)
            }
        }
    }

    /// Whether somebody has asked to keep a backup since it was judged: deletions before it take their time.
    private func isKeptMeanwhile(_ id: String) throws(FileError) -> Bool {
        let annotations = Annotations(home)
        // A deletion that has begun cannot be taken back.
        guard try annotations.isKept(id), try !annotations.isMarkedForDeletion(id) else { return false }
        reporter.info("Backup \(id) of server \(home.name) is to be kept now: it is not deleted")
        return true
    }

    /// Tells what the next turn of `cron` would delete.
    func preview(_ catalog: BackupCatalog, now: Timestamp) throws {
        guard let judgement = try RetentionJudgement(catalog, now: now, reporter: reporter) else { return }
        warnOfOrphans(judgement, catalog)
        var plan = DeletionPlan(catalog)
        for id in judgement.obsolete { try plan.delete(id, isRetention: true) }
        try plan.measureWAL()
        for step in plan.steps {
            reporter.show("Retention policy would remove backup \(step.info.id) for server \(home.name)")
            guard step.walCount > 0 else { continue }
            reporter.show("\twith \(step.walCount) WAL files (\(HumanText.size(step.walBytes)))")
        }
    }

    private func warnOfOrphans(_ judgement: RetentionJudgement, _ catalog: BackupCatalog) {
        for id in judgement.orphans {
            reporter.warning(
                "Backup '\(id)' is an orphan backup, this is possibly the result of an incomplete delete operation. "
                    + "Please manually delete the following files or directories if present:\n"
                    + "* \(home.backupDirectory(of: id).string) \n"
                    + "* \(home.backupInfoPath(id).string) \n"
            )
        }
    }
}
