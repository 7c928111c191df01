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
        let kind: WALFileName
        var isPartial = false
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
            selection.consider(name, kind: kind)
            return true
        }
        return try files(selection.items) + unlisted(selection.items) + lastPartial(selection.items)
    }

    private func files(_ items: [WALSelection.Item]) throws -> [File] {
        let complete = Set(items.map(\.name))
        return try items.compactMap { item in
            switch item.kind {
            case .segment:
                return File(name: item.name, deliveredName: item.name, kind: item.kind)
            case .history, .backupLabel:
                // Recovery has been found to get along without one that is listed only.
                let isThere = try lookup.place(of: item.kind, text: item.name) != nil
                return isThere ? File(name: item.name, deliveredName: item.name, kind: item.kind) : nil
            case .partial(let segment):
                // The complete segment holds all that the partial one does.
                guard !complete.contains(segment.description) else { return nil }
                return File(name: item.name, deliveredName: segment.description, kind: item.kind, isPartial: true)
            }
        }
    }

    /// What is on the way but not in the list of the archive: it may still wait in a queue.
    private func unlisted(_ items: [WALSelection.Item]) -> [File] {
        let listed = Set(items.map(\.name))
        let histories = path.histories.sorted().map { ($0.historyName, WALFileName.history($0)) }
        let segments = path.segments.lazy.map { ($0.description, WALFileName.segment($0)) }
        return (histories + segments).filter { !listed.contains($0.0) }.map { name, kind in
            File(name: name, deliveredName: name, kind: kind)
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
                kind: .partial(partial.segment),
                isPartial: true
            )
        ]
    }

    private var lookup: WALLookup { WALLookup(home: home) }

    /// Reads a file from where it is by now: one that waited in a queue has been archived during the copy of the base backup, and
    /// the segment that was being written is complete.
    private func reading<Result>(_ file: File, _ read: (FilePath) throws -> Result) throws -> Result {
        var attempts = 3
        while true {
            let place: FilePath?
            if case .partial(let segment) = file.kind {
                place = try lookup.place(of: .segment(segment), text: file.deliveredName, partial: true)
            } else {
                place = try lookup.place(of: file.kind, text: file.name)
            }
            do {
                return try read(place ?? WALArchive(home).path(of: file.kind, text: file.name))
            } catch {
                let cause = error as? FileError ?? (error as? Failure)?.cause as? FileError
                attempts -= 1
                guard attempts > 0, let place, let cause, cause.isMissing, cause.path == place else { throw error }
            }
        }
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
            body: { file in
                try reading(file) { try reader.fetch($0, to: directory.appending(file.deliveredName)) }
            },
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
                    try reading(file) { source in
                        let status = try FileSystem.status(of: source)
                        let member = RestoredMember(
                            path: FilePath(file.deliveredName),
                            kind: .file,
                            permissions: .ownerReadWrite,
                            modifiedSeconds: status.modifiedSeconds
                        )
                        return (member, try reader.contents(of: source, limit: limit))
                    }
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
