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
    private let path: RecoveryPath
    /// Where the files go.
    let directory: String

    /// Prepares the delivery of the WAL on a way that was found before; no server is asked.
    init(
        home: ServerHome,
        plan: RestorePlan,
        target: RecoveryTarget,
        path: RecoveryPath,
        host: any RestoreHost,
        reporter: any Reporter
    ) {
        self.home = home
        self.plan = plan
        self.target = target
        self.path = path
        self.host = host
        self.reporter = reporter
        directory = plan.walDestination(isPointInTime: target.isPointInTime)
    }

    private var wantsPartial: Bool { plan.request.partialWAL && !target.immediate }

    /// Refuses, before anything is written, what could not be delivered later.
    func checkBeforehand() throws {
        _ = try select()
    }

    /// Selects, copies, and tells the server that these files are archived already.
    func run() throws {
        let current = try BackupCatalog.record(of: plan.info.id, in: home) ?? plan.info
        if current.status == .waitingForWALs, !path.holdsWAL(of: current) {
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
        guard let begin = plan.info.beginSegment, let end = plan.info.endSegment else { return [] }
        var selection = WALSelection(
            begin: begin,
            end: end,
            path: path,
            stopsAtConsistency: target.immediate,
            targetLSN: target.lsn.flatMap { LSN($0) },
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
            selection.consider(name, kind: kind, compression: line.record.compression)
            return true
        }
        return files(selection.items) + unlisted(selection.items) + lastPartial(selection.items)
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

    /// Segments on the way that are in the archive but not in its list.
    private func unlisted(_ items: [WALSelection.Item]) -> [File] {
        let listed = Set(items.map(\.name))
        return path.segments.filter { !listed.contains($0.description) }.map { segment in
            File(
                name: segment.description,
                deliveredName: segment.description,
                source: WALArchive(home).path(of: segment),
                // How it is stored is found out when it is read.
                isCompressed: true,
                isPartial: false
            )
        }
    }

    /// The segment at the end of the way that is still being written: without it the last commits would be lost.
    private func lastPartial(_ items: [WALSelection.Item]) -> [File] {
        guard let partial = path.partial, case let name = "\(partial.segment).partial",
            !items.contains(where: { $0.name == name })
        else { return [] }
        return [
            File(
                name: name,
                deliveredName: partial.segment.description,
                source: partial.path,
                isCompressed: false,
                isPartial: true
            )
        ]
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
        guard let remote = host as? RemoteRestoreHost else { return try unpack(files, into: FilePath(directory)) }
        try stream(files, to: remote)
    }

    private var threadCount: Int { max(2, Workers.coreCount, Int(clamping: home.settings.parallelJobs)) }

    /// Writes the files as PostgreSQL reads them, several at a time; the sync of everything comes later.
    private func unpack(_ files: [File], into directory: FilePath) throws {
        let reader = WALReader(home: home)
        try Workers.map(
            files,
            count: threadCount,
            window: 256,
            check: { try SignalWatch.check() },
            body: { file in try reader.fetch(file.source, to: directory.appending(file.deliveredName)) },
            inOrder: { _, _ in }
        )
    }

    /// What may wait in memory for its turn in the stream.
    private static let waitingBytes: UInt64 = 64 << 20

    /// Sends the files as PostgreSQL reads them, unpacked on several threads; nothing of them touches a disk of this host.
    private func stream(_ files: [File], to remote: RemoteRestoreHost) throws {
        let root = RestoreRoot(oid: nil, destination: try remote.absolutePath(directory))
        let stream = TarStreamSink(ssh: remote.ssh, isCompressed: plan.isCompressed, counter: ByteCounter())
        let throttle = home.settings.bandwidthLimit.flatMap { $0 > 0 ? Throttle(kibibytesPerSecond: $0) : nil }
        let sink: any FileSink = throttle.map { limit in ThrottledSink(stream) { _ in limit } } ?? stream
        let reader = WALReader(home: home)
        let limit = Int(clamping: max(plan.info.segmentSize.bytes, 1 << 20))
        let window = max(1, Int(clamping: Self.waitingBytes / UInt64(limit)))
        do {
            try Workers.map(
                files,
                count: min(threadCount, window),
                window: window,
                check: { try SignalWatch.check() },
                body: { file in
                    let status = try FileSystem.status(of: file.source)
                    let member = RestoredMember(
                        path: FilePath(file.deliveredName),
                        kind: .file,
                        permissions: .ownerReadWrite,
                        modifiedSeconds: status.modifiedSeconds
                    )
                    return (member, try reader.contents(of: file.source, limit: limit))
                },
                inOrder: { _, file in try sink.put(file.0, file.1, in: root) }
            )
            try sink.close()
        } catch let error as ProcessError where !RestoreError.isInterruption(error) {
            throw Failure(
                "data transfer failure while copying WAL files to directory '\(directory)'\n\(error)",
                cause: error
            )
        } catch {
            sink.abandon()
            throw error
        }
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
