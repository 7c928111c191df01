/// The long header of the first page of a segment (PostgreSQL, access/xlog_internal.h, `XLogLongPageHeaderData`).
public struct WALPageHeader: Sendable, Equatable {
    /// How many bytes of a file `init` wants to see.
    public static let byteCount = 40

    /// Marks the WAL format of a PostgreSQL release.
    public let magic: UInt16
    /// The timeline of the page's first record.
    public let timeline: Timeline
    /// Where the page belongs.
    public let address: LSN
    /// The cluster that wrote it.
    public let systemIdentifier: UInt64
    /// The size of segments there.
    public let segmentSize: WALSegmentSize

    /// Reads a header, little-endian as written on the machines we run on; `nil` when it is none.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.byteCount else { return nil }
        func number(at offset: Int, _ count: Int) -> UInt64 {
            (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
        }
        // Every release since 9.0 has 0xD0xx or 0xD1xx; XLP_LONG_HEADER is 0x0002.
        magic = UInt16(number(at: 0, 2))
        guard (0xD0...0xD1).contains(magic >> 8), number(at: 2, 2) & 0x0002 != 0,
            let size = WALSegmentSize(bytes: Int64(number(at: 32, 4)))
        else { return nil }
        timeline = Timeline(rawValue: UInt32(number(at: 4, 4)))
        address = LSN(rawValue: number(at: 8, 8))
        systemIdentifier = number(at: 24, 8)
        segmentSize = size
    }

    /// What speaks against a file with this header being that segment, in words; `nil` if nothing does.
    ///
    /// The timeline may be an older one: the first segment of a timeline begins with a copy of its parent's.
    public func defect(asSegment name: WALSegmentName, sizeBytes: Int64) -> String? {
        guard sizeBytes == Int64(segmentSize.bytes) else {
            return "\(sizeBytes) bytes where its header says \(segmentSize.bytes)"
        }
        guard name.segment <= segmentSize.highestSegment, address == name.startLSN(size: segmentSize) else {
            return "its header says that it begins at \(address)"
        }
        guard timeline <= name.timeline else { return "its header says timeline \(timeline)" }
        return nil
    }
}
