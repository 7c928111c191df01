/// A record at which recovery can stop: the end of a transaction, or a restore point.
public struct WALStop: Sendable, Equatable {
    /// What the record tells.
    public enum Kind: Sendable, Equatable {
        /// A transaction was committed, a prepared one included.
        case commit
        /// A transaction was rolled back.
        case abort
        /// A point was named, by these bytes.
        case restorePoint(name: [UInt8])
    }

    /// What it tells.
    public let kind: Kind
    /// Where the record begins.
    public let position: LSN
    /// Behind its last byte.
    public let end: LSN
    /// The transaction; 0 for a restore point.
    public let transactionID: UInt32
    /// When it was written, in microseconds since 2000-01-01 00:00 UTC.
    public let microseconds: Int64

    /// From 1970 to 2000, between the two epochs.
    public static let epochOffsetSeconds: Int64 = 946_684_800

    /// Whether it is the end of a transaction.
    public var endsTransaction: Bool { kind == .commit || kind == .abort }

    /// Reads a record that lies whole in `bytes`, its header included; `nil` when it is of another kind or makes no sense.
    ///
    /// The layouts are those of PostgreSQL's access/xlogrecord.h, access/xact.h (`xl_xact_commit`, `xl_xact_abort`) and
    /// access/xlog_internal.h (`xl_restore_point`), from release 12 to 18; `magic` is that of the page.
    init?(record bytes: [UInt8], magic: UInt16, position: LSN, end: LSN) {
        guard bytes.count >= WALRecordHeader.byteCount else { return nil }
        let header = WALRecordHeader(bytes.span, at: 0)
        guard header.mayBeStop, var data = Self.mainData(bytes), let time = data.integer(Int64.self) else { return nil }
        self.position = position
        self.end = end
        microseconds = time
        guard header.resourceManager == WALRecordHeader.transactions else {
            guard let name = data.bytes(64) else { return nil }
            kind = .restorePoint(name: Array(name.prefix { $0 != 0 }))
            transactionID = 0
            return
        }
        let operation = header.info & 0x70
        kind = operation == 0x00 || operation == 0x30 ? .commit : .abort
        let isPrepared = operation == 0x30 || operation == 0x40
        if isPrepared {
            guard header.info & 0x80 != 0,
                let id = Self.preparedTransaction(&data, isCommit: kind == .commit, magic: magic)
            else { return nil }
            transactionID = id
        } else {
            transactionID = header.transactionID
        }
    }

    /// What follows the headers of a record that changes no page.
    private static func mainData(_ bytes: [UInt8]) -> ByteCursor? {
        var cursor = ByteCursor(bytes, from: WALRecordHeader.byteCount)
        while let id = cursor.integer(UInt8.self) {
            switch id {
            case 255:
                guard let count = cursor.integer(UInt8.self) else { return nil }
                return cursor.rest(Int(count))
            case 254:
                guard let count = cursor.integer(UInt32.self) else { return nil }
                return cursor.rest(Int(count))
            // The origin of replication, and the transaction that this one is part of.
            case 253: guard cursor.skip(2) else { return nil }
            case 252: guard cursor.skip(4) else { return nil }
            default: return nil
            }
        }
        return nil
    }

    /// The transaction that was prepared earlier; what stands before it depends on flags.
    private static func preparedTransaction(_ data: inout ByteCursor, isCommit: Bool, magic: UInt16) -> UInt32? {
        guard let flags = data.integer(UInt32.self) else { return nil }
        func skipList(_ itemBytes: Int) -> Bool {
            guard let count = data.integer(Int32.self), count >= 0 else { return false }
            return data.skip(Int(count) * itemBytes)
        }
        // The database; subtransactions; files; statistics, whose items have been longer since release 18; invalidations.
        if flags & 1 != 0, !data.skip(8) { return nil }
        if flags & 2 != 0, !skipList(4) { return nil }
        if flags & 4 != 0, !skipList(12) { return nil }
        if flags & 256 != 0, !skipList(magic >= 0xD117 ? 16 : 12) { return nil }
        if isCommit, flags & 8 != 0, !skipList(16) { return nil }
        guard flags & 16 != 0 else { return nil }
        return data.integer(UInt32.self)
    }
}

/// The header that every record begins with (`XLogRecord`).
struct WALRecordHeader {
    static let byteCount = 24
    /// `RM_XLOG_ID` and `RM_XACT_ID`.
    static let log: UInt8 = 0
    static let transactions: UInt8 = 1

    let totalBytes: Int
    let transactionID: UInt32
    let previous: LSN
    let info: UInt8
    let resourceManager: UInt8
    let checksum: UInt32

    /// Reads a header; all of it must be there.
    init(_ bytes: Span<UInt8>, at offset: Int) {
        totalBytes = Int(bytes.integer(at: offset, UInt32.self))
        transactionID = bytes.integer(at: offset + 4, UInt32.self)
        previous = LSN(rawValue: bytes.integer(at: offset + 8, UInt64.self))
        info = bytes[offset + 16]
        resourceManager = bytes[offset + 17]
        checksum = bytes.integer(at: offset + 20, UInt32.self)
    }

    /// The end of a transaction, or a restore point.
    var mayBeStop: Bool {
        switch resourceManager {
        case Self.transactions: [0x00, 0x20, 0x30, 0x40].contains(info & 0x70)
        case Self.log: info & 0xF0 == 0x70
        default: false
        }
    }

    /// The rest of the segment is empty.
    var isSwitch: Bool { resourceManager == Self.log && info & 0xF0 == 0x40 }
}

extension Span<UInt8> {
    /// A little-endian number; all of its bytes must be there.
    @inline(__always)
    func integer<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type) -> Number {
        var value: Number = 0
        for index in 0..<(Number.bitWidth / 8) {
            value |= Number(truncatingIfNeeded: self[offset + index]) << Number(truncatingIfNeeded: index * 8)
        }
        return value
    }
}

/// Reads bytes from front to back; `nil` or false when there are too few.
struct ByteCursor {
    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8], from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    private var remaining: Int { bytes.count - offset }

    mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        guard remaining >= Number.bitWidth / 8 else { return nil }
        defer { offset += Number.bitWidth / 8 }
        return bytes.span.integer(at: offset, type)
    }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard remaining >= count else { return nil }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    mutating func skip(_ count: Int) -> Bool { bytes(count) != nil }

    /// All that is left, if it is this much.
    func rest(_ count: Int) -> ByteCursor? { remaining == count ? self : nil }
}
