/// Reads the records of one segment, fed with its bytes in pieces of any size: pure, for PostgreSQL 12 to 18.
///
/// It tells of every record at which recovery can stop, and ends, as recovery would, where a page or record does not follow the
/// one before, at a switch of segments, or at a limit. Whatever the bytes are, it never traps.
public struct WALRecordScanner: Sendable {
    /// The CRC-32C of some bytes.
    public typealias Checksum = @Sendable ([UInt8]) -> UInt32

    /// Nothing more can be read.
    public private(set) var isFinished = false
    /// Where the last record that was read to its end begins.
    public private(set) var lastRecord: LSN?
    /// The newest transaction that wrote anything, in the order of IDs that wrap around.
    public private(set) var newestTransactionID: UInt32?

    /// A record of which only a part was seen.
    private struct Unfinished {
        let position: LSN
        var remaining: Int
        /// The header, and all that follows it if that is wanted.
        var bytes: [UInt8] = []
        /// `nil` until the header is there; the continuation of a record from before the segment is never wanted.
        var isWanted: Bool?
    }

    /// Records of more bytes than this are no end of a transaction that anybody has seen.
    private static let wantedBytes = 16 << 20

    private let size: WALSegmentSize
    private let end: LSN
    private let limit: LSN?
    private let checksum: Checksum

    private var nextPage: LSN
    private var pageBytes: Int?
    private var magic: UInt16 = 0
    /// The beginning of a page.
    private var buffer: [UInt8] = []
    private var isFirstPage = true
    private var unfinished: Unfinished?
    private var previous: LSN?

    /// A scanner for the segment that begins at a position; records at or behind `limit` do not count.
    public init(segmentAt start: LSN, size: WALSegmentSize, limit: LSN? = nil, checksum: @escaping Checksum) {
        self.size = size
        self.limit = limit
        self.checksum = checksum
        nextPage = start
        end = LSN(rawValue: start.rawValue &+ size.bytes)
    }

    /// Whether a record that may be of interest goes on in the next segment, whose bytes are then to be taken as well.
    public var wantsNextSegment: Bool {
        !isFinished && nextPage >= end && unfinished.map { $0.isWanted != false } ?? false
    }

    /// Takes more bytes; calls `visit` for each record at which recovery can stop, in their order.
    public mutating func take(_ bytes: Span<UInt8>, _ visit: (WALStop) -> Void) {
        var offset = 0
        while offset < bytes.count, !isFinished {
            let wanted = pageBytes ?? WALPageHeader.byteCount
            if pageBytes != nil, buffer.isEmpty, bytes.count - offset >= wanted {
                readPage(bytes.extracting(offset..<offset + wanted), visit)
                offset += wanted
                continue
            }
            let count = min(wanted - buffer.count, bytes.count - offset)
            buffer.append(bytes, offset..<offset + count)
            offset += count
            guard buffer.count == wanted else { return }
            guard pageBytes != nil else {
                pageBytes = firstPageBytes()
                if pageBytes == nil { isFinished = true }
                continue
            }
            let page = buffer
            buffer.removeAll(keepingCapacity: true)
            readPage(page.span, visit)
        }
    }

    // MARK: Pages

    /// The size of pages, told by the first header; `nil` when that is none of this segment.
    private mutating func firstPageBytes() -> Int? {
        guard let header = WALPageHeader(buffer), header.address == nextPage, header.segmentSize == size else {
            return nil
        }
        magic = header.magic
        let bytes = Int(buffer.span.integer(at: 36, UInt32.self))
        // What PostgreSQL can be built with: 1 to 64 KiB.
        return bytes.nonzeroBitCount == 1 && (1 << 10...1 << 16).contains(bytes) ? bytes : nil
    }

    private mutating func readPage(_ page: Span<UInt8>, _ visit: (WALStop) -> Void) {
        let address = nextPage
        nextPage = LSN(rawValue: address.rawValue &+ UInt64(page.count))
        let flags = page.integer(at: 2, UInt16.self)
        guard page.integer(at: 0, UInt16.self) == magic, page.integer(at: 8, UInt64.self) == address.rawValue else {
            return finish()
        }
        let isContinuation = flags & 0x0001 != 0
        let remaining = Int(page.integer(at: 16, UInt32.self))
        var offset = flags & 0x0002 != 0 ? WALPageHeader.byteCount : 24
        if isFirstPage, isContinuation {
            unfinished = Unfinished(position: address, remaining: remaining, isWanted: false)
        }
        isFirstPage = false
        if let record = unfinished {
            if isContinuation, remaining == record.remaining {
                offset = proceed(page, from: offset, visit)
            } else if flags & 0x0008 != 0 {
                // The server crashed inside the record, and went on behind it.
                unfinished = nil
                previous = nil
            } else {
                return finish()
            }
        } else if isContinuation {
            return finish()
        }
        guard address < end else {
            if unfinished == nil { finish() }
            return
        }
        while offset < page.count, !isFinished { offset = readRecord(page, at: offset, visit) }
    }

    private mutating func finish() {
        isFinished = true
        unfinished = nil
    }

    // MARK: Records

    /// Reads the record that begins at an offset; returns where the next one does.
    private mutating func readRecord(_ page: Span<UInt8>, at offset: Int, _ visit: (WALStop) -> Void) -> Int {
        let position = LSN(rawValue: nextPage.rawValue &- UInt64(page.count - offset))
        let available = page.count - offset
        // Records begin at multiples of eight: the length is always there.
        guard available >= 4, limit.map({ position < $0 }) ?? true,
            case let total = Int(page.integer(at: offset, UInt32.self)), total >= WALRecordHeader.byteCount
        else {
            finish()
            return page.count
        }
        if available >= total, case let header = WALRecordHeader(page, at: offset), !header.mayBeStop {
            guard accepts(header, at: position) else { return page.count }
            note(header, at: position)
            return Self.aligned(offset + total)
        }
        unfinished = Unfinished(position: position, remaining: total)
        return proceed(page, from: offset, visit)
    }

    /// Takes what a page has of the unfinished record; returns where the next one begins.
    private mutating func proceed(_ page: Span<UInt8>, from offset: Int, _ visit: (WALStop) -> Void) -> Int {
        guard var record = unfinished else { return offset }
        unfinished = nil
        let count = min(record.remaining, page.count - offset)
        var taken = 0
        if record.isWanted == nil {
            taken = min(count, WALRecordHeader.byteCount - record.bytes.count)
            record.bytes.append(page, offset..<offset + taken)
            if record.bytes.count == WALRecordHeader.byteCount {
                let header = WALRecordHeader(record.bytes.span, at: 0)
                guard accepts(header, at: record.position) else { return page.count }
                record.isWanted = header.mayBeStop && header.totalBytes <= Self.wantedBytes
            }
        }
        if record.isWanted == true { record.bytes.append(page, offset + taken..<offset + count) }
        record.remaining -= count
        guard record.remaining == 0 else {
            unfinished = record
            return page.count
        }
        let behind = LSN(rawValue: nextPage.rawValue &- UInt64(page.count - offset - count))
        complete(record, end: behind, visit)
        return Self.aligned(offset + count)
    }

    private mutating func complete(_ record: Unfinished, end: LSN, _ visit: (WALStop) -> Void) {
        // What began before the segment has no header here.
        guard record.bytes.count >= WALRecordHeader.byteCount else { return }
        let header = WALRecordHeader(record.bytes.span, at: 0)
        if record.isWanted == true {
            let covered = record.bytes[WALRecordHeader.byteCount...] + record.bytes[..<20]
            guard checksum(Array(covered)) == header.checksum else { return finish() }
            if let stop = WALStop(record: record.bytes, magic: magic, position: record.position, end: end) {
                visit(stop)
            }
        }
        note(header, at: record.position)
    }

    /// Whether a record follows the one before; ends the reading when it does not.
    private mutating func accepts(_ header: WALRecordHeader, at position: LSN) -> Bool {
        if previous.map({ $0 == header.previous }) ?? (header.previous < position) { return true }
        finish()
        return false
    }

    private mutating func note(_ header: WALRecordHeader, at position: LSN) {
        previous = position
        lastRecord = position
        let id = header.transactionID
        // The first three are not of transactions.
        if id >= 3, newestTransactionID.map({ Int32(bitPattern: id &- $0) > 0 }) ?? true { newestTransactionID = id }
        if header.isSwitch { finish() }
    }

    private static func aligned(_ offset: Int) -> Int { (offset + 7) & ~7 }
}

extension [UInt8] {
    /// Takes a part of some bytes.
    fileprivate mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        for index in range { append(bytes[index]) }
    }
}
