public import WAL

/// The stream of WAL of one timeline as a value: what arrives goes in, what is to be done comes out; no I/O, no clock of its own.
///
/// Whoever drives it does the actions in their order, and gives up this value when one fails.
public struct WALStream: Sendable {
    /// Something to be done.
    public enum Action: Sendable, Equatable {
        /// Make this segment the open one, before any of it has come: that there is a partial file is what lets the archiver take
        /// all complete ones.
        case open(WALSegmentName)
        /// Write these bytes of the message at that offset of the open segment.
        case write(Range<Int>, offset: Int64)
        /// Make what was written to the open segment durable.
        case flush
        /// Make the open segment durable and give it its final name: it is complete.
        case finish(WALSegmentName)
        /// Tell the server how far we are.
        case reply(StatusUpdate)
    }

    /// What ends a stream.
    public enum Trouble: Error, Sendable, Equatable {
        /// The WAL that came is not the WAL that follows.
        case gap(expected: LSN, received: LSN)
        /// The server was silent for this long, though we asked.
        case silence(seconds: Int)
        /// No segment can follow.
        case endOfNames
    }

    /// When to flush and to speak.
    public struct Manner: Sendable, Equatable {
        /// True when commits wait for us: what has arrived is flushed and confirmed as soon as nothing more waits, or
        /// at once when it is little.
        public var isSynchronous: Bool
        /// The longest time between two updates, and between writing and flushing.
        public var statusSeconds = 10.0
        /// Without commits that wait: how long the stream must rest before it is flushed.
        public var restSeconds = 0.2
        /// With commits that wait: flush after this much, even when more is waiting to be read.
        public var flushBytes: Int64 = 4 << 20
        /// Silence that makes the connection count as lost; in the middle of it the server is asked for a reply.
        public var silenceSeconds = 60.0

        /// Makes the usual manner.
        public init(isSynchronous: Bool) {
            self.isSynchronous = isSynchronous
        }
    }

    private let segmentSize: WALSegmentSize
    /// When to flush and to speak; may change while the stream runs.
    public var manner: Manner
    private var segment: WALSegmentName
    private var lastReplySeconds: Double
    private var lastArrivalSeconds: Double
    private var lastWALSeconds: Double
    private var unflushedSinceSeconds: Double
    private var hasProbed = false
    /// A complete segment that the server has not been told of.
    private var owesReply = false

    /// Up to here everything has been written.
    public private(set) var written: LSN
    /// Up to here everything is durable.
    public private(set) var flushed: LSN

    /// Begins at the first byte of a segment; `nowSeconds` is of any clock that only goes forward, here and below.
    public init(
        timeline: Timeline,
        start: LSN,
        segmentSize: WALSegmentSize,
        manner: Manner,
        nowSeconds: Double
    ) {
        self.segmentSize = segmentSize
        self.manner = manner
        segment = WALSegmentName(containing: start, timeline: timeline, size: segmentSize)
        written = start
        flushed = start
        lastReplySeconds = nowSeconds
        lastArrivalSeconds = nowSeconds
        lastWALSeconds = nowSeconds
        unflushedSinceSeconds = nowSeconds
    }

    /// What is to be done before the first message.
    public func begin() -> [Action] {
        [.open(segment)]
    }

    /// A message has arrived.
    public mutating func receive(_ message: StreamMessage, nowSeconds: Double) throws(Trouble) -> [Action] {
        lastArrivalSeconds = nowSeconds
        hasProbed = false
        switch message {
        case .wal(let start, let byteCount):
            guard start == written else { throw .gap(expected: written, received: start) }
            lastWALSeconds = nowSeconds
            if flushed == written { unflushedSinceSeconds = nowSeconds }
            var actions = try write(byteCount)
            let isMuch =
                manner.isSynchronous && Int64(clamping: written.rawValue - flushed.rawValue) >= manner.flushBytes
            if isMuch || isDue(nowSeconds) {
                actions += flushAndReply(nowSeconds)
            } else if owesReply, manner.isSynchronous {
                // The end of a segment has just been flushed: commits in it need not wait for the rest.
                actions.append(reply(nowSeconds))
            }
            return actions
        case .keepalive(_, let wantsReply):
            // A server that shuts down waits until we have confirmed the last byte as durable.
            return wantsReply || isDue(nowSeconds) ? flushAndReply(nowSeconds) : []
        }
    }

    /// Nothing more waits to be read at the moment, or nobody looks because `isEagerToFlush`.
    public mutating func rest(nowSeconds: Double) throws(Trouble) -> [Action] {
        let silence = nowSeconds - lastArrivalSeconds
        if silence >= manner.silenceSeconds { throw .silence(seconds: Int(silence)) }
        let hasToFlush =
            written > flushed && (manner.isSynchronous || nowSeconds - lastWALSeconds >= manner.restSeconds)
        if hasToFlush || owesReply || isDue(nowSeconds) { return flushAndReply(nowSeconds) }
        if silence >= manner.silenceSeconds / 2, !hasProbed {
            hasProbed = true
            return [.reply(StatusUpdate(written: written, flushed: flushed, wantsReply: true))]
        }
        return []
    }

    /// The stream is over, or we leave it: what has arrived is made durable and confirmed.
    public mutating func end(nowSeconds: Double) -> [Action] {
        flushAndReply(nowSeconds)
    }

    /// True when commits wait for so little that looking for more of it would take longer than it saves.
    public var isEagerToFlush: Bool {
        manner.isSynchronous && written > flushed && written.rawValue - flushed.rawValue < Self.eagerByteLimit
    }

    private static let eagerByteLimit: UInt64 = 32 << 10

    /// How long one may wait for the next message before `rest` has something to do.
    public func secondsToWait(nowSeconds: Double) -> Double {
        let patience = hasProbed ? manner.silenceSeconds : manner.silenceSeconds / 2
        var next = min(lastReplySeconds + manner.statusSeconds, lastArrivalSeconds + patience)
        if written > flushed { next = min(next, lastWALSeconds + (manner.isSynchronous ? 0 : manner.restSeconds)) }
        return max(0.01, next - nowSeconds)
    }

    /// Splits WAL at the ends of segments.
    private mutating func write(_ byteCount: Int) throws(Trouble) -> [Action] {
        var actions: [Action] = []
        var position = 0
        while position < byteCount {
            let offset = written.rawValue % segmentSize.bytes
            let count = Int(min(UInt64(byteCount - position), segmentSize.bytes - offset))
            let (end, overflow) = written.rawValue.addingReportingOverflow(UInt64(count))
            guard !overflow else { throw .endOfNames }
            actions.append(.write(position..<position + count, offset: Int64(offset)))
            position += count
            written = LSN(rawValue: end)
            if end % segmentSize.bytes == 0 {
                guard let next = segment.next(size: segmentSize) else { throw .endOfNames }
                actions += [.finish(segment), .open(next)]
                segment = next
                flushed = written
                owesReply = true
            }
        }
        return actions
    }

    /// True when the server has not heard of us for too long, or what is written waits for too long to be flushed.
    private func isDue(_ nowSeconds: Double) -> Bool {
        nowSeconds - lastReplySeconds >= manner.statusSeconds
            || (written > flushed && nowSeconds - unflushedSinceSeconds >= manner.statusSeconds)
    }

    private mutating func flushAndReply(_ nowSeconds: Double) -> [Action] {
        var actions: [Action] = []
        if written > flushed {
            actions.append(.flush)
            flushed = written
        }
        actions.append(reply(nowSeconds))
        return actions
    }

    private mutating func reply(_ nowSeconds: Double) -> Action {
        lastReplySeconds = nowSeconds
        owesReply = false
        return .reply(StatusUpdate(written: written, flushed: flushed))
    }
}
