import Archive
import Backup
public import Catalog
public import Failure
import Notation
public import Postgres
import Settings
import WAL

/// What `status` says about one server.
public enum StatusReport {
    /// Asks the server and reads the catalog; `server` is `nil` when there is no connection to it.
    ///
    /// Throws when the catalog cannot be read. A server that does not answer is no error.
    public static func entries(
        of home: ServerHome,
        server: PostgresServer?,
        reporter: any Reporter
    ) throws(Failure) -> [StatusEntry] {
        let settings = home.settings
        var entries: [StatusEntry] = []
        if let description = settings.description {
            entries.append(StatusEntry("description", "Description", description))
        }
        entries += [
            StatusEntry("active", "Active", truth(settings.isActive)),
            StatusEntry("disabled", "Disabled", truth(settings.isDisabled)),
            StatusEntry("active_model", "Active configuration model", settings.activeModel ?? "None"),
        ]
        if settings.isActive, !settings.isPassive { entries += postgres(server, home) }
        entries.append(StatusEntry("passive_node", "Passive node", truth(settings.isPassive)))
        entries.append(StatusEntry("retention_policies", "Retention policies", retention(settings)))
        let catalog = try BackupCatalog.load(home)
        entries += backups(catalog, settings)
        if let drill = try DrillReport.status(of: home) {
            entries.append(StatusEntry("last_drill", "Last restore drill", drill))
        }
        if let progress = BackupProgress.running(in: home) {
            entries.append(StatusEntry("running_backup", "Running backup", text(of: progress)))
        }
        if let missing = missingWAL(catalog, reporter) {
            entries.append(StatusEntry("missing_wal", "Missing WAL segments", missing))
        }
        if let command = settings.primarySSHCommand {
            entries.append(StatusEntry("primary_ssh_command", "SSH command to primary server", command))
        }
        return entries
    }

    private static func truth(_ value: Bool) -> String { value ? "True" : "False" }

    // MARK: The running server

    private static func postgres(_ server: PostgresServer?, _ home: ServerHome) -> [StatusEntry] {
        guard let server, case let facts = server.measuredFacts(), facts.isConnected, let version = facts.version else {
            return [StatusEntry("pg_version", "PostgreSQL version", "FAILED trying to get PostgreSQL version")]
        }
        var entries = [
            StatusEntry("pg_version", "PostgreSQL version", version.text),
            StatusEntry(
                "is_in_recovery",
                "Cluster state",
                facts.isInRecovery == true ? "in archive recovery" : "in production"
            ),
        ]
        if let bytes = facts.currentSizeBytes {
            entries.append(StatusEntry("current_size", "Current data size", HumanText.size(bytes)))
        }
        if let directory = facts.dataDirectory {
            entries.append(StatusEntry("data_directory", "PostgreSQL Data directory", directory))
        }
        if let segment = facts.currentSegment {
            entries.append(StatusEntry("current_xlog", "Current WAL segment", segment.description))
        }
        if home.settings.archiver { entries += archiver(server.archiverFacts()) }
        return entries
    }

    private static func archiver(_ facts: ArchiverFacts) -> [StatusEntry] {
        let command = facts.archiveCommand ?? ""
        var entries = [
            StatusEntry(
                "archive_command",
                "PostgreSQL 'archive_command' setting",
                command.isEmpty ? "FAILED (please set it accordingly to documentation)" : command
            )
        ]
        guard let row = facts.statistics else { return entries }
        let shipped = row.lastArchivedWAL.map { "\($0), at \(row.lastArchivedTime?.ctimeText ?? "None")" }
        entries.append(
            StatusEntry("last_archived_wal", "Last archived WAL", shipped ?? "No WAL segment shipped yet")
        )
        var failures = String(row.failedCount)
        if row.failedCount > 0 {
            failures += " (\(row.lastFailedWAL ?? "None") at \(row.lastFailedTime?.ctimeText ?? "None"))"
        }
        entries.append(StatusEntry("failed_count", "Failures of WAL archiver", failures))
        if let rate = row.archivedPerSecond.flatMap({ Double($0) }), rate > 0 {
            entries.append(
                StatusEntry(
                    "server_archived_wals_per_hour",
                    "Server WAL archiving rate",
                    "\(PythonText.fixed(rate * 3600, decimals: 2))/hour"
                )
            )
        }
        return entries
    }

    // MARK: The catalog

    private static func retention(_ settings: ServerSettings) -> String {
        guard let policy = settings.retentionPolicy else { return "not enforced" }
        return "enforced (mode: \(settings.retentionPolicyMode), retention: \(policy.canonicalText), "
            + "WAL retention: MAIN)"
    }

    /// The segments that are missing since the first backup; `nil` when none is, or the list of WAL cannot be read.
    private static func missingWAL(_ catalog: BackupCatalog, _ reporter: any Reporter) -> String? {
        do {
            return try WALContinuity(of: catalog).text()
        } catch {
            // What is known of the server is worth showing without it.
            reporter.log(.warning, "barman.server", "Cannot tell whether WAL is missing: \(error)")
            return nil
        }
    }

    private static func backups(_ catalog: BackupCatalog, _ settings: ServerSettings) -> [StatusEntry] {
        let (count, minimum) = (catalog.redundancy, settings.minimumRedundancy)
        let verdict = Int64(count) >= minimum ? "satisfied" : "FAILED"
        return [
            StatusEntry("backups_number", "No. of available backups", String(catalog.backups([.done]).count)),
            StatusEntry("first_backup", "First available backup", catalog.oldest()?.id ?? "None"),
            StatusEntry("last_backup", "Last available backup", catalog.newest()?.id ?? "None"),
            StatusEntry(
                "minimum_redundancy",
                "Minimum redundancy requirements",
                "\(verdict) (\(count)/\(minimum))"
            ),
        ]
    }

    // MARK: The running backup

    /// `20240102T030405, copying, 1.2 GiB of 2.5 GiB (48%), 310.0 MiB/s, 4 seconds left`, as far as it is known.
    private static func text(of progress: BackupProgress) -> String {
        var parts = [progress.backupID, progress.label.prefix(1).lowercased() + progress.label.dropFirst()]
        let done = HumanText.size(progress.doneBytes)
        if let total = progress.totalBytes, total > 0 {
            let percent = Int(min(100, Double(progress.doneBytes) * 100 / Double(total)))
            parts.append("\(done) of \(HumanText.size(total)) (\(percent)%)")
        } else if progress.doneBytes > 0 {
            parts.append(done)
        }
        if let rate = progress.bytesPerSecond { parts.append("\(HumanText.size(rate))/s") }
        if let seconds = progress.secondsLeft { parts.append("\(HumanText.duration(seconds: seconds)) left") }
        return parts.joined(separator: ", ")
    }
}
