import Backup
import Catalog
import Failure
import Processes
import Settings
import SystemPackage

/// A delta restore of a plain backup to another host by rsync, which sends no more of a file than what differs.
struct RsyncRestore {
    let home: ServerHome
    let plan: RestorePlan
    let reporter: any Reporter

    private var settings: ServerSettings { home.settings }

    /// What of the data directory is not restored.
    private static let exclusions = [
        "/pg_xlog/*", "/pg_wal/*", "/postmaster.pid", "/recovery.conf", "/recovery.signal", "/standby.signal",
        "/tablespace_map",
    ]

    /// What of the destination stays: hidden files and what the server logged.
    private static let kept = ["/.*", "/pg_log/*", "/log/*"]

    /// Copies what differs and removes what is too much; everything is compared by contents.
    func run() throws {
        var options = RsyncCopy.Options()
        options.jobs = max(1, Int(clamping: settings.parallelJobs))
        options.startBatchSize = Int(clamping: settings.parallelJobsStartBatchSize)
        options.startBatchPeriodSeconds = Double(settings.parallelJobsStartBatchPeriodSeconds)
        options.isFresh = false
        options.destinationIsLocal = false
        options.expectedBytes = plan.info.sizeBytes
        _ = try RsyncCopy(command(), options: options, reporter: reporter).run(items) { try SignalWatch.check() }
        let source = plan.source.pushing(ControlFile.path).string
        let destination = SSHCommand.rsyncPath(join(plan.destination, ControlFile.waitingPath.string))
        try command().run(RsyncCommand.copy(file: source, to: destination), item: "pg_control", leniency: .none)
    }

    private func command() -> RsyncCommand {
        var command = RsyncCommand(ssh: plan.remote, pathPrefix: settings.pathPrefix, reporter: reporter)
        command.isCompressed = plan.isCompressed
        command.bandwidthLimit = settings.bandwidthLimit.map { Int(clamping: $0) }
        // What a retention policy deletes meanwhile must not pass for files that a server has removed.
        command.sourceIsStatic = true
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
                destination: SSHCommand.rsyncPath(tablespace.destination),
                kind: .directory
            )
            item.bandwidthLimit = settings.tablespaceBandwidthLimit[tablespace.name]
            items.append(item)
        }
        var pgdata = CopyItem(
            label: "pgdata",
            source: plan.source.string + "/",
            destination: SSHCommand.rsyncPath(plan.destination),
            kind: .directory
        )
        pgdata.filter = RsyncFilter(
            excluded: Self.exclusions + ["/global/pg_control"],
            protected: plan.tablespaces.flatMap { tablespace in
                ["/pg_tblspc/\(tablespace.oid)"] + (relative(tablespace.destination).map { ["/" + $0] } ?? [])
            } + Self.kept
        )
        return items + [pgdata]
    }

    private func relative(_ path: String) -> String? {
        let root = plan.destination.hasSuffix("/") ? plan.destination : plan.destination + "/"
        return path.utf8.starts(with: root.utf8) ? String(path.utf8.dropFirst(root.utf8.count)) : nil
    }
}
