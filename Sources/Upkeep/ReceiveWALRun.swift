import Archive
public import Catalog
public import Failure
import Files
import Glibc
public import Postgres
import Processes
import Replication
import Settings
import SystemPackage
import WAL

/// `receive-wal`: the WAL receiver of one server, and the directory it works in (wal-archiving.md 9).
public struct ReceiveWALRun {
    private let home: ServerHome
    private let server: PostgresServer?
    private let reporter: any Reporter
    private let environment: [String: String]

    /// Prepares to receive; `home` and `server` have the connections of the host that WAL is streamed from.
    public init(
        home: ServerHome,
        server: PostgresServer?,
        reporter: any Reporter,
        environment: [String: String]
    ) {
        self.home = home
        self.server = server
        self.reporter = reporter
        self.environment = environment
    }

    /// Receives until the program is asked to end, which is no error; throws `Failure`.
    public func start() throws {
        let server = try checkedServer()
        reporter.info("Starting receive-wal for server \(home.name)")
        let lock = try takeLock(orSay: "Another receive-wal process is already running for server \(home.name).")
        defer { lock.release() }
        let streaming = WALStreaming(
            home: home,
            server: server,
            reporter: reporter,
            archiveReporter: LogOnlyReporter(reporter)
        )
        do {
            let size = try prepare(server, createsSlot: true, receiverName: streaming.receiverName)
            try truncateDamagedPartial(size)
        } catch  where !Interruption.isRequested {
            ReceiverTrouble(of: home).note("\(error)".replacing(Self.failurePrefix, with: ""))
            throw error
        }
        try streaming.run {
            _ = try prepare(server, createsSlot: true, receiverName: streaming.receiverName)
        }
        if Interruption.signalNumber == SIGINT { reporter.info("SIGINT received. Terminate gracefully.") }
        // The wish has been fulfilled; what is left is to end well.
        if Interruption.signalNumber != SIGTERM { Interruption.takeBack() }
    }

    /// Makes the next receiver begin at the segment that the slot keeps, or the one being written.
    public func reset() throws {
        let server = try checkedServer()
        let lock = try takeLock(
            orSay: "Unable to reset the status of receive-wal for server \(home.name). Process is still running"
        )
        defer { lock.release() }
        let size = try prepare(server, createsSlot: false)
        guard let timeline = server.streamingFacts()?.timeline, let lsn = server.facts().currentLSN else {
            throw Self.failure("failed opening the PostgreSQL streaming connection for server \(home.name)")
        }
        // A position on a boundary belongs to the segment that ends there, when the question is who is ahead.
        let last = LSN(rawValue: max(lsn.rawValue, 1) - 1)
        let newestOfServer = WALSegmentName(containing: last, timeline: timeline, size: size)
        let path = try timelinePath(server, to: timeline)
        // The slot may be on a timeline before the promotion still.
        let point = ResumePoint(on: path, containing: server.facts().replicationSlot?.restartLSN ?? lsn, size: size)
        let target = WALSegmentName(containing: point.position, timeline: point.timeline, size: size)
        let (newest, hasOthers) = try newestFile(on: path, size)
        guard let newest else {
            // Files of other timelines tell the receiver nothing, or nothing good.
            if hasOthers { return try reset(to: target, from: nil) }
            return reporter.info(Self.alignedText)
        }
        guard newest != "\(target)", newest != "\(target).partial" else { return reporter.info(Self.alignedText) }
        guard newest.dropFirst(8) <= "\(newestOfServer)".dropFirst(8) else {
            throw Failure(
                "The receive-wal position is ahead of PostgreSQL current WAL lsn (\(newest) > \(newestOfServer))"
            )
        }
        try reset(to: target, from: newest)
        ReceiverTrouble(of: home).clear()
    }

    private static let alignedText = "Nothing to do. Position of receive-wal is aligned."

    private func timelinePath(_ server: PostgresServer, to timeline: Timeline) throws -> TimelinePath {
        guard timeline.rawValue > 1 else { return TimelinePath(along: timeline) }
        do {
            let session = try server.openReplication(applicationName: "barman", onNotice: { _ in })
            return try session.timelinePath(to: timeline)
        } catch {
            throw Self.failure(
                "the history of timeline \(timeline) cannot be had from server \(home.name)",
                cause: error
            )
        }
    }

    private func reset(to target: WALSegmentName, from newest: String?) throws {
        reporter.info("Resetting receive-wal directory status")
        do {
            if let newest, newest.hasSuffix(".partial") {
                let path = home.streamingWALsDirectory.appending(newest)
                // One before the target does not keep the receiver from it, and its WAL may be nowhere else: it will be archived.
                let isBefore = newest.dropFirst(8) < "\(target)".dropFirst(8)
                if try !isBefore || FileSystem.status(of: path).sizeBytes == 0 {
                    reporter.info("Removing status file \(path)")
                    try FileSystem.unlink(path)
                }
            }
            let path = home.streamingWALsDirectory.appending("\(target).partial")
            reporter.info("Creating status file \(path)")
            try OwnedDescriptor(
                opening: path,
                .writeOnly,
                options: [.create, .noFollow],
                permissions: FilePermissions(rawValue: 0o600)
            ).close()
            try FileSystem.syncParent(of: path)
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    // MARK: Before it begins

    private func checkedServer() throws -> PostgresServer {
        guard home.settings.streamingArchiver else {
            throw Failure(
                "Unable to start receive-wal process: streaming_archiver option set to 'off' in barman configuration file"
            )
        }
        let check = CheckRun(
            home: home,
            server: server,
            reporter: LogOnlyReporter(reporter),
            environment: environment
        )
        guard let server, try check.permitsStreaming() else {
            throw Failure(
                "Impossible to start WAL streaming. Check the log for more details, or run 'barman check \(home.name)'"
            )
        }
        return server
    }

    private func takeLock(orSay busy: String) throws -> FileLock {
        do {
            return try FileLock.acquire(home.lockPath(.receiveWAL))
        } catch .busy {
            throw Failure(busy)
        } catch {
            throw error.failure
        }
    }

    /// The directory and the slot, which only a receiver of this name may hold; returns the size of segments there.
    private func prepare(
        _ server: PostgresServer,
        createsSlot: Bool,
        receiverName: String? = nil
    ) throws -> WALSegmentSize {
        do {
            try FileSystem.createDirectories(home.streamingWALsDirectory)
        } catch {
            throw UpkeepFailure.named(error)
        }
        let facts = server.streamingFacts()
        guard facts?.isStreaming == true else {
            throw Self.failure(
                "failed opening the PostgreSQL streaming connection for server \(home.name)",
                cause: facts?.connectionError.map { PostgresError(.connectionFailed, message: $0) }
            )
        }
        if let slot = home.settings.slotName { try checkSlot(slot, server, createsSlot, receiverName) }
        guard let size = server.facts().segmentSize else {
            throw Self.failure("the size of WAL segments of server \(home.name) is not known")
        }
        return size
    }

    private func checkSlot(
        _ slot: String,
        _ server: PostgresServer,
        _ createsSlot: Bool,
        _ receiverName: String?
    ) throws {
        guard let state = server.facts().replicationSlot else {
            guard createsSlot, home.settings.createSlot == .auto else {
                throw Self.failure(
                    "replication slot '\(slot)' doesn't exist. "
                        + "Please execute 'barman receive-wal --create-slot \(home.name)'"
                )
            }
            reporter.info("Creating replication slot '\(slot)'")
            return try ReplicationSlots(home: home, server: server, reporter: reporter).create()
        }
        guard !state.isLost else {
            throw Self.failure(
                "replication slot '\(slot)' \(CheckRun.lostSlot). 'barman check --explain \(home.name)' says what to do"
            )
        }
        guard state.isActive else { return }
        // Who holds it may have ended since, or be hidden from us.
        let holder = try? server.streamingClients().first { $0.slotName == slot }
        if let holder {
            reporter.warning(
                "\(home.name): replication slot '\(slot)' is held by \(holder.applicationName ?? "an unknown client") from "
                    + "\(holder.address ?? "a local socket") (process \(holder.processID) of the server)"
            )
            // A connection of ours that is gone, perhaps: we hold the lock. The server will notice.
            if holder.applicationName == receiverName { return }
        }
        throw Self.failure("replication slot '\(slot)' is already in use")
    }

    /// Empties the last partial file when it is neither empty nor as long as a segment, so that it is received anew.
    private func truncateDamagedPartial(_ size: WALSegmentSize) throws {
        do {
            let names = try FileSystem.names(in: home.streamingWALsDirectory)
            guard let last = names.last(where: { $0.hasSuffix(".partial") && WALFileName($0) != nil }) else { return }
            let path = home.streamingWALsDirectory.appending(last)
            let found = try FileSystem.status(of: path).sizeBytes
            guard found != 0, found != Int64(size.bytes) else { return }
            reporter.info(
                "Truncating partial file \(path) that has wrong size \(found) while \(size.bytes) was expected."
            )
            try OwnedDescriptor(opening: path, .writeOnly, options: [.truncate, .noFollow]).close()
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    /// The newest segment or partial file on the way that the server has gone, and whether there are any off it.
    private func newestFile(
        on path: TimelinePath,
        _ size: WALSegmentSize
    ) throws -> (newest: String?, hasOthers: Bool) {
        do {
            let files = try FileSystem.names(in: home.streamingWALsDirectory).compactMap { text in
                WALFileName(text).flatMap { ResumePoint(after: $0, size: size) }.map { (text: text, point: $0) }
            }
            let usable = files.filter { $0.point.isOn(path, size: size) }
            // The number comes first, and of one number the timeline.
            let newest = usable.map(\.text).max { ($0.dropFirst(8), $0) < ($1.dropFirst(8), $1) }
            return (newest, usable.count < files.count)
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private static func failure(_ text: String, cause: (any Error)? = nil) -> Failure {
        Failure("\(failurePrefix)\(text)", cause: cause)
    }

    private static let failurePrefix = "ArchiverFailure:"
}
