import Backup
public import Catalog
public import Failure
import Files

/// `check-backup`: brings the status of one backup in line with the WAL in the archive.
public struct BackupValidation: Sendable {
    /// What came of it.
    public enum Outcome: Sendable, Equatable {
        /// The status before and after.
        case checked(before: BackupStatus, after: BackupStatus)
        /// Somebody else works on the backup; nothing was done.
        case busy
    }

    private let home: ServerHome
    private let reporter: any Reporter

    /// Prepares to check backups of one server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Checks one backup under its lock and stores what was found.
    ///
    /// A failed backup is refused. A backup whose WAL is missing becomes one; that is reported as an error.
    @discardableResult
    public func run(_ info: BackupInfo) throws(Failure) -> Outcome {
        let name = home.name
        try refuseFailed(info)
        let lock: FileLock
        do {
            // A cron that deletes the backup before this one changes our record under the lock, for a moment.
            lock = try FileLock.acquireSoon(home.lockPath(.backupID(info.id)))
        } catch {
            guard case .busy = error else { throw Failure(error.description, cause: error) }
            reporter.info("Another process is holding the lock for backup \(info.id) of server \(name).")
            return .busy
        }
        defer { lock.release() }
        // What we were given was read before we had the lock.
        guard let current = try BackupCatalog.record(of: info.id, in: home) else {
            throw Failure("Unknown backup '\(info.id)' for server '\(name)'")
        }
        try refuseFailed(current)
        reporter.debug("Checking backup \(info.id) of server \(name)")
        let updated = try BackupConsistencyCheck(home: home, reporter: reporter).update(current)
        let (before, after) = (current.status, updated.status)
        let change =
            before == after ? "remains \(after.rawValue)" : "changed from \(before.rawValue) to \(after.rawValue)"
        reporter.debug("Check finished: the status of backup \(info.id) of server \(name) \(change)")
        return .checked(before: before, after: after)
    }

    private func refuseFailed(_ info: BackupInfo) throws(Failure) {
        guard info.status == .failed else { return }
        throw Failure("The validity of a failed backup cannot be checked")
    }
}
