@testable import WAL

/// WAL as PostgreSQL lays it out: pages of 8 KiB with headers, records at multiples of eight.
struct SampleLog {
    /// Not the checksum of PostgreSQL, but one that every byte changes.
    static let checksum: WALRecordScanner.Checksum = { bytes in
        bytes.reduce(7) { ($0 &* 31) &+ UInt32($1) }
    }

    var bytes: [UInt8] = []
    var previous = LSN(rawValue: 0)
    private let start: LSN
    private let magic: UInt16

    init(at start: LSN, magic: UInt16) {
        self.start = start
        self.magic = magic
    }

    static func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    static func name(_ text: String, _ count: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
    }

    @discardableResult
    mutating func add(manager: UInt8, info: UInt8, id: Int, data: [UInt8]?, checksum: UInt32? = nil) -> LSN {
        var body: [UInt8] = []
        if let data { body = data.count < 256 ? [255, UInt8(data.count)] : [254] + Self.number(data.count, 4) }
        body += data ?? []
        var header = Self.number(24 + body.count, 4) + Self.number(id, 4)
        header += Self.number(Int(previous.rawValue), 8) + [info, manager, 0, 0]
        header += Self.number(Int(checksum ?? SampleLog.checksum(body + header)), 4)
        while !bytes.count.isMultiple(of: 8) { bytes.append(0) }
        beginPage(remaining: 0)
        let position = LSN(rawValue: start.rawValue + UInt64(bytes.count))
        previous = position
        put(header + body)
        return position
    }

    private mutating func put(_ record: [UInt8]) {
        for (index, byte) in record.enumerated() {
            beginPage(remaining: record.count - index)
            bytes.append(byte)
        }
    }

    private mutating func beginPage(remaining: Int, flag: UInt16 = 0) {
        guard bytes.count.isMultiple(of: 8192) else { return }
        let isFirst = bytes.isEmpty
        let isContinued = remaining > 0 && !isFirst
        let flags = (isFirst ? 2 : 0) | (isContinued ? 1 : 0) | flag
        let address = Int(start.rawValue) + bytes.count
        bytes +=
            Self.number(Int(magic), 2) + Self.number(Int(flags), 2) + Self.number(1, 4) + Self.number(address, 8)
        bytes += Self.number(isContinued ? remaining : 0, 4) + Self.number(0, 4)
        if isFirst { bytes += Self.number(77, 8) + Self.number(16 << 20, 4) + Self.number(8192, 4) }
    }

    /// Begins a record longer than the page, and a page that does not go on with it.
    mutating func abandon(flag: UInt16) {
        let kept = previous
        add(manager: 10, info: 0, id: 20, data: .init(repeating: 3, count: 9000))
        bytes = Array(bytes[..<(bytes.count / 8192 * 8192)])
        beginPage(remaining: 0, flag: flag)
        previous = kept
    }
}
