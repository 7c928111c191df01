import Catalog
import Failure
import Files
import Notation
import Postgres
import Processes
import Settings
import SystemPackage
import WAL

/// The methods `rsync` and `local-rsync`: files of the running server, between start and stop of a backup.
final class RsyncBackup {
    private let life: BackupLife
    private let settings: ServerSettings
    private var home: ServerHome { life.home }
    private var postgres: PostgresServer { life.postgres }
    private var reporter: any Reporter { life.reporter }

    init(_ life: BackupLife) {
        self.life = life
        settings = life.home.settings
    }

    private var isExclusive: Bool { settings.backupOptions.contains(.exclusiveBackup) }

    /// Describes the cluster, starts, copies, stops.
    func run() throws {
        var cluster = try life.describeCluster()
        cluster.tablespaces = try start()
        do {
            try copy(cluster)
        } catch {
            try finishAfterFailure(error)
            throw error
        }
        life.action = "issuing stop of the backup"
        reporter.info("Asking PostgreSQL server to finalize the backup.")
        try stop()
    }

    // MARK: Start

    /// Starts the backup on the server; returns the tablespaces that there are then.
    ///
    /// Those made later are made anew by the WAL of the backup, those made before by nobody: so they are asked for in between.
    private func start() throws -> [ServerTablespace] {
        life.action = "issuing start backup command"
        life.tellWaitForCheckpoint()
        let label = PostgresServer.backupLabel(server: home.name, backupID: life.info.id)
        let position =
            isExclusive
            ? try postgres.startExclusiveBackup(label: label, immediateCheckpoint: settings.immediateCheckpoint)
            : try postgres.startConcurrentBackup(label: label, immediateCheckpoint: settings.immediateCheckpoint)
        do {
            let tablespaces = try life.describeTablespaces()
            let segment = life.segment(at: position.lsn, timeline: position.timeline)
            try life.begin(at: position.lsn, in: segment, time: position.timestamp)
            return tablespaces
        } catch {
            try finishAfterFailure(error)
            throw error
        }
    }

    // MARK: Copy

    private func copy(_ cluster: ClusterDescription) throws {
        life.action = "copying files"
        try FirstBackup(home: home, reporter: reporter).announceAndTrim(before: life.info, catalog: life.catalog)
        let method = settings.backupMethod == .localRsync ? "local rsync" : "rsync/SSH"
        let jobs = max(1, Int(clamping: settings.parallelJobs))
        let suffix = jobs > 1 ? " (\(jobs) jobs)" : ""
        reporter.info("Starting backup copy via \(method) for \(life.info.id)\(suffix)")
        life.copyStart = Timestamp.now()
        let source = RsyncSource(settings: settings, cluster: cluster)
        warnAboutIncludedFiles(source.uncopiedFiles)
        let older = try OlderBackups(for: life.info, in: life.catalog)
        for id in older.unfinishedIDs {
            reporter.info("Files of the unfinished backup \(id) that did not change are used again")
        }
        for id in older.doubtedIDs {
            reporter.info("No file of the unfinished backup \(id) is used again: they may not be on disk")
        }
        try prepareDirectories(cluster, sharingWith: older.unfinishedDirectories)
        try CopyMark.write(in: life.directory)
        var command = try source.command(reporter: reporter)
        command.retries = RsyncCommand.Retries(
            count: Int(clamping: settings.basebackupRetryTimes),
            pauseSeconds: Double(settings.basebackupRetrySleepSeconds)
        )
        var copyOptions = RsyncCopy.Options()
        copyOptions.jobs = jobs
        copyOptions.startBatchSize = Int(clamping: settings.parallelJobsStartBatchSize)
        copyOptions.startBatchPeriodSeconds = Double(settings.parallelJobsStartBatchPeriodSeconds)
        copyOptions.isFresh = true
        copyOptions.expectedBytes = cluster.sizeBytes
        let watch = SessionGuard(postgres, keepaliveSeconds: settings.keepaliveIntervalSeconds)
        let statistics = try RsyncCopy(command, options: copyOptions, reporter: reporter)
            .run(source.items(into: life.directory, reusing: older)) {
                try life.earlySync?.tick()
                if isExclusive { try SignalWatch.check() } else { try watch.check() }
            }
        life.info.copyStats = statistics.literal
        reporter.info("Copy done (time: \(HumanText.duration(seconds: statistics.totalSeconds)))")
    }

    private func prepareDirectories(_ cluster: ClusterDescription, sharingWith copies: [FilePath]) throws {
        try FileSystem.createDirectories(life.directory)
        try life.openFileSystem(doubting: [life.directory] + copies)
        try FileSystem.createDirectories(life.directory.appending("data"))
        for tablespace in cluster.tablespaces {
            try FileSystem.createDirectories(life.directory.appending(String(tablespace.oid)))
        }
    }

    private func warnAboutIncludedFiles(_ files: [String]) {
        guard !files.isEmpty else { return }
        let text =
            "The usage of include directives is not supported for files that reside outside PGDATA.\n"
            + "Please manually backup the following files:\n" + files.map { "\t\($0)\n" }.joined()
        if settings.backupOptions.contains(.externalConfiguration) {
            reporter.log(.debug, BackupLife.logger, text)
        } else {
            reporter.warning(text)
        }
    }

    // MARK: Stop

    private func stop() throws {
        let position: BackupPosition
        if isExclusive {
            position = try postgres.stopExclusiveBackup()
        } else {
            life.action = "issuing stop backup command (native concurrent)"
            position = try postgres.stopConcurrentBackup()
            life.expectArchiving(upTo: position.lsn, timeline: position.timeline)
        }
        life.info.backupLabel = position.backupLabel
        let segment = life.segment(at: position.lsn, timeline: position.timeline)
        try life.end(at: position.lsn, in: segment, time: position.timestamp)
        guard !isExclusive, let label = position.backupLabel else { return }
        life.action = "writing backup label"
        try FileSystem.createDirectories(life.directory.appending("data"))
        try FileSystem.replaceDurably(life.directory.appending("data/backup_label"), contents: Array(label.utf8))
    }

    /// Ends the backup on the server after the copy has failed; what the copy's failure says stays what is told.
    private func finishAfterFailure(_ failure: any Error) throws {
        if failure is SessionGuard.Lost {
            postgres.abandonConcurrentBackup()
            return
        }
        let action = life.action
        reporter.error("The backup has failed \(action)")
        reporter.info("Asking PostgreSQL server to finalize the backup.")
        defer { life.action = action }
        let signal = Interruption.isRequested ? Interruption.signalNumber : nil
        if signal != nil {
            // Who interrupts does not want to wait for the archiving of WAL: the session ends, and the backup with it.
            guard isExclusive else { return postgres.abandonConcurrentBackup() }
            Interruption.takeBack()
        }
        defer { if let signal { Interruption.request(signal: signal) } }
        do {
            try stop()
        } catch {
            reporter.log(.error, BackupLife.logger, "Stop of the failed backup: \(ErrorText.full(error))")
        }
    }
}
