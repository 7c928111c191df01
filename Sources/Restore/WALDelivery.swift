import Archive
import Backup
import Catalog
import Failure
import Files
import Pipeline
import Processes
import Settings
import SystemPackage
import WAL

/// Brings the WAL that a restored server needs to where it will look for it.
struct WALDelivery {
    private let home: ServerHome
    private let plan: RestorePlan
    private let target: RecoveryTarget
    private let host: any RestoreHost
    private let reporter: any Reporter
    private let begin: WALSegmentName
    private let end: WALSegmentName
    private let targetTimeline: Timeline
    /// Where the files go.
    let directory: String

    /// Finds out which timeline is followed; the version that decides is the backup's, no server is asked.
    init(
        home: ServerHome,
        plan: RestorePlan,
        target: RecoveryTarget,
        host: any RestoreHost,
        reporter: any Reporter
    ) throws {
        self.home = home
        self.plan = plan
        self.target = target
        self.host = host
        self.reporter = reporter
        guard let begin = plan.info.beginSegment, let end = plan.info.endSegment else {
            throw Failure("The record of backup \(plan.info.id) does not say where its WAL begins and ends")
        }
        self.begin = begin
        self.end = end
        directory = plan.walDestination(isPointInTime: target.isPointInTime)
        let isOpenEnded = (target.lsn != nil || target.immediate) && plan.version >= 12_00_00
        switch target.timeline {
        case "current": targetTimeline = plan.info.timeline ?? end.timeline
        case "latest": targetTimeline = try WALArchive(home).newestTimeline() ?? end.timeline
        case nil: targetTimeline = isOpenEnded ? try WALArchive(home).newestTimeline() ?? end.timeline : end.timeline
        case .some(let text):
            guard let number = UInt32(text) else { throw Failure("Invalid target timeline '\(text)'") }
            targetTimeline = Timeline(rawValue: number)
        }
    }

    private var wantsPartial: Bool { plan.request.partialWAL && !target.immediate }

    /// Refuses, before anything is written, what could not be delivered later.
    func checkBeforehand() throws {
        _ = try select()
    }

    /// Selects, copies, and tells the server that these files are archived already.
    func run() throws {
        let current = try BackupCatalog.record(of: plan.info.id, in: home) ?? plan.info
        if current.status == .waitingForWALs {
            reporter.warning(
                "IMPORTANT: The backup we have restored IS NOT VALID. Required WAL files for consistency are missing. "
                    + "Please verify that WAL archiving is working correctly or evaluate using the 'get-wal' option "
                    + "for recovery"
            )
        }
        try RestoreError.naming("unable to initialise WAL destination directory '\(directory)': ") {
            try host.prepareDirectory(directory, isPrivate: true)
        }
        reporter.info("Copying required WAL segments.")
        let files = try select()
        try RestoreError.naming("Failure copying WAL files: ") { try deliver(files) }
        guard !target.isPointInTime else { return }
        reporter.info("Generating archive status files")
        try markArchived(files.map(\.name))
    }

    // MARK: Selection

    /// One file to deliver.
    private struct File: Sendable {
        /// The name in the archive.
        let name: String
        /// The name in the destination: partial files are delivered as complete ones.
        let deliveredName: String
        let source: FilePath
        /// True when the catalog says it is compressed.
        let isCompressed: Bool
        let isPartial: Bool
    }

    private func select() throws -> [File] {
        var selection = WALSelection(
            begin: begin,
            end: end,
            targetTimeline: targetTimeline,
            stopsAtConsistency: target.immediate,
            targetLSN: try target.lsn.map { text throws(Failure) in
                guard let lsn = LSN(text) else { throw Failure("Invalid target LSN '\(text)'") }
                return lsn
            },
            segmentSize: plan.info.segmentSize,
            wantsPartial: wantsPartial
        )
        try XlogDatabase(home).forEachLine { line in
            let name = line.name
            guard let kind = WALFileName(name) else {
                throw Failure(
                    "invalid xlog segment name '\(name)'",
                    hint: "Please run \"barman rebuild-xlogdb \(home.name)\" to solve this issue"
                )
            }
            let record = line.record
            selection.consider(
                name,
                kind: kind,
                compression: record.compression,
                isEncrypted: record.encryption != nil
            )
            return true
        }
        guard !selection.items.contains(where: \.isEncrypted) else {
            throw Failure(
                "Encrypted WALs were found for server '\(home.name)', which are not supported by this release. "
                    + "Use the 'get-wal' option instead."
            )
        }
        return files(selection.items) + (try streamedPartial(selection).map { [$0] } ?? [])
    }

    private func files(_ items: [WALSelection.Item]) -> [File] {
        let archive = WALArchive(home)
        let complete = Set(items.map(\.name))
        return items.compactMap { item in
            var deliveredName = item.name
            var isPartial = false
            if case .partial(let segment) = item.kind {
                // The complete segment holds all that the partial one does.
                guard !complete.contains(segment.description) else { return nil }
                deliveredName = segment.description
                isPartial = true
            }
            return File(
                name: item.name,
                deliveredName: deliveredName,
                source: archive.path(of: item.kind, text: item.name),
                isCompressed: item.compression != nil,
                isPartial: isPartial
            )
        }
    }

    /// The segment that is being received right now.
    private func streamedPartial(_ selection: WALSelection) throws -> File? {
        guard let segment = selection.nextPartial(segmentSize: plan.info.segmentSize) else { return nil }
        let name = "\(segment).partial"
        let path = home.streamingWALsDirectory.appending(name)
        guard try FileSystem.exists(path), !selection.items.contains(where: { $0.name == name }) else { return nil }
        return File(
            name: name,
            deliveredName: segment.description,
            source: path,
            isCompressed: false,
            isPartial: true
        )
    }

    // MARK: Delivery

    private func deliver(_ files: [File]) throws {
        let complete = files.filter { !$0.isPartial }
        let partial = files.filter(\.isPartial)
        try deliverGroup(complete)
        guard !partial.isEmpty else { return }
        reporter.info("Copying .partial WAL files.")
        try deliverGroup(partial)
    }

    private func deliverGroup(_ files: [File]) throws {
        guard plan.remote != nil else { return try unpack(files, into: FilePath(directory)) }
        let batchSize = 256
        var rest = files[...]
        while !rest.isEmpty {
            try send(Array(rest.prefix(batchSize)))
            rest = rest.dropFirst(batchSize)
        }
    }

    /// Writes the files as PostgreSQL reads them, several at a time, each durable.
    private func unpack(_ files: [File], into directory: FilePath) throws {
        let reader = WALReader(home: home)
        try Workers.map(
            files,
            count: max(2, Workers.coreCount, Int(clamping: home.settings.parallelJobs)),
            window: 256,
            check: { try SignalWatch.check() },
            body: { file in
                try reader.fetch(file.source, to: directory.appending(file.deliveredName), synchronizing: true)
            },
            inOrder: { _, _ in }
        )
    }

    /// Sends files to the other host: as they lie in the archive when all are plain, otherwise unpacked here first.
    private func send(_ files: [File]) throws {
        let workspace = try FileSystem.createTemporaryDirectory(prefix: "barman_wal-")
        defer {
            // Left behind it wastes space in the temporary directory, which others look after.
            _ = try? FileSystem.removeTree(workspace)
        }
        let isPlain = !files.contains { $0.isCompressed || $0.isPartial }
        if !isPlain { try unpack(files, into: workspace) }
        let groups = isPlain ? Dictionary(grouping: files) { $0.source.removingLastComponent() } : [workspace: files]
        for (source, group) in groups.sorted(by: { $0.key.string < $1.key.string }) {
            let list = workspace.appending(".list")
            try FileSystem.replaceDurably(list, contents: Array(group.map { $0.deliveredName + "\n" }.joined().utf8))
            let words = RsyncCommand.copy(
                from: source.string + "/",
                to: SSHCommand.rsyncPath(self.directory + "/"),
                list: list
            )
            do {
                try command.run(words, item: "WAL files", leniency: .none)
            } catch let failure as RsyncFailure {
                throw Failure(
                    "data transfer failure while copying WAL files to directory "
                        + "'\(self.directory)'\nrsync error:\n\(failure.outcome.outputText)\(failure.outcome.errorText)"
                )
            }
        }
    }

    private var command: RsyncCommand {
        var command = RsyncCommand(ssh: plan.remote, pathPrefix: home.settings.pathPrefix, reporter: reporter)
        command.isCompressed = plan.isCompressed
        command.bandwidthLimit = home.settings.bandwidthLimit.map { Int(clamping: $0) }
        return command
    }

    /// Tells PostgreSQL that it need not archive these files again.
    private func markArchived(_ names: [String]) throws {
        let directory = join(directory, "archive_status")
        try RestoreError.naming("unable to create the archive_status directory '\(directory)': ") {
            try host.prepareDirectory(directory, isPrivate: false)
        }
        try host.writeEmptyFiles(names.map { $0 + ".done" }, in: directory)
    }
}
