public import Files
import Pipeline
public import Postgres
public import SystemPackage
public import WAL

/// Receives WAL over one replication connection into a directory, until it is asked to stop or the connection is of no more use.
///
/// The directory is that of pg_receivewal, and either can go on where the other stopped, in the middle of a segment as well.
public struct WALReceiver: Sendable {
    /// Where the WAL comes from.
    public struct Source: Sendable {
        /// The connection string of the replication connection.
        public var conninfo: ConnectionString
        /// The physical slot to use.
        public var slot: String?
        /// The only server that is welcome.
        public var systemID: String?
        /// From where the slot keeps WAL, for servers that do not tell it on this connection.
        public var slotPosition: LSN?

        /// Names a server.
        public init(conninfo: ConnectionString, slot: String?, systemID: String?, slotPosition: LSN? = nil) {
            self.conninfo = conninfo
            self.slot = slot
            self.systemID = systemID
            self.slotPosition = slotPosition
        }
    }

    /// Something worth telling.
    public enum Event: Sendable, Equatable, CustomStringConvertible {
        /// A stream begins.
        case started(LSN, Timeline)
        /// The first message of a stream has come: the server has what follows.
        case arrived
        /// A segment is complete and durable.
        case finishedSegment(end: LSN, Timeline)
        /// The history file of a timeline has been stored.
        case storedHistory(Timeline)
        /// The stream goes on on another timeline, which begins there.
        case switched(to: Timeline, at: LSN)
        /// The server has not been at the newest point that we have WAL for; it goes on at another one.
        case steppedBack(from: ResumePoint, to: ResumePoint)
        /// A complete segment of a wrong size, which does not count.
        case wrongSize(String)
        /// The stream ends in the middle of this segment.
        case leftPartial(WALSegmentName)

        /// The words of pg_receivewal where it has any.
        public var description: String {
            switch self {
            case .started(let lsn, let timeline): "starting log streaming at \(lsn) (timeline \(timeline))"
            case .arrived: "the stream runs"
            case .finishedSegment(let end, let timeline): "finished segment at \(end) (timeline \(timeline))"
            case .storedHistory(let timeline): "stored \(timeline.historyName)"
            case .switched(let timeline, let lsn): "switched to timeline \(timeline) at \(lsn)"
            case .steppedBack(let from, let to):
                "the server has not been at \(from.position) on timeline \(from.timeline): "
                    + "going on at \(to.position) on timeline \(to.timeline)"
            case .wrongSize(let name): "segment file \"\(name)\" has incorrect size, skipping"
            case .leftPartial(let segment): "not renaming \"\(segment).partial\", segment is not complete"
            }
        }
    }

    private enum Ending {
        case stopped
        case switched(Timeline, at: LSN)
    }

    private let source: Source
    private let directory: FilePath
    private let manner: WALStream.Manner
    private let commitsWait: @Sendable () -> Bool
    private let isStopping: @Sendable () -> Bool
    private let knowsHistory: @Sendable (Timeline) throws(FileError) -> Bool
    private let archivedHistory: @Sendable (Timeline) -> [UInt8]?
    private let tell: @Sendable (Event) -> Void

    /// Prepares to receive into a directory that is there; connects to nothing yet.
    ///
    /// `commitsWait` tells at any moment whether commits wait for us; without it the manner does. `isStopping` asks for an orderly
    /// end. A history file for which `knowsHistory` is true is not asked for; `archivedHistory` is that of a timeline which the
    /// server may not know, `nil` if it cannot be had. `tell` runs on the receiving thread.
    public init(
        from source: Source,
        into directory: FilePath,
        manner: WALStream.Manner,
        commitsWait: (@Sendable () -> Bool)? = nil,
        isStopping: @escaping @Sendable () -> Bool,
        knowsHistory: @escaping @Sendable (Timeline) throws(FileError) -> Bool = { (_) throws(FileError) in false },
        archivedHistory: @escaping @Sendable (Timeline) -> [UInt8]? = { _ in nil },
        tell: @escaping @Sendable (Event) -> Void
    ) {
        self.source = source
        self.directory = directory
        self.manner = manner
        self.commitsWait = commitsWait ?? { manner.isSynchronous }
        self.isStopping = isStopping
        self.knowsHistory = knowsHistory
        self.archivedHistory = archivedHistory
        self.tell = tell
    }

    /// Receives; returns after an orderly end.
    ///
    /// Everything confirmed to the server, and everything written before a return, is durable. What it throws leaves a
    /// directory from which a new receiver can go on.
    public func run() throws(ReplicationError) {
        do throws(ReplicationError) {
            try receive()
        } catch {
            guard case .postgres(let trouble) = error, trouble.kind == .interrupted else { throw error }
            if isStopping() { return }
            throw .other(WALStream.Trouble.silence(seconds: Int(manner.silenceSeconds)).description)
        }
    }

    private func receive() throws(ReplicationError) {
        // Whoever accepts the connection and then says nothing must not keep us for ever.
        let deadline = Deadline(afterSeconds: manner.silenceSeconds)
        let session = try replicating { [isStopping] () throws(PostgresError) in
            try PostgresSession(
                conninfo: source.conninfo.verbatim,
                isInterrupted: { isStopping() || deadline.hasPassed }
            )
        }
        let system = try replicating { () throws(PostgresError) in try session.identifySystem() }
        if let expected = source.systemID, expected != system.systemID {
            throw .otherServer(expected: expected, found: system.systemID)
        }
        let size = try replicating { () throws(PostgresError) in try session.walSegmentSize() }
        let files = StreamingDirectory(directory, segmentSize: size)
        let spare = SpareSegment(in: files, isZeroed: commitsWait)
        try storing { () throws(FileError) in try spare.remove() }
        // A spare that cannot be made ahead is made when it is needed, and the reason told then.
        let preparation = OnDemandWorker { try? spare.prepare() }
        defer {
            preparation.end()
            // It is of no use any more, and the next receiver replaces it.
            try? spare.remove()
        }
        let search = ResumeSearch(
            source: source,
            files: files,
            system: system,
            archivedHistory: archivedHistory,
            tell: tell
        )
        var point = try search.point(session)
        while true {
            try fetchHistory(of: point.timeline, session, files)
            let writer = SegmentWriter(files, spare: spare)
            switch try stream(from: point, session, writer, size, deadline, prepare: preparation.wake) {
            case .stopped: return
            case .switched(let timeline, let position):
                tell(.switched(to: timeline, at: position))
                point = ResumePoint(timeline: timeline, containing: position, size: size)
            }
        }
    }

    private func fetchHistory(
        of timeline: Timeline,
        _ session: borrowing PostgresSession,
        _ files: StreamingDirectory
    ) throws(ReplicationError) {
        // The first timeline has no history.
        guard timeline.rawValue > 1 else { return }
        let isHere = try storing { () throws(FileError) in
            if try files.hasHistory(of: timeline) { return true }
            return try knowsHistory(timeline)
        }
        guard !isHere else { return }
        let contents = try replicating { () throws(PostgresError) in try session.historyFile(of: timeline) }
        try storing { () throws(FileError) in try files.storeHistory(of: timeline, contents) }
        tell(.storedHistory(timeline))
    }

    // MARK: The stream

    /// Receives one timeline; while it streams, `WALStream` tells how much silence is too much, before and after that `deadline`.
    private func stream(
        from point: ResumePoint,
        _ session: borrowing PostgresSession,
        _ writer: consuming SegmentWriter,
        _ size: WALSegmentSize,
        _ deadline: Deadline,
        prepare: @escaping () -> Void
    ) throws(ReplicationError) -> Ending {
        try send(
            ReplicationCommand.startReplication(slot: source.slot, at: point.position, timeline: point.timeline),
            session
        )
        switch try reply(session) {
        case .copyBoth: break
        case .rows(let rows): return try next(after: rows, session)
        default: throw .other("unexpected reply of the server to START_REPLICATION")
        }
        tell(.started(point.position, point.timeline))
        var run = StreamRun(
            point,
            size,
            manner,
            writer: writer,
            commitsWait: commitsWait,
            prepare: prepare,
            tell: tell
        )
        deadline.lift()
        let isStopped = try run.receive(from: session, isStopping: isStopping)
        deadline.renew(afterSeconds: manner.silenceSeconds)
        try run.close()
        if isStopped {
            try run.confirm(to: session)
            // The server learns from the closed connection as well.
            _ = try? session.endCopy()
            return .stopped
        }
        var answer = try replyToStream(session)
        if case .copyIn = answer {
            try run.confirm(to: session)
            try replicating { () throws(PostgresError) in try session.endCopy() }
            answer = try reply(session)
        }
        guard case .rows(let rows) = answer else { throw .other(Self.terminated) }
        return try next(after: rows, session)
    }

    /// What the server says after the end of a timeline: the next one and where it begins.
    private func next(after rows: PostgresRows, _ session: borrowing PostgresSession) throws(ReplicationError) -> Ending
    {
        guard let timeline = rows["next_tli"].flatMap({ UInt32($0) }),
            let position = rows["next_tli_startpos"].flatMap({ LSN($0) })
        else { throw .other(Self.terminated) }
        while try reply(session) != .end {}
        return .switched(Timeline(rawValue: timeline), at: position)
    }

    /// A server that shuts down, for example.
    private static let terminated = "replication stream was terminated before stop point"

    private func send(_ command: String, _ session: borrowing PostgresSession) throws(ReplicationError) {
        do throws(PostgresError) {
            try session.send(command)
        } catch {
            throw .postgres(error)
        }
    }

    /// Why the server has ended the stream: that it has no such segment, it notices only when it has let us begin.
    private func replyToStream(_ session: borrowing PostgresSession) throws(ReplicationError) -> CommandReply {
        do throws(PostgresError) {
            return try session.nextReply()
        } catch {
            // undefined_file, in whatever language the server says it.
            throw error.sqlState == "58P01" ? .missingWAL(error) : .postgres(error)
        }
    }

    private func reply(_ session: borrowing PostgresSession) throws(ReplicationError) -> CommandReply {
        do throws(PostgresError) {
            return try session.nextReply()
        } catch {
            throw .postgres(error)
        }
    }
}
