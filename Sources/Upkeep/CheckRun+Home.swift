import Archive
import Catalog
import Failure
import Files
import Notation
import Postgres
import Processes
import Settings
import SystemPackage

extension CheckRun {
    // MARK: WAL archive and queues

    /// Whether WAL arrives, and whether the queues are as they should be.
    func checkArchive(_ sheet: CheckSheet) throws {
        try sheet.begin("WAL archive")
        if try !walArrives(sheet) {
            sheet.addFailure("WAL archive", "please make sure WAL shipping is setup")
        }
        let settings = home.settings
        try checkQueue(
            sheet,
            Queue(
                name: "incoming",
                option: "archiver",
                directory: settings.incomingWALsDirectory,
                isUsed: settings.archiver,
                // The receiver's unfinished file is no part of the queue.
                allowance: 0
            )
        )
        try checkQueue(
            sheet,
            Queue(
                name: "streaming",
                option: "streaming_archiver",
                directory: settings.streamingWALsDirectory,
                isUsed: settings.streamingArchiver,
                allowance: 1
            )
        )
    }

    private struct Queue {
        let name: String
        let option: String
        let directory: FilePath
        let isUsed: Bool
        let allowance: Int
    }

    private func checkQueue(_ sheet: CheckSheet, _ queue: Queue) throws {
        let count = try entries(in: queue.directory) - queue.allowance
        guard queue.isUsed else {
            let label = "empty \(queue.name) directory"
            try sheet.begin(label)
            guard count > 0 else { return }
            return sheet.addFailure(label, "'\(queue.directory.string)' must be empty when \(queue.option)=off")
        }
        guard let limit = home.settings.maxIncomingWALsQueue else { return }
        let label = "\(queue.name) WALs directory"
        try sheet.begin(label)
        guard Int64(count) > limit else { return }
        sheet.addFailure(label, "there are too many WALs in queue: \(count), max \(limit)")
    }

    /// How many files wait in a queue; hidden ones and those still being written do not count.
    private func entries(in directory: FilePath) throws -> Int {
        do {
            return try FileSystem.names(in: directory).count { !$0.hasPrefix(".") && !$0.hasSuffix(".tmp") }
        } catch {
            // That it is closed to us is said by a row of its own.
            if error.isMissing || error.errno == .permissionDenied { return 0 }
            throw error
        }
    }

    /// Whether the archive holds WAL, or can be made to.
    private func walArrives(_ sheet: CheckSheet) throws -> Bool {
        let database = XlogDatabase(home)
        if try !database.isEmpty() { return true }
        if try BackupCatalog.load(home).newest([.waitingForWALs]) != nil { return true }
        guard home.settings.isActive else { return false }
        try archiveInSilence()
        if try !database.isEmpty() { return true }
        guard let server else { return false }
        reporter.log(
            .debug,
            "barman.server",
            "Could not find any archived or to-be-archived WALs during the check. "
                + "Trying to switch a WAL and archive it as a last resort"
        )
        do {
            _ = try server.switchWAL()
        } catch {
            reporter.log(.debug, "barman.server", "Cannot switch to a new WAL file: \(error)")
            return false
        }
        let end = Interruption.monotonicSeconds + max(1, (sheet.deadline.remainingSeconds ?? 30) / 3)
        while Interruption.monotonicSeconds < end {
            try archiveInSilence()
            if try !database.isEmpty() { return true }
            try SignalWatch.pause(seconds: 0.1)
        }
        return false
    }

    /// Archives what waits; what goes wrong is said by `archive-wal`, not here.
    private func archiveInSilence() throws {
        do {
            try PendingWAL.archive(home, reporter: LogOnlyReporter(reporter))
        } catch {
            if Interruption.isRequested { throw error }
            reporter.log(.error, "barman.server", "Cannot archive waiting WAL files: \(error)")
        }
    }

    // MARK: Directories, policies, sizes and ages

    /// What is stored for the server.
    func checkHome(_ sheet: CheckSheet) throws {
        if !home.settings.isDisabled {
            try checkDirectories(sheet)
            try checkPermissions(sheet)
        }
        try sheet.begin("retention policy settings")
        let isInvalid = home.settings.retentionPolicyIsInvalid
        sheet.add("retention policy settings", !isInvalid, isInvalid ? "see log" : nil)
        let catalog = try BackupCatalog.load(home)
        try checkNewestBackup(sheet, catalog)
        try checkEncryption(sheet)
        try checkCloud(sheet)
        try checkWAL(sheet, catalog)
        try sheet.begin("compression settings")
        sheet.add("compression settings", true)

        try sheet.begin("failed backups")
        let failed = catalog.backups([.failed]).count
        sheet.add("failed backups", failed == 0, "there are \(failed) failed backups")
        try sheet.begin("minimum redundancy requirements")
        let (count, minimum) = (catalog.redundancy, home.settings.minimumRedundancy)
        sheet.add(
            "minimum redundancy requirements",
            Int64(count) >= minimum,
            "have \(count) non-incremental backups, expected at least \(minimum)"
        )
        try checkDrill(sheet)
    }

    /// Whether the last drill passed and is not too old; nothing on a server that never had one and needs none.
    private func checkDrill(_ sheet: CheckSheet) throws {
        guard let verdict = try DrillReport.verdict(of: home) else { return }
        try sheet.begin("restore drill")
        sheet.add("restore drill", verdict.isGood, verdict.text)
    }

    private func checkDirectories(_ sheet: CheckSheet) throws {
        try sheet.begin("directories")
        for directory in home.settings.directories {
            do throws(FileError) {
                try FileSystem.createDirectories(directory.path)
            } catch {
                return sheet.add("directories", false, "\(error.path.string): \(error.reason)")
            }
        }
        sheet.add("directories", true)
    }

    /// Names directories in use that the account cannot read and write; a row of ours, and only when there are any.
    private func checkPermissions(_ sheet: CheckSheet) throws {
        try sheet.begin(Self.permissionsLabel)
        let closed = closedDirectories
        guard !closed.isEmpty else { return }
        let names = closed.map { "'\($0.string)'" }.joined(separator: ", ")
        sheet.add(Self.permissionsLabel, false, "cannot be read and written by this account: \(names)")
    }

    /// Directories that are there, and in use, and closed to us.
    var closedDirectories: [FilePath] {
        var used: Set = ["backup_directory", "basebackups_directory", "wals_directory", "errors_directory"]
        if settings.archiver { used.insert("incoming_wals_directory") }
        if settings.streamingArchiver { used.insert("streaming_wals_directory") }
        return settings.directories.filter { used.contains($0.option) }.map(\.path).filter {
            FileSystem.isAccessible($0, for: []) && !FileSystem.isAccessible($0, for: [.read, .write, .execute])
        }
    }

    private func checkNewestBackup(_ sheet: CheckSheet, _ catalog: BackupCatalog) throws {
        let newest = catalog.newest()
        try sheet.begin("backup maximum age")
        if let limit = home.settings.lastBackupMaximumAgeSeconds {
            let age = newest?.endTime.map { Timestamp.now().seconds(since: $0) }
            sheet.add(
                "backup maximum age",
                age.map { $0 <= Double(limit) } ?? false,
                "interval provided: \(HumanText.duration(seconds: Double(limit))), latest backup age: "
                    + (age.map { HumanText.duration(seconds: $0) } ?? "No available backups")
            )
        } else {
            sheet.add("backup maximum age", true, "no last_backup_maximum_age provided")
        }

        try sheet.begin("backup minimum size")
        let size = newest?.sizeBytes ?? 0
        sheet.setSizes(newestBackup: size)
        if let minimum = home.settings.lastBackupMinimumSizeBytes {
            let isEnough = size >= minimum
            sheet.add(
                "backup minimum size",
                isEnough,
                "last backup size \(HumanText.size(size)) \(isEnough ? ">" : "<") \(HumanText.size(minimum)) minimum"
            )
        } else {
            sheet.add("backup minimum size", true, HumanText.size(size))
        }
    }

    private func checkWAL(_ sheet: CheckSheet, _ catalog: BackupCatalog) throws {
        try sheet.begin("wal maximum age")
        var statistics: WALStatistics?
        if let newest = catalog.newest() {
            switch try XlogDatabase(home).statistics(of: newest, in: catalog) {
            case .success(let found): statistics = found
            case .failure(let error): throw Failure(error.description, cause: error)
            }
        }
        if let limit = home.settings.lastWALMaximumAgeSeconds {
            if let time = statistics?.lastTime {
                let age = Timestamp.now().secondsDouble - time
                sheet.add(
                    "wal maximum age",
                    age <= Double(limit),
                    "interval provided: \(HumanText.duration(seconds: Double(limit))), latest wal age: "
                        + HumanText.duration(seconds: age)
                )
            } else {
                sheet.add("wal maximum age", false, "No WAL files archived for last backup")
            }
        } else {
            sheet.add("wal maximum age", true, "no last_wal_maximum_age provided")
        }
        try sheet.begin("wal size")
        let bytes = statistics?.untilNextSizeBytes ?? 0
        sheet.setSizes(wal: bytes)
        sheet.add("wal size", true, HumanText.size(bytes))
        try checkContinuity(sheet, catalog)
    }

    /// Names segments that are missing; a row of ours, and only when there are any.
    ///
    /// It fails while recovery from the newest backup runs into a gap: another backup mends that. A gap behind it is told.
    private func checkContinuity(_ sheet: CheckSheet, _ catalog: BackupCatalog) throws {
        let label = Self.continuityLabel
        try sheet.begin(label)
        let continuity: WALContinuity
        do {
            continuity = try WALContinuity(of: catalog)
        } catch {
            if Interruption.isRequested { throw error }
            return reporter.log(.warning, "barman.server", "Cannot tell whether WAL is missing: \(error)")
        }
        guard let names = continuity.text() else { return }
        guard continuity.endsNewestBackup else { return sheet.add(label, true, "WARNING: missing: \(names)") }
        sheet.add(label, false, "missing: \(names); recovery ends there until there is another backup")
    }

    // MARK: Encryption and object stores

    private func checkEncryption(_ sheet: CheckSheet) throws {
        guard home.settings.encryption != nil else { return }
        try sheet.begin("encryption")
        let problem =
            EncryptionTest.configurationProblem(home.settings)
            ?? EncryptionTest.run(home.settings, reporter: reporter, timeoutSeconds: sheet.deadline.remainingSeconds)
        sheet.add("encryption", problem == nil, problem ?? "encryption test succeeded")
    }

    private func checkCloud(_ sheet: CheckSheet) throws {
        let settings = home.settings
        guard settings.basebackupsAreInCloud || settings.walsAreInCloud else { return }
        try sheet.begin("cloud storage configuration")
        sheet.add("cloud storage configuration", false, cloudProblem)
    }

    /// The first thing that is wrong with the object store; this release can reach none.
    private var cloudProblem: String {
        let settings = home.settings
        if settings.basebackupsAreInCloud, let compression = settings.backupCompression, compression != "none" {
            return "compression is not supported when the backup destination is a cloud storage"
        }
        let streamed = ["gzip", "bzip2", "xz", "zstd", "lz4", "snappy", "pygzip", "pybzip2"]
        if settings.walsAreInCloud, let compression = settings.compression, !streamed.contains(compression) {
            return "cloud WAL storage only supports in-memory compression algorithms "
                + "(gzip, bzip2, xz, zstd, lz4, snappy). '\(compression)' is not supported"
        }
        if settings.encryption != nil {
            return "encryption is not supported when the backup destination is a cloud storage"
        }
        if settings.basebackupsAreInCloud, ![.postgres, .localToCloud].contains(settings.backupMethod) {
            return "cloud backup destination is only supported with 'backup_method = postgres' or "
                + "'backup_method = local-to-cloud'"
        }
        if settings.wormMode {
            return "WORM mode is not supported when the backup or WAL destination is a cloud storage"
        }
        let storage = settings.basebackupsAreInCloud ? "backup" : "WAL"
        return "Could not connect to the cloud provider for \(storage) storage. "
            + "Check your credentials and configuration"
    }
}
