import Archive
public import Catalog
public import Failure
import Files
import Glibc
public import Postgres
import Processes
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
        let current = WALSegmentName(containing: lsn, timeline: timeline, size: size)
        let kept = server.facts().replicationSlot?.restartLSN
        let target = kept.map { WALSegmentName(containing: $0, timeline: timeline, size: size) } ?? current
        guard let newest = try newestFile(), newest != "\(target)", newest != "\(target).partial" else {
            reporter.info("Nothing to do. Position of receive-wal is aligned.")
            return
        }
        guard newest <= "\(newestOfServer)" else {
            throw Failure(
                "The receive-wal position is ahead of PostgreSQL current WAL lsn (\(newest) > \(newestOfServer))"
            )
        }
        try reset(to: target, from: newest)
        ReceiverTrouble(of: home).clear()
    }

    private func reset(to target: WALSegmentName, from newest: String) throws {
        reporter.info("Resetting receive-wal directory status")
        do {
            if newest.hasSuffix(".partial") {
                let path = home.streamingWALsDirectory.appending(newest)
                reporter.info("Removing status file \(path)")
                try FileSystem.unlink(path)
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

    /// The segment or partial file whose name comes last.
    private func newestFile() throws -> String? {
        do {
            return try FileSystem.names(in: home.streamingWALsDirectory).last { name in
                switch WALFileName(name) {
                case .segment, .partial: true
                default: false
                }
            }
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private static func failure(_ text: String, cause: PostgresError? = nil) -> Failure {
        Failure("\(failurePrefix)\(text)", cause: cause)
    }

    private static let failurePrefix = "ArchiverFailure:"
}
