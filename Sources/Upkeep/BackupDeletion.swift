import Archive
import Backup
public import Catalog
public import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage

/// Removes a backup: its data, the WAL that only it needs, its record.
///
/// A mark is set first and taken away last. After a crash anywhere between, the record is still there or everything is gone; the
/// deletion can be repeated, and `cron` of either program finishes it where a policy is enforced.
public struct BackupDeletion {
    private let home: ServerHome
    private let reporter: any Reporter

    /// Prepares to delete backups of one server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    // MARK: By command

    /// Deletes a backup and all incremental ones that depend on it, as `delete` does.
    ///
    /// `known` is the catalog that the backup was found in, if it is at hand. A refusal is thrown as `Failure`, after its reason has been reported. Throws `SignalWatch.Interrupted` too.
    public func run(_ info: BackupInfo, in known: BackupCatalog? = nil) throws {
        do {
            try runLocked(info, known)
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private func runLocked(_ info: BackupInfo, _ known: BackupCatalog?) throws {
        try refuseIfKept(info, try known ?? BackupCatalog.load(home))
        let lock: FileLock
        do {
            lock = try FileLock.acquire(home.lockPath(.backup))
        } catch .busy {
            reporter.error("Another process in running on server \(home.name). Impossible to delete the backup.")
            throw refusal(info)
        } catch {
            throw error.failure
        }
        defer { lock.release() }
        var catalog = try BackupCatalog.load(home)
        // What we were given was read before we had the lock.
        guard let current = catalog[info.id] else {
            throw Failure("Unknown backup '\(info.id)' for server '\(home.name)'")
        }
        try refuseIfKept(current, catalog)
        try forgetFinishedDeletions(catalog)
        guard try deleteTree(current, &catalog, isRetention: false) else { throw refusal(current) }
    }

    private func refuseIfKept(_ info: BackupInfo, _ catalog: BackupCatalog) throws {
        guard let reason = try reasonToKeep(info, catalog) else { return }
        reporter.warning(reason)
        throw refusal(info)
    }

    private func refusal(_ info: BackupInfo) -> Failure {
        Failure("Cannot delete backup (\(home.name) \(info.id))")
    }

    /// Why a backup must stay.
    private func reasonToKeep(_ info: BackupInfo, _ catalog: BackupCatalog) throws -> String? {
        let subject = "Skipping delete of backup \(info.id) for server \(home.name)"
        if try Annotations(home).isKept(info.id) {
            return "\(subject) as it has a current keep request. "
                + "If you really want to delete this backup please remove the keep and try again."
        }
        let (redundancy, minimum) = (catalog.redundancy, home.settings.minimumRedundancy)
        if info.status == .done, !info.isIncremental, minimum >= Int64(redundancy) {
            return "\(subject) due to minimum redundancy requirements "
                + "(minimum redundancy = \(minimum), current redundancy = \(redundancy))"
        }
        return nil
    }

    /// Tells what `run` would remove, after the same refusals; takes no lock and changes nothing.
    public func preview(_ info: BackupInfo) throws {
        do {
            let catalog = try BackupCatalog.load(home)
            try refuseIfKept(info, catalog)
            var plan = DeletionPlan(catalog)
            try plan.delete(info.id, isRetention: false)
            try plan.measureWAL(keepingNames: true)
            for step in plan.steps {
                guard step.info.snapshotsInfo == nil else { throw SnapshotRefusal(id: step.info.id, server: home.name) }
                reporter.show("Would delete backup \(step.info.id) for server \(home.name)")
                if step.takesWAL { reporter.show("Would delete associated WAL segments:") }
                for name in step.walNames { reporter.show("\t\(name)") }
            }
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    // MARK: By policy

    /// Deletes a backup and all incremental ones that depend on it, because a policy says so; what fails is reported.
    ///
    /// The caller decides whether the backup may go.
    func enforce(_ info: BackupInfo, _ catalog: inout BackupCatalog) throws {
        _ = try deleteTree(info, &catalog, isRetention: true)
    }

    /// Removes the marks of deletions that a crash kept from taking their last step: the backup is gone, the mark is not.
    func forgetFinishedDeletions(_ catalog: BackupCatalog) throws(FileError) {
        let suffix = "-delete_this"
        let names: [String]
        do throws(FileError) {
            names = try FileSystem.names(in: home.metaDirectory)
        } catch {
            if error.isMissing { return }
            throw error
        }
        for name in names where name.hasSuffix(suffix) {
            let id = String(name.dropLast(suffix.count))
            if catalog[id] == nil { try Annotations(home).removeDeletionMark(id) }
        }
    }

    // MARK: The tree

    /// Deletes the dependent backups, then the backup; false when one of them could not be deleted, which was reported.
    private func deleteTree(
        _ info: BackupInfo,
        _ catalog: inout BackupCatalog,
        isRetention: Bool
    ) throws -> Bool {
        let dependents = catalog.descendants(of: info)
        if !dependents.isEmpty {
            reporter.warning(
                "Backup \(info.id) has incremental backups which depend on it. Deleting all backups in the tree"
            )
        }
        for dependent in dependents {
            guard try deleteLocked(dependent, &catalog, isRetention: isRetention) else {
                reporter.error(
                    "Failed to delete one of its incremental backups. "
                        + "Make sure all its dependent backups are deletable and try again."
                )
                return false
            }
        }
        // Its list of children has changed by now.
        return try deleteLocked(catalog[info.id] ?? info, &catalog, isRetention: isRetention)
    }

    private func deleteLocked(
        _ info: BackupInfo,
        _ catalog: inout BackupCatalog,
        isRetention: Bool
    ) throws -> Bool {
        let lock: FileLock
        do {
            // The `check-backup` that a cron has just started has it for a moment.
            lock = try FileLock.acquireSoon(home.lockPath(.backupID(info.id)))
        } catch .busy {
            if isRetention {
                reporter.warning(
                    "Another action is in progress for the backup \(info.id) of server \(home.name), "
                        + "skipping retention policy application"
                )
            } else {
                reporter.error(
                    "Another process is holding the lock for backup \(info.id) of server \(home.name)."
                )
            }
            return false
        } catch {
            throw error.failure
        }
        defer { lock.release() }
        guard try delete(info, &catalog, isRetention: isRetention) else { return false }
        // Nobody will ask for the locks of a backup that is gone.
        try FileLock.removeIfFree(home.lockPath(.syncBackup(info.id)))
        try lock.removeAndRelease()
        return true
    }

    // MARK: One backup

    /// Deletes one backup whose lock we have; false when files could not be removed, which was reported.
    private func delete(_ info: BackupInfo, _ catalog: inout BackupCatalog, isRetention: Bool) throws -> Bool {
        guard !home.settings.basebackupsAreInCloud else {
            throw Failure("Backups in object stores are not supported by this build")
        }
        // Without its record nobody would know of the snapshots any more, and they cost money.
        guard info.snapshotsInfo == nil else { throw SnapshotRefusal(id: info.id, server: home.name) }
        let start = Timestamp.now()
        let clock = Interruption.monotonicSeconds
        let annotations = Annotations(home)
        try annotations.markForDeletion(info.id)
        let hooks = BackupHooks(home: home, family: .delete, reporter: reporter)
        let before = catalog
        try hooks.run(.pre, for: info, catalog: before, error: info.error)
        reporter.info("Deleting backup \(info.id) for server \(home.name)")

        // The data first and the record last: what has a record can be deleted again.
        guard removeData(of: info) else { return false }
        try SignalWatch.check()
        try removeWAL(of: info, catalog, isRetention: isRetention)
        guard removeDirectory(of: info), removeRecord(of: info, &catalog) else { return false }
        try annotations.removeDeletionMark(info.id)
        try forgetChild(info, &catalog)
        try refreshSizes(after: info, &catalog)

        let elapsed = HumanText.duration(seconds: Interruption.monotonicSeconds - clock)
        reporter.info("Deleted backup \(info.id) (start time: \(start.ctimeText), elapsed time: \(elapsed))")
        try hooks.run(.post, for: info, catalog: before, error: info.error)
        return true
    }

    /// Removes everything in the backup's directory but what tells that there is a backup.
    private func removeData(of info: BackupInfo) -> Bool {
        let directory = home.backupDirectory(of: info.id)
        do {
            // Nothing is removed that is not below the home: of a link only itself goes, with the directory.
            if try FileSystem.kindIfPresent(directory, followingLinks: false) == .symbolicLink {
                reporter.warning(
                    "'\(directory.string)' is a symbolic link: only the link is removed, what it leads to stays"
                )
                return true
            }
            for name in try FileSystem.names(in: directory) where name != "backup.info" && name != "annotations" {
                try FileSystem.removeTree(directory.appending(name))
            }
            return true
        } catch {
            if error.isMissing { return true }
            reporter.error("Failure deleting backup \(info.id) for server \(home.name).\n\(error)")
            return false
        }
    }

    private func removeWAL(of info: BackupInfo, _ catalog: BackupCatalog, isRetention: Bool) throws {
        guard let rule = try WALPurgeRule(deleting: info, in: catalog, isRetention: isRetention) else { return }
        reporter.info("Delete associated WAL segments:")
        try WALPurge(home: home, reporter: reporter).run(rule) { reporter.info("\t\($0)") }
    }

    /// Removes the backup's directory, durably, before the record that names it.
    private func removeDirectory(of info: BackupInfo) -> Bool {
        let directory = home.backupDirectory(of: info.id)
        do {
            guard try FileSystem.kindIfPresent(directory, followingLinks: false) != nil else { return true }
            // A record in the old place must not go before the one in the new place has been written or was never there.
            try FileSystem.removeTree(directory)
            try FileSystem.syncDirectory(home.basebackupsDirectory)
            return true
        } catch {
            reporter.error(
                "Failure deleting backup \(info.id) for server \(home.name).\n\(error)\n"
                    + "Please manually remove the '\(directory.string)' directory"
            )
            return false
        }
    }

    private func removeRecord(of info: BackupInfo, _ catalog: inout BackupCatalog) -> Bool {
        do {
            try catalog.removeRecord(of: info.id)
            return true
        } catch {
            reporter.error(
                "Failure deleting file \(error.path.string) for server \(home.name).\n\(error)\n"
                    + "Please manually remove the file"
            )
            return false
        }
    }

    /// Takes an incremental backup off its parent's list.
    private func forgetChild(_ info: BackupInfo, _ catalog: inout BackupCatalog) throws {
        guard let parentID = info.parentBackupID, let known = catalog[parentID], known.children.contains(info.id)
        else { return }
        try amend(parentID, &catalog) { parent in
            let children = parent.children.filter { $0 != info.id }
            parent.childrenBackupIDs = children.isEmpty ? nil : children
        }
    }

    /// Measures the next backup again: files that it shared with the deleted one are now its own.
    private func refreshSizes(after info: BackupInfo, _ catalog: inout BackupCatalog) throws {
        guard let next = catalog.next(of: info.id), next.type == .rsync else { return }
        let directory = home.backupDirectory(of: next.id)
        let sizes = try FileSystem.exists(directory) ? TreeSync.measure(directory) : nil
        let (bytes, ownBytes) = (sizes?.sizeBytes ?? 0, sizes?.deduplicatedBytes ?? 0)
        guard next.sizeBytes != bytes || next.deduplicatedSizeBytes != ownBytes else { return }
        try amend(next.id, &catalog) { next in
            next.sizeBytes = bytes
            next.deduplicatedSizeBytes = ownBytes
        }
    }

    /// Changes the record of a backup that stays, as it is now: `check-backup` may have changed it since the catalog was read.
    ///
    /// Its lock keeps others from changing it meanwhile. Who has it for long, as an export has, does not change records.
    private func amend(
        _ id: String,
        _ catalog: inout BackupCatalog,
        _ change: (inout BackupInfo) -> Void
    ) throws {
        let lock: FileLock?
        do {
            lock = try FileLock.acquireSoon(home.lockPath(.backupID(id)))
        } catch .busy {
            lock = nil
        } catch {
            throw error.failure
        }
        defer { lock?.release() }
        guard var current = try catalog.refresh(id) else { return }
        change(&current)
        try catalog.save(current)
    }
}
