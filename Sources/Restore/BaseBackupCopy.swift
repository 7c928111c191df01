import Backup
import Catalog
import Failure
import Files
import Notation
import Pipeline
import Processes
import Settings
import SystemPackage

/// Brings the files of the base backup to their places, all but `global/pg_control`.
struct BaseBackupCopy {
    let home: ServerHome
    let plan: RestorePlan
    let reporter: any Reporter

    private var settings: ServerSettings { home.settings }

    /// What of the data directory is not restored.
    private static let exclusions = [
        "/pg_log/*", "/log/*", "/pg_xlog/*", "/pg_wal/*", "/postmaster.pid", "/recovery.conf", "/tablespace_map",
    ]

    func run(horizon: Timestamp?) throws {
        if plan.info.compression != nil {
            try TarRestore(home: home, plan: plan, reporter: reporter).run()
        } else if plan.remote != nil || plan.isDelta {
            try copyByRsync(horizon)
        } else {
            try copyNatively()
        }
    }

    // MARK: Local

    private func copyNatively() throws {
        var copy = TreeCopy()
        for tablespace in plan.tablespaces {
            try copy.add(tablespace.source, to: FilePath(tablespace.destination))
        }
        let isSkipped = skipRule()
        try copy.add(plan.source, to: FilePath(plan.destination), isSkipped: isSkipped)
        let total = copy.totalBytes
        let show = { (done: Int64) in
            reporter.progress(
                ProgressUpdate(label: "Restoring", doneBytes: done, totalBytes: total, isFinished: done >= total)
            )
        }
        try copy.run(
            workerCount: max(2, Workers.coreCount, Int(clamping: settings.parallelJobs)),
            check: { try SignalWatch.check() },
            progress: show
        )
    }

    /// The rules of `exclusions`, and what comes last or is made anew, for paths below the data directory.
    private func skipRule() -> (FilePath) -> Bool {
        let emptied: Set<FilePath> = ["pg_log", "log", "pg_xlog", "pg_wal"]
        var skipped: Set<FilePath> = ["global/pg_control", "postmaster.pid", "recovery.conf", "tablespace_map"]
        for tablespace in plan.tablespaces { skipped.insert(FilePath("pg_tblspc/\(tablespace.oid)")) }
        return { path in
            skipped.contains(path) || (path.components.count == 2 && emptied.contains(path.removingLastComponent()))
        }
    }

    /// Puts the control file of the backup in place, durably: from now on the server can be started.
    func placeControlFile(_ path: FilePath) throws {
        guard plan.info.compression == nil else { return try TarRestore.placeControlFile(path) }
        let source = plan.source.appending("global/pg_control")
        let status = try FileSystem.status(of: source)
        var file = try DurableFile(
            replacing: path,
            permissions: status.permissions,
            temporaryName: "pg_control.restoring"
        )
        try file.write(FileSystem.read(source, limit: 1 << 20))
        try file.copyAttributes(of: status)
        try file.commit()
    }

    // MARK: rsync

    private func copyByRsync(_ horizon: Timestamp?) throws {
        var options = RsyncCopy.Options()
        options.jobs = max(1, Int(clamping: settings.parallelJobs))
        options.startBatchSize = Int(clamping: settings.parallelJobsStartBatchSize)
        options.startBatchPeriodSeconds = Double(settings.parallelJobsStartBatchPeriodSeconds)
        options.horizonSeconds = horizon?.secondsSinceEpoch
        options.isFresh = !plan.isDelta
        options.destinationIsLocal = plan.remote == nil
        options.expectedBytes = plan.info.sizeBytes
        _ = try RsyncCopy(command(), options: options, reporter: reporter)
            .run(items) { try SignalWatch.check() }
    }

    /// Sends the control file to the other host after everything else.
    func copyControlFileRemotely() throws {
        let source = plan.source.appending("global/pg_control").string
        let destination = rsyncPath(join(plan.destination, "global/pg_control"))
        try command().run(RsyncCommand.copy(file: source, to: destination), item: "pg_control", leniency: .none)
    }

    private func command() -> RsyncCommand {
        var command = RsyncCommand(ssh: plan.remote, pathPrefix: settings.pathPrefix, reporter: reporter)
        command.isCompressed = plan.isCompressed
        command.bandwidthLimit = settings.bandwidthLimit.map { Int(clamping: $0) }
        command.retries = RsyncCommand.Retries(
            count: Int(clamping: settings.basebackupRetryTimes),
            pauseSeconds: Double(settings.basebackupRetrySleepSeconds)
        )
        return command
    }

    private var items: [CopyItem] {
        var items: [CopyItem] = []
        for tablespace in plan.tablespaces {
            var item = CopyItem(
                label: tablespace.name,
                source: tablespace.source.string + "/",
                destination: rsyncPath(tablespace.destination),
                kind: .directory
            )
            item.bandwidthLimit = settings.tablespaceBandwidthLimit[tablespace.name]
            items.append(item)
        }
        var pgdata = CopyItem(
            label: "pgdata",
            source: plan.source.string + "/",
            destination: rsyncPath(plan.destination),
            kind: .directory
        )
        pgdata.filter = RsyncFilter(
            excluded: Self.exclusions + ["/global/pg_control"],
            protected: plan.tablespaces.flatMap { tablespace in
                ["/pg_tblspc/\(tablespace.oid)"] + (relative(tablespace.destination).map { ["/" + $0] } ?? [])
            }
        )
        // A destination with nothing but dot files counts as empty; they are not ours to remove.
        pgdata.freshOptions = ["--filter=P /.*"]
        return items + [pgdata]
    }

    private func relative(_ path: String) -> String? {
        let root = plan.destination.hasSuffix("/") ? plan.destination : plan.destination + "/"
        return path.utf8.starts(with: root.utf8) ? String(path.utf8.dropFirst(root.utf8.count)) : nil
    }

    private func rsyncPath(_ path: String) -> String {
        plan.remote == nil ? path : SSHCommand.rsyncPath(path)
    }
}
