import Backup
import Catalog
import Failure
import Files
import Notation
import Pipeline
import Processes
import Settings
import SystemPackage

/// Brings the files of the base backup to their places in one pass; `global/pg_control` waits under another name.
struct BaseBackupCopy {
    let home: ServerHome
    let plan: RestorePlan
    let host: any RestoreHost
    let reporter: any Reporter

    private var settings: ServerSettings { home.settings }
    private var chain: BackupChain { plan.stored }
    private var isDelta: Bool { plan.isDelta }

    /// The trees, their places absolute and without symbolic links; the data directory last.
    private let roots: [RestoreRoot]
    private let counter = ByteCounter()
    private let written = ByteCounter()
    private let throttles: Throttles

    /// Prepares a copy; the destinations are there.
    init(home: ServerHome, plan: RestorePlan, host: any RestoreHost, reporter: any Reporter) throws {
        self.home = home
        self.plan = plan
        self.host = host
        self.reporter = reporter
        var roots = plan.tablespaces.map { RestoreRoot(oid: $0.oid, destination: $0.destination) }
        roots.append(RestoreRoot(oid: nil, destination: plan.destination))
        let remote = host as? RemoteRestoreHost
        self.roots = try roots.map { root in
            let real =
                try remote?.absolutePath(root.destination)
                ?? FileSystem.realPath(FilePath(root.destination)).string
            return RestoreRoot(oid: root.oid, destination: real)
        }
        throttles = Throttles(plan: plan, settings: home.settings)
    }

    func run() throws {
        guard let remote = host as? RemoteRestoreHost else { return try copyHere() }
        if isDelta, !chain.isIncremental, !chain.hasTar {
            try RsyncRestore(home: home, plan: plan, reporter: reporter).run()
        } else if isDelta {
            try completeThere(remote)
        } else {
            try copyThere(remote, only: nil)
        }
    }

    // MARK: Here

    private func copyHere() throws {
        let files = RestoredFiles(keepingNames: isDelta)
        let (isDelta, counter, written) = (isDelta, counter, written)
        let sinks = sinks(noting: files) { DirectorySink(isDelta: isDelta, counter: counter, written: written) }
        let workers = max(2, Workers.coreCount, Int(clamping: settings.parallelJobs))
        try copy(to: sinks, noting: files, workerCount: workers)
        if isDelta {
            for root in roots { try ExtraFiles(root: root, names: files.names(in: root), roots: roots).remove() }
        }
        try writeManifest(files)
        reporter.log(
            .debug,
            RestoreWork.logger,
            "The base backup has \(counter.value) bytes, of which \(written.value) had to be written"
        )
    }

    // MARK: There

    /// Streams everything, or only some paths, to the other host.
    private func copyThere(_ remote: RemoteRestoreHost, only wanted: Set<FilePath>?) throws {
        let (ssh, isCompressed, counter) = (remote.ssh, plan.isCompressed, counter)
        try retrying {
            let files = RestoredFiles(keepingNames: false)
            let sinks = sinks(noting: files) {
                let stream = TarStreamSink(ssh: ssh, isCompressed: isCompressed, counter: counter)
                return wanted.map { FilteredSink(stream, wanted: $0) } ?? stream
            }
            try copy(to: sinks, noting: files, workerCount: max(1, Int(clamping: settings.parallelJobs)))
            try writeManifest(files)
        }
    }

    /// Compares checksums first, removes what does not belong there, then streams what differs.
    private func completeThere(_ remote: RemoteRestoreHost) throws {
        let present = try remote.digests(below: roots.map(\.destination))
        let digests = Digests()
        let files = RestoredFiles(keepingNames: true)
        let quiet = ByteCounter()
        let compared = SinkSet { DigestSink(digests, counter: quiet) }
        try copy(to: compared, noting: files, workerCount: max(2, Workers.coreCount))
        for root in roots {
            let extra = ExtraFiles(root: root, names: files.names(in: root), roots: roots)
            let paths = try remote.names(below: root.destination).filter { extra.contains($0) }
            if !paths.isEmpty { try remote.removeTrees(paths, below: root.destination) }
        }
        try copyThere(remote, only: digests.paths(differingFrom: present))
    }

    /// Begins anew when the other host goes away, as often as the settings say.
    private func retrying(_ body: () throws -> Void) throws {
        var left = settings.basebackupRetryTimes
        while true {
            do {
                return try body()
            } catch let error as ProcessError where left > 0 && !RestoreError.isInterruption(error) {
                left -= 1
                reporter.warning("Copy of base backup failed, retrying: \(error)")
                try SignalWatch.pause(seconds: Double(settings.basebackupRetrySleepSeconds))
            }
        }
    }

    // MARK: Either

    private func sinks(
        noting files: RestoredFiles,
        _ make: @escaping @Sendable () throws -> any FileSink
    ) -> SinkSet {
        let (throttles, isIncremental) = (throttles, chain.isIncremental)
        return SinkSet {
            var sink = try make()
            if throttles.limit { sink = ThrottledSink(sink) { throttles[$0] } }
            if isIncremental { sink = ChecksummingSink(sink, noting: files) }
            return sink
        }
    }

    private func copy(to sinks: SinkSet, noting files: RestoredFiles, workerCount: Int) throws {
        do {
            if chain.hasTar {
                try copyStreams(to: sinks, noting: files)
            } else {
                try copyTrees(to: sinks, noting: files, workerCount: workerCount)
            }
            try sinks.close()
        } catch {
            sinks.abandon()
            throw error
        }
        showProgress(isFinished: true)
    }

    private func copyTrees(to sinks: SinkSet, noting files: RestoredFiles, workerCount: Int) throws {
        let restore = TreeRestore(chain: chain, roots: roots, rules: RestoreRules(plan: plan), files: files)
        let listing = try restore.list()
        let total = chain.isIncremental ? plan.info.clusterSizeBytes : listing.totalBytes
        try restore.run(listing, to: sinks, workerCount: workerCount) { try check(sinks, totalBytes: total) }
    }

    private func copyStreams(to sinks: SinkSet, noting files: RestoredFiles) throws {
        let tars = TarSource(passphrase: try passphrase(), pathPrefix: settings.pathPrefix)
        let (chain, rules) = (chain, RestoreRules(plan: plan))
        let spool = spoolDirectory
        try Workers.map(
            roots,
            count: max(1, Workers.coreCount),
            check: { try check(sinks, totalBytes: plan.info.clusterSizeBytes) },
            body: { root in
                let restore = StreamRestore(
                    chain: chain,
                    root: root,
                    rules: rules,
                    files: files,
                    tars: tars,
                    spoolDirectory: spool ?? FilePath(root.destination)
                )
                try restore.run(to: sinks.next())
            },
            inOrder: { _, _ in }
        )
    }

    /// Where increments wait: beside what is restored, or in a directory of this host when that is elsewhere.
    private var spoolDirectory: FilePath? {
        guard plan.remote != nil else { return nil }
        let chosen = plan.request.stagingPath.map { FilePath($0) } ?? settings.stagingPath
        let isHere = (plan.request.stagingLocation ?? settings.stagingLocation.rawValue) != "remote"
        return isHere ? chosen ?? FileSystem.temporaryDirectory : FileSystem.temporaryDirectory
    }

    private func passphrase() throws -> [UInt8]? {
        guard let encrypted = chain.newestFirst.first(where: { $0.info.encryption != nil }) else { return nil }
        reporter.info("Decrypting files from backup '\(encrypted.info.id)' for server '\(home.name)'.")
        return try DecryptedFile.passphrase(for: encrypted.info.id, settings, purpose: "a restore")
    }

    private func writeManifest(_ files: RestoredFiles) throws {
        guard chain.isIncremental else { return }
        let manifest = try CombinedManifest(of: chain.tip, files: files.listed)
        try host.write(manifest.contents, to: join(plan.destination, BackupManifest.fileName))
    }

    private func check(_ sinks: SinkSet, totalBytes: Int64?) throws {
        do {
            try SignalWatch.check()
        } catch {
            // A thread that waits for the other host would never come back.
            sinks.abandon()
            throw error
        }
        showProgress(totalBytes: totalBytes)
    }

    private func showProgress(totalBytes: Int64? = nil, isFinished: Bool = false) {
        let done = counter.value
        reporter.progress(
            ProgressUpdate(
                label: "Restoring",
                doneBytes: done,
                totalBytes: isFinished ? done : totalBytes.map { max($0, done) },
                isFinished: isFinished
            )
        )
    }
}

/// The limits of a copy's rate.
private struct Throttles: Sendable {
    private let all: Throttle?
    private let tablespaces: [Int64: Throttle]

    init(plan: RestorePlan, settings: ServerSettings) {
        all = settings.bandwidthLimit.flatMap { $0 > 0 ? Throttle(kibibytesPerSecond: $0) : nil }
        var tablespaces: [Int64: Throttle] = [:]
        for tablespace in plan.tablespaces {
            guard let limit = settings.tablespaceBandwidthLimit[tablespace.name], limit > 0 else { continue }
            tablespaces[tablespace.oid] = Throttle(kibibytesPerSecond: limit)
        }
        self.tablespaces = tablespaces
    }

    /// Whether there is any limit.
    var limit: Bool { all != nil || !tablespaces.isEmpty }

    subscript(_ root: RestoreRoot) -> Throttle? { root.oid.flatMap { tablespaces[$0] } ?? all }
}
