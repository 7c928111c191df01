import Archive
public import Catalog
public import Failure
import Files
import Notation
public import Postgres
import Processes
import Settings
import SystemPackage

/// One `barman backup` of one server, from the checks to the consistent record.
public struct BackupRun: Sendable {
    let home: ServerHome
    let postgres: PostgresServer
    let reporter: any Reporter
    let options: BackupOptions
    /// What an incremental backup builds on.
    private(set) var parent: BackupInfo?
    private let gate: @Sendable () throws -> Bool

    /// Prepares a backup; nothing happens yet.
    ///
    /// `gate` says whether all checks that a backup needs succeed; it prints nothing.
    public init(
        home: ServerHome,
        postgres: PostgresServer,
        reporter: any Reporter,
        options: BackupOptions = BackupOptions(),
        gate: @escaping @Sendable () throws -> Bool
    ) {
        self.home = home
        self.postgres = postgres
        self.reporter = reporter
        self.options = options
        self.gate = gate
    }

    /// Takes the backup and returns its record, also when it failed: then the error has been reported.
    ///
    /// `nil` when no record was made, because the backup could not even begin; that has been reported too. Throws what ends
    /// the whole command: an unknown parent, an unreadable catalog.
    public func run() throws(Failure) -> BackupInfo? {
        var run = self
        do {
            return try run.runReporting()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(ErrorText.full(error), kind: .exception, cause: error)
        }
    }

    private mutating func runReporting() throws -> BackupInfo? {
        if let reason = try refusal() {
            reporter.error("failed to start backup: \(reason)")
            return nil
        }
        guard try gate() else {
            reporter.error(
                "Impossible to start the backup. Check the log for more details, or run 'barman check \(home.name)'"
            )
            return nil
        }
        guard createDirectories() else { return nil }
        try writeIdentity()
        postgres.closeStreaming()
        let lock: FileLock
        do {
            lock = try FileLock.acquire(home.lockPath(.backup))
        } catch {
            reporter.error(text(of: error))
            return nil
        }
        let finished: BackupInfo
        do {
            // Only the backup itself excludes others; what follows it takes locks of its own.
            defer { lock.release() }
            finished = try BackupLife(self).run()
        }
        return try settle(finished)
    }

    private func text(of error: LockError) -> String {
        switch error {
        case .busy: "Another backup process is running"
        case .permissionDenied, .file: "\(error)"
        }
    }

    // MARK: Before

    /// Why this backup cannot be taken at all.
    private mutating func refusal() throws -> String? {
        if let name = options.incrementalParent {
            let chosen = try BackupCatalog.load(home).resolve(name)
            parent = chosen
            if let reason = try IncrementalRules(home: home, postgres: postgres).refusal(parent: chosen) {
                return reason
            }
        }
        switch home.settings.backupMethod {
        case .rsync, .localRsync: return nil
        case .postgres:
            guard home.settings.backupCompressionLocation == "server", home.settings.backupCompression != nil,
                try postgres.versionNumber() < 150_000
            else { return nil }
            return "backup_compression_location = server requires PostgreSQL 15 or greater"
        case .snapshot, .localToCloud:
            return "backup_method = \(home.settings.backupMethod.rawValue) is not supported by this release"
        }
    }

    private func createDirectories() -> Bool {
        for directory in home.settings.directories {
            do {
                try FileSystem.createDirectories(directory.path)
            } catch {
                reporter.error("failed to create \(directory.path) directory: \(error.reason)")
                return false
            }
        }
        return true
    }

    private func writeIdentity() throws {
        let facts = postgres.facts()
        guard let systemID = facts.systemID, let version = facts.version else { return }
        try Identity(systemID: systemID, version: version.major).writeOnce(home)
    }

    // MARK: After

    /// What is done when the lock is free again: archives WAL that has come, checks the backup, drops WAL nobody needs.
    private func settle(_ info: BackupInfo) throws -> BackupInfo {
        if Interruption.isRequested { return info }
        var info = info
        try WALIntake(home: home, reporter: reporter).run()
        if info.status == .waitingForWALs {
            info = try BackupConsistencyCheck(home: home, reporter: reporter).run(info.id) ?? info
        }
        if info.status.isCompleted { try FirstBackup(home: home, reporter: reporter).trim(before: info) }
        if info.isIncremental {
            try IncrementalRules(home: home, postgres: postgres).warnAboutChecksums(of: info, reporter)
        }
        if info.status == .waitingForWALs {
            reporter.warning(
                """
                IMPORTANT: this backup is classified as WAITING_FOR_WALS, meaning that Barman has not received yet all \
                the required WAL files for the backup consistency.
                This is a common behaviour in concurrent backup scenarios, and Barman automatically set the backup as \
                DONE once all the required WAL files have been archived.
                Hint: execute the backup command with '--wait'
                """
            )
        }
        return info
    }
}
