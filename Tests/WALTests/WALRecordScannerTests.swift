import Testing

@testable import WAL

/// The reading of records, over pages made here; `Tests/ArchiveTests` reads those of real servers.
@Suite struct WALRecordScannerTests {
    private static let start = LSN(rawValue: 3 << 24)

    private func stops(_ log: SampleLog, limit: LSN? = nil, pieces: Int = 8192) -> [WALStop] {
        scan(log, limit, pieces).stops
    }

    private func scan(
        _ log: SampleLog,
        _ limit: LSN? = nil,
        _ pieces: Int = 8192
    ) -> (stops: [WALStop], state: WALRecordScanner) {
        var scanner = WALRecordScanner(
            segmentAt: Self.start,
            size: .standard,
            limit: limit,
            checksum: SampleLog.checksum
        )
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
        var log = SampleLog(at: Self.start, magic: 0xD101)
        log.add(manager: 10, info: 0, id: 700, data: .init(repeating: 1, count: 300))
        let commit = log.add(manager: 1, info: 0x00, id: 700, data: SampleLog.number(1_000_000, 8))
        // Longer than a page, so that it is continued twice.
        log.add(manager: 10, info: 0, id: 701, data: .init(repeating: 2, count: 20_000))
        let abort = log.add(manager: 1, info: 0x20, id: 701, data: SampleLog.number(2_000_000, 8))
        let point = log.add(manager: 0, info: 0x70, id: 0, data: SampleLog.number(3, 8) + SampleLog.name("here", 64))
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
            var log = SampleLog(at: Self.start, magic: 0xD116)
            log.add(manager: 10, info: 0, id: 5, data: .init(repeating: 1, count: filling - 40 - 24 - 5))
            let commit = log.add(manager: 1, info: 0x00, id: 900, data: SampleLog.number(42, 8))
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
        var data = SampleLog.number(5, 8) + SampleLog.number(flags, 4) + SampleLog.number(0, 8)
        data += SampleLog.number(2, 4) + SampleLog.number(0, 8)
        data += SampleLog.number(1, 4) + SampleLog.number(0, 8) + SampleLog.number(0, 4)
        if isNew { data += SampleLog.number(3, 4) + [UInt8](repeating: 9, count: 3 * itemBytes) }
        data += SampleLog.number(1, 4) + [UInt8](repeating: 9, count: 16)
        data += SampleLog.number(4711, 4) + SampleLog.name("gid", 4)
        var log = SampleLog(at: Self.start, magic: UInt16(magic))
        log.add(manager: 1, info: 0x30 | 0x80, id: 0, data: data)
        #expect(stops(log).map(\.transactionID) == [4711])
        #expect(stops(log).map(\.kind) == [.commit])
    }

    @Test func `reading ends where recovery would`() {
        func log(_ change: (inout SampleLog) -> Void) -> [WALStop] {
            var log = SampleLog(at: Self.start, magic: 0xD116)
            log.add(manager: 1, info: 0, id: 10, data: SampleLog.number(1, 8))
            change(&log)
            log.add(manager: 1, info: 0, id: 11, data: SampleLog.number(2, 8))
            return stops(log)
        }
        #expect(log { _ in }.count == 2)
        #expect(log { $0.add(manager: 0, info: 0x40, id: 0, data: nil) }.count == 1)
        #expect(log { $0.previous = LSN(rawValue: 8) }.count == 1)
        #expect(log { $0.bytes += .init(repeating: 0, count: 64) }.count == 1)
        #expect(log { $0.add(manager: 1, info: 0, id: 12, data: SampleLog.number(3, 8), checksum: 1) }.count == 1)
        // The flag says that what was begun was given up in a crash: reading goes on behind it.
        #expect(log { $0.abandon(flag: 8) }.count == 2)
        #expect(log { $0.abandon(flag: 0) }.count == 1)
    }

    @Test func `bytes that are no segment say nothing`() {
        var log = SampleLog(at: LSN(rawValue: 5 << 24), magic: 0xD116)
        log.add(manager: 1, info: 0, id: 10, data: SampleLog.number(1, 8))
        #expect(stops(log).isEmpty)
        #expect(scan(log).state.lastRecord == nil && scan(log).state.isFinished)
        log.bytes = [UInt8](repeating: 0, count: 100_000)
        #expect(stops(log).isEmpty)
        log.bytes = []
        #expect(!scan(log).state.isFinished)
    }
}
