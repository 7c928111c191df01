import Files
import Glibc
import Postgres
import WAL

/// The stream of one timeline while it runs: takes messages from the connection, and does what `WALStream` says.
struct StreamRun: ~Copyable {
    private var stream: WALStream
    private var writer: SegmentWriter
    private let timeline: Timeline
    private let size: WALSegmentSize
    private let commitsWait: () -> Bool
    private let prepare: () -> Void
    /// When to make the file of the segment after the open one: until then it would only take the disk from commits.
    private var nextSegmentSeconds = Double.infinity
    private static let quietSeconds = 5.0
    private var hasArrived = false
    private let tell: (WALReceiver.Event) -> Void

    init(
        _ point: ResumePoint,
        _ size: WALSegmentSize,
        _ manner: WALStream.Manner,
        writer: consuming SegmentWriter,
        commitsWait: @escaping () -> Bool,
        prepare: @escaping () -> Void,
        tell: @escaping (WALReceiver.Event) -> Void
    ) {
        stream = WALStream(
            timeline: point.timeline,
            start: point.position,
            segmentSize: size,
            manner: manner,
            nowSeconds: Interruption.monotonicSeconds
        )
        self.writer = writer
        timeline = point.timeline
        self.size = size
        self.commitsWait = commitsWait
        self.prepare = prepare
        self.tell = tell
    }

    /// Receives until the server ends the stream (false) or we are asked to stop (true).
    mutating func receive(
        from session: borrowing PostgresSession,
        isStopping: () -> Bool
    ) throws(ReplicationError) -> Bool {
        do throws(ReplicationError) {
            return try takeMessages(from: session, isStopping: isStopping)
        } catch {
            // The server may be gone for good: what has arrived is kept as far as it can be, and told is what ended it.
            _ = try? writer.push()
            throw error
        }
    }

    private mutating func takeMessages(
        from session: borrowing PostgresSession,
        isStopping: () -> Bool
    ) throws(ReplicationError) -> Bool {
        stream.manner.isSynchronous = commitsWait()
        try perform(stream.begin(), UnsafeRawBufferPointer(start: nil, count: 0), session)
        var waitMilliseconds: Int32? = 0
        while !isStopping() {
            let event: CopyEvent
            do throws(PostgresError) {
                event = try session.nextCopyEvent(waitMilliseconds: waitMilliseconds)
            } catch {
                if error.kind == .interrupted { return true }
                throw .postgres(error)
            }
            switch consume event {
            case .message(let message):
                try take(message, from: session)
                // What waits already is taken before anything is flushed; without asking for more when commits wait for little.
                waitMilliseconds = stream.isEagerToFlush ? nil : 0
            case .nothingYet:
                let now = Interruption.monotonicSeconds
                let actions = try machine { (stream) throws(WALStream.Trouble) in try stream.rest(nowSeconds: now) }
                try perform(actions, UnsafeRawBufferPointer(start: nil, count: 0), session)
                // More may have arrived while that was done.
                waitMilliseconds = actions.isEmpty ? try beforeWaiting() : 0
            case .end:
                return false
            }
        }
        return true
    }

    /// What commits need not wait for: done when nothing has arrived, and everything is told that is to be told.
    ///
    /// Returns how long the next message may be waited for.
    private mutating func beforeWaiting() throws(ReplicationError) -> Int32 {
        try storing { () throws(FileError) in try writer.push() }
        stream.manner.isSynchronous = commitsWait()
        let now = Interruption.monotonicSeconds
        prepareNextSegment(nowSeconds: now)
        return Int32(min(10, stream.secondsToWait(nowSeconds: now)) * 1000)
    }

    /// Has the next segment's file made once the open segment is a quarter full, or a few seconds old.
    private mutating func prepareNextSegment(nowSeconds: Double) {
        guard nextSegmentSeconds.isFinite else { return }
        let isQuarterFull = stream.written.rawValue % size.bytes >= size.bytes / 4
        guard isQuarterFull || nowSeconds >= nextSegmentSeconds else { return }
        nextSegmentSeconds = .infinity
        prepare()
    }

    private mutating func take(
        _ message: borrowing CopyMessage,
        from session: borrowing PostgresSession
    ) throws(ReplicationError) {
        try message.withBytes { (bytes) throws(ReplicationError) in
            guard let parsed = StreamMessage(bytes) else {
                throw .other(
                    "unrecognized streaming header: \"\(bytes.first.map { Character(UnicodeScalar($0)) } ?? " ")\""
                )
            }
            let now = Interruption.monotonicSeconds
            let actions = try machine { (stream) throws(WALStream.Trouble) in
                try stream.receive(parsed, nowSeconds: now)
            }
            let payload = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(StreamMessage.walHeaderByteCount))
            try perform(actions, payload, session)
            prepareNextSegment(nowSeconds: now)
            if !hasArrived { tell(.arrived) }
            hasArrived = true
        }
    }

    /// Makes everything durable and closes the open segment.
    mutating func close() throws(ReplicationError) {
        try storing { () throws(FileError) in try writer.close() }
        if stream.written.rawValue % size.bytes != 0 {
            tell(.leftPartial(WALSegmentName(containing: stream.written, timeline: timeline, size: size)))
        }
    }

    /// Tells the server that everything is durable; after `close`.
    mutating func confirm(to session: borrowing PostgresSession) throws(ReplicationError) {
        for case .reply(let update) in stream.end(nowSeconds: Interruption.monotonicSeconds) {
            try send(update, session)
        }
    }

    /// Asks the machine; its trouble in words.
    private mutating func machine(
        _ question: (inout WALStream) throws(WALStream.Trouble) -> [WALStream.Action]
    ) throws(ReplicationError) -> [WALStream.Action] {
        do throws(WALStream.Trouble) {
            return try question(&stream)
        } catch {
            throw .other(error.description)
        }
    }

    private mutating func perform(
        _ actions: [WALStream.Action],
        _ payload: UnsafeRawBufferPointer,
        _ session: borrowing PostgresSession
    ) throws(ReplicationError) {
        for action in actions {
            try storing { () throws(FileError) in try store(action, payload) }
            if case .reply(let update) = action { try send(update, session) }
        }
    }

    private mutating func store(
        _ action: WALStream.Action,
        _ payload: UnsafeRawBufferPointer
    ) throws(FileError) {
        switch action {
        case .open(let segment):
            try writer.open(segment)
            nextSegmentSeconds = Interruption.monotonicSeconds + Self.quietSeconds
        case .write(let range, let offset):
            try writer.write(UnsafeRawBufferPointer(rebasing: payload[range]), at: offset)
        case .flush:
            try writer.flush()
        case .finish(let segment):
            try writer.finish(segment)
            let end = LSN(rawValue: segment.startLSN(size: size).rawValue &+ size.bytes)
            tell(.finishedSegment(end: end, timeline))
            // A stream that never rests.
            stream.manner.isSynchronous = commitsWait()
        case .reply:
            // What we call written survives an end of this program.
            try writer.push()
        }
    }

    private func send(_ update: StatusUpdate, _ session: borrowing PostgresSession) throws(ReplicationError) {
        var clock = timespec()
        clock_gettime(CLOCK_REALTIME, &clock)
        let message = update.message(atSeconds: Double(clock.tv_sec) + Double(clock.tv_nsec) / 1_000_000_000)
        try message.span.withUnsafeBytes { (bytes) throws(ReplicationError) in
            try replicating { () throws(PostgresError) in try session.putCopyData(bytes) }
        }
    }
}

extension WALStream.Trouble: CustomStringConvertible {
    /// What happened, in words.
    public var description: String {
        switch self {
        case .gap(let expected, let received): "got WAL from \(received), expected \(expected)"
        case .silence(let seconds): "the server has been silent for \(seconds) seconds"
        case .endOfNames: "no WAL file can follow"
        }
    }
}
