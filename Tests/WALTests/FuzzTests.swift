import TestWorld
import Testing

@testable import WAL

/// Damaged WAL, histories and names (`make fuzz`).
@Suite struct FuzzTests {
    private static let start = LSN(rawValue: 3 << 24)

    private static var log: SampleLog {
        var log = SampleLog(at: start, magic: 0xD116)
        log.add(manager: 10, info: 0, id: 700, data: .init(repeating: 1, count: 300))
        log.add(manager: 1, info: 0x00, id: 700, data: SampleLog.number(1_000_000, 8))
        log.add(manager: 10, info: 0, id: 701, data: .init(repeating: 2, count: 9000))
        log.add(manager: 0, info: 0x70, id: 0, data: SampleLog.number(3, 8) + SampleLog.name("here", 64))
        log.abandon(flag: 8)
        log.add(manager: 1, info: 0x20, id: 701, data: SampleLog.number(2_000_000, 8))
        return log
    }

    /// The end of a prepared transaction: the longest of the records that are read.
    private static var record: [UInt8] {
        var data = SampleLog.number(5, 8) + SampleLog.number(0x19F, 4) + SampleLog.number(0, 8)
        data += SampleLog.number(2, 4) + SampleLog.number(0, 8)
        data += SampleLog.number(1, 4) + SampleLog.number(0, 8) + SampleLog.number(0, 4)
        data += SampleLog.number(3, 4) + [UInt8](repeating: 9, count: 48)
        data += SampleLog.number(1, 4) + [UInt8](repeating: 9, count: 16)
        data += SampleLog.number(4711, 4) + SampleLog.name("gid", 4)
        var log = SampleLog(at: start, magic: 0xD118)
        log.add(manager: 1, info: 0x30 | 0x80, id: 0, data: data)
        return Array(log.bytes[WALPageHeader.byteCount...])
    }

    /// What was found, and whether the scanner had enough.
    private func scan(_ bytes: [UInt8], pieces: Int) -> String {
        var scanner = WALRecordScanner(segmentAt: Self.start, size: .standard, checksum: SampleLog.checksum)
        var found: [WALStop] = []
        for begin in stride(from: 0, to: bytes.count, by: pieces) {
            scanner.take(Array(bytes[begin..<min(begin + pieces, bytes.count)]).span) { found.append($0) }
        }
        return "\(found) \(scanner.isFinished) \(scanner.wantsNextSegment) \(String(describing: scanner.lastRecord))"
    }

    @Test func `parsers survive damaged input`() throws {
        try Fuzz.run([
            FuzzTarget("segments", [Self.log.bytes], depth: 100) { bytes, numbers in
                let whole = scan(bytes, pieces: bytes.count + 1)
                let pieces = scan(bytes, pieces: .random(in: 1...9000, using: &numbers))
                guard whole == pieces else { throw WorldError("pieces make a difference: \(whole), \(pieces)") }
            },
            FuzzTarget("records", [Self.record], depth: 100) { bytes, numbers in
                let magic: UInt16 = [0xD101, 0xD10D, 0xD116, 0xD118].randomElement(using: &numbers) ?? 0
                guard bytes.count >= WALRecordHeader.byteCount else { return }
                _ = WALStop(record: bytes, magic: magic, position: Self.start, end: Self.start)
            },
            FuzzTarget("page headers", [Array(Self.log.bytes.prefix(40))], depth: 10) { bytes, _ in
                guard let header = WALPageHeader(bytes) else { return }
                for text in ["000000010000000000000003", "FFFFFFFFFFFFFFFF000000FF"] {
                    _ = WALSegmentName(text).map { header.defect(asSegment: $0, sizeBytes: 16 << 20) }
                }
            },
            FuzzTarget(
                text: "histories",
                ["1\t0/4000080\tno recovery target specified\n\n# x\n2\tA/FF000000\tbefore 2026-01-01\n"]
            ) { text in
                guard let history = try? TimelineHistory(parsing: text) else { return }
                let path = TimelinePath(from: Timeline(rawValue: 1), to: Timeline(rawValue: 3), history: history)
                _ = path?.timeline(at: Self.start)
            },
            FuzzTarget(
                text: "names",
                [
                    "000000010000000000000001", "00000002.history", "0000000100000000000000FF.partial",
                    "000000010000000000000004.00000028.backup", "FFFFFFFF/FFFFFFFF",
                ],
                depth: 50
            ) { name in
                _ = WALFileName(name)?.hashDirectory
                _ = LSN(name)
                for bytes in [Int64(1) << 20, 1 << 24, 1 << 30] {
                    guard let size = WALSegmentSize(bytes: bytes), let segment = WALSegmentName(name) else { continue }
                    _ = [segment.next(size: size), segment.previous(size: size)]
                    _ = segment.startLSN(size: size)
                }
            },
        ])
    }
}
