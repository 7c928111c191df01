/// A timeline id: a branch in the history of a cluster.
public struct Timeline: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The id, from 1.
    public let rawValue: UInt32

    /// Makes a timeline from its id.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The id in decimal, as users know it.
    public var description: String { String(rawValue) }

    /// The name of its history file: `00000002.history`.
    public var historyName: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits + ".history"
    }

    /// Orders timelines by id.
    public static func < (left: Timeline, right: Timeline) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The size of a WAL segment: a power of two from 1 MiB to 1 GiB (`initdb --wal-segsize`).
public struct WALSegmentSize: Hashable, Sendable {
    /// The size in bytes.
    public let bytes: UInt64

    /// 16 MiB, what `initdb` makes by default.
    public static let standard = WALSegmentSize(uncheckedBytes: 16 << 20)

    /// A size that is known to be good.
    private init(uncheckedBytes: UInt64) {
        bytes = uncheckedBytes
    }

    /// Takes a size in bytes; `nil` unless it is a power of two from 1 MiB to 1 GiB.
    public init?(bytes: Int64) {
        guard bytes >= 1 << 20, bytes <= 1 << 30, bytes & (bytes - 1) == 0 else { return nil }
        self.bytes = UInt64(bytes)
    }

    /// The highest segment number within one 4 GiB log: 255 for 16 MiB.
    public var highestSegment: UInt32 { UInt32(0x1_0000_0000 / bytes - 1) }
}

/// The name of a complete WAL segment: 24 hexadecimal digits of timeline, log and segment.
public struct WALSegmentName: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The timeline the segment was written on.
    public let timeline: Timeline
    /// The high 32 bits of the LSNs in the segment.
    public let log: UInt32
    /// The number of the segment within its log.
    public let segment: UInt32

    /// Makes a name from its parts.
    public init(timeline: Timeline, log: UInt32, segment: UInt32) {
        self.timeline = timeline
        self.log = log
        self.segment = segment
    }

    /// Reads exactly 24 hexadecimal digits of either case; `nil` when the text is something else.
    public init?(_ text: some StringProtocol) {
        guard let parsed = withBytes(of: text, { Self($0) }) else { return nil }
        self = parsed
    }

    /// Reads exactly 24 hexadecimal digits, as bytes in a buffer: for lists of a million names.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count == 24, let timeline = hexadecimal(bytes, at: 0), let log = hexadecimal(bytes, at: 8),
            let segment = hexadecimal(bytes, at: 16)
        else { return nil }
        self.init(timeline: Timeline(rawValue: timeline), log: log, segment: segment)
    }

    /// The segment that holds `lsn`; an LSN on a boundary belongs to the segment that starts there.
    public init(containing lsn: LSN, timeline: Timeline, size: WALSegmentSize) {
        self.init(
            timeline: timeline,
            log: UInt32(lsn.rawValue >> 32),
            segment: UInt32((lsn.rawValue & 0xFFFF_FFFF) / size.bytes)
        )
    }

    /// The 24 digits in upper case.
    public var description: String {
        paddedHexadecimal(timeline.rawValue) + paddedHexadecimal(log) + paddedHexadecimal(segment)
    }

    /// The directory of the archive that holds this segment: timeline and log.
    public var hashDirectory: String { paddedHexadecimal(timeline.rawValue) + paddedHexadecimal(log) }

    /// The position of the first byte of the segment.
    public func startLSN(size: WALSegmentSize) -> LSN {
        LSN(rawValue: UInt64(log) << 32 &+ UInt64(segment) &* size.bytes)
    }

    /// The segment after this one on the same timeline; `nil` after the last one there can be.
    public func next(size: WALSegmentSize) -> WALSegmentName? {
        if segment < size.highestSegment {
            return WALSegmentName(timeline: timeline, log: log, segment: segment + 1)
        }
        guard log < .max else { return nil }
        return WALSegmentName(timeline: timeline, log: log + 1, segment: 0)
    }

    /// The segment before this one on the same timeline; `nil` before the first.
    public func previous(size: WALSegmentSize) -> WALSegmentName? {
        if segment > 0 {
            return WALSegmentName(timeline: timeline, log: log, segment: segment - 1)
        }
        guard log > 0 else { return nil }
        return WALSegmentName(timeline: timeline, log: log - 1, segment: size.highestSegment)
    }

    /// The segments from this one to `last`, both included; empty when `last` comes earlier or on another timeline.
    public func through(_ last: WALSegmentName, size: WALSegmentSize) -> some Sequence<WALSegmentName> {
        let first = timeline == last.timeline && self <= last ? self : nil
        return sequence(state: first) { (current: inout WALSegmentName?) -> WALSegmentName? in
            guard let name = current else { return nil }
            current = name < last ? name.next(size: size) : nil
            return name
        }
    }

    /// Whether it comes before another one by its number, and of one number by its timeline: the order in which pg_receivewal looks for
    /// the newest.
    public func precedesByNumber(_ other: WALSegmentName) -> Bool {
        (log, segment, timeline.rawValue) < (other.log, other.segment, other.timeline.rawValue)
    }

    /// Orders names as their texts order: by timeline, log, segment.
    public static func < (left: WALSegmentName, right: WALSegmentName) -> Bool {
        (left.timeline.rawValue, left.log, left.segment) < (right.timeline.rawValue, right.log, right.segment)
    }
}
