import Testing

@testable import WAL

/// The reading of records, over pages made here; `Tests/ArchiveTests` reads those of real servers.
@Suite struct WALRecordScannerTests {
    private static let start = LSN(rawValue: 3 << 24)

    /// Not the checksum of PostgreSQL, but one that every byte changes.
    private static let checksum: WALRecordScanner.Checksum = { bytes in
        bytes.reduce(7) { ($0 &* 31) &+ UInt32($1) }
    }

    private func stops(_ log: Log, limit: LSN? = nil, pieces: Int = 8192) -> [WALStop] {
        scan(log, limit, pieces).stops
    }

    private func scan(
        _ log: Log,
        _ limit: LSN? = nil,
        _ pieces: Int = 8192
    ) -> (stops: [WALStop], state: WALRecordScanner) {
        var scanner = WALRecordScanner(segmentAt: Self.start, size: .standard, limit: limit, checksum: Self.checksum)
        var stops: [WALStop] = []
        // A file ends with a whole page.
        let bytes = log.bytes + [UInt8](repeating: 0, count: (8192 - log.bytes.count % 8192) % 8192)
        for begin in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[begin..<min(begin + pieces, bytes.count)])
            scanner.take(piece.span) { stops.append($0) }
        }
        return (stops, scanner)
    }

    @Test func `commits, rollbacks and restore points are told, whatever the pieces`() throws {
        var log = Log(at: Self.start, magic: 0xD101)
        log.add(manager: 10, info: 0, id: 700, data: .init(repeating: 1, count: 300))
        let commit = log.add(manager: 1, info: 0x00, id: 700, data: Log.number(1_000_000, 8))
        // Longer than a page, so that it is continued twice.
        log.add(manager: 10, info: 0, id: 701, data: .init(repeating: 2, count: 20_000))
        let abort = log.add(manager: 1, info: 0x20, id: 701, data: Log.number(2_000_000, 8))
        let point = log.add(manager: 0, info: 0x70, id: 0, data: Log.number(3, 8) + Log.name("here", 64))
        for pieces in [1, 7, 24, 4096, 8192, 8193, 1 << 20] {
            let found = stops(log, pieces: pieces)
            #expect(found.map(\.position) == [commit, abort, point])
            #expect(found.map(\.transactionID) == [700, 701, 0])
            #expect(found.map(\.microseconds) == [1_000_000, 2_000_000, 3])
            #expect(found.map(\.kind) == [.commit, .abort, .restorePoint(name: Array("here".utf8))])
        }
        let state = scan(log).state
        #expect(state.lastRecord == point && state.newestTransactionID == 701)
        #expect(stops(log, limit: abort).map(\.position) == [commit])
    }

    @Test func `a commit is found wherever the end of a page cuts it`() {
        for filling in 8000...8190 where filling.isMultiple(of: 2) {
            var log = Log(at: Self.start, magic: 0xD116)
            log.add(manager: 10, info: 0, id: 5, data: .init(repeating: 1, count: filling - 40 - 24 - 5))
            let commit = log.add(manager: 1, info: 0x00, id: 900, data: Log.number(42, 8))
            log.add(manager: 10, info: 0, id: 901, data: [1])
            let found = stops(log)
            #expect(found.map(\.position) == [commit] && found.first?.transactionID == 900, "\(filling)")
        }
    }

    @Test(arguments: [(0xD101, 12), (0xD10D, 12), (0xD116, 12), (0xD118, 16)])
    func `the end of a prepared transaction is known by the ID inside`(magic: Int, itemBytes: Int) {
        let isNew = magic >= 0xD110
        var flags = 1 | 2 | 4 | 8 | 16 | 128
        if isNew { flags |= 256 }
        var data = Log.number(5, 8) + Log.number(flags, 4) + Log.number(0, 8)
        data += Log.number(2, 4) + Log.number(0, 8)
        data += Log.number(1, 4) + Log.number(0, 8) + Log.number(0, 4)
        if isNew { data += Log.number(3, 4) + [UInt8](repeating: 9, count: 3 * itemBytes) }
        data += Log.number(1, 4) + [UInt8](repeating: 9, count: 16)
        data += Log.number(4711, 4) + Log.name("gid", 4)
        var log = Log(at: Self.start, magic: UInt16(magic))
        log.add(manager: 1, info: 0x30 | 0x80, id: 0, data: data)
        #expect(stops(log).map(\.transactionID) == [4711])
        #expect(stops(log).map(\.kind) == [.commit])
    }

    @Test func `reading ends where recovery would`() {
        func log(_ change: (inout Log) -> Void) -> [WALStop] {
            var log = Log(at: Self.start, magic: 0xD116)
            log.add(manager: 1, info: 0, id: 10, data: Log.number(1, 8))
            change(&log)
            log.add(manager: 1, info: 0, id: 11, data: Log.number(2, 8))
            return stops(log)
        }
        #expect(log { _ in }.count == 2)
        #expect(log { $0.add(manager: 0, info: 0x40, id: 0, data: nil) }.count == 1)
        #expect(log { $0.previous = LSN(rawValue: 8) }.count == 1)
        #expect(log { $0.bytes += .init(repeating: 0, count: 64) }.count == 1)
        #expect(log { $0.add(manager: 1, info: 0, id: 12, data: Log.number(3, 8), checksum: 1) }.count == 1)
        // The flag says that what was begun was given up in a crash: reading goes on behind it.
        #expect(log { $0.abandon(flag: 8) }.count == 2)
        #expect(log { $0.abandon(flag: 0) }.count == 1)
    }

    @Test func `bytes that are no segment say nothing`() {
        var log = Log(at: LSN(rawValue: 5 << 24), magic: 0xD116)
        log.add(manager: 1, info: 0, id: 10, data: Log.number(1, 8))
        #expect(stops(log).isEmpty)
        #expect(scan(log).state.lastRecord == nil && scan(log).state.isFinished)
        log.bytes = [UInt8](repeating: 0, count: 100_000)
        #expect(stops(log).isEmpty)
        log.bytes = []
        #expect(!scan(log).state.isFinished)
    }

    /// WAL as PostgreSQL lays it out: pages of 8 KiB with headers, records at multiples of eight.
    private struct Log {
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
            header += Self.number(Int(checksum ?? WALRecordScannerTests.checksum(body + header)), 4)
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
}
