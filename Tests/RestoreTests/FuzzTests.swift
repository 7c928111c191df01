import SystemPackage
import TestWorld
import Testing

@testable import Restore

/// Damaged incremental files, configuration files of PostgreSQL, and marks (`make fuzz`).
@Suite struct FuzzTests {
    /// The head of a file with three blocks, as PostgreSQL lays it out.
    private static var incremental: [UInt8] {
        let words: [UInt32] = [IncrementalHeader.magic, 3, 9, 2, 4, 1000]
        let head = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        return head + [UInt8](repeating: 0, count: 8192 * 4 - head.count)
    }

    @Test func `parsers survive damaged input`() throws {
        try Fuzz.run([
            FuzzTarget("incremental files", [Self.incremental, Array(Self.incremental.prefix(40))], depth: 100) {
                bytes,
                numbers in
                let step = Int.random(in: 1...5000, using: &numbers)
                // Half of them with the length that the head says.
                let count = bytes.count >= 8 ? bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int64($1) } : 0
                let told = count > 0 ? (12 + 4 * count + 8191) / 8192 * 8192 + count * 8192 : 12
                let header = try? IncrementalHeader(
                    path: "base/5/INCREMENTAL.1",
                    fileBytes: .random(using: &numbers) ? told : Int64(bytes.count),
                    read: { buffer, offset in
                        let start = min(bytes.count, Int(clamping: offset))
                        let count = min(buffer.count, bytes.count - start, step)
                        buffer.copyBytes(from: bytes[start..<start + count])
                        return count
                    }
                )
                guard let header else { return }
                guard header.outputBlocks <= IncrementalHeader.largestBlockCount else { throw WorldError("\(header)") }
            },
            FuzzTarget(
                "configuration files",
                [Array("port = 1\narchive_command = 'x y'\n  include 'a' # b\nrecovery_target_time '2026'\r\n".utf8)]
            ) { bytes, _ in
                let edit = ConfigurationEdit(editing: bytes, appending: ["a = 1"])
                guard edit.content.count > bytes.count else { throw WorldError("something is missing") }
                // What was disabled stays so.
                let again = ConfigurationEdit(editing: edit.content)
                guard again.changes.allSatisfy({ $0.value != nil }) else { throw WorldError("\(again.changes)") }
            },
            FuzzTarget("marks", [Array(#"{"server": "pg", "system_id": "7301", "backup_id": "20260301T000000"}"#.utf8)])
            { bytes, _ in
                _ = UnfinishedMark(bytes)?.contents
            },
            FuzzTarget(text: "control files in hexadecimal", [" 40 3f 12 00 ff ff 01 65\n"], depth: 20) {
                _ = DestinationGuard.identifier($0)
            },
            FuzzTarget(text: "target times", ["2026-03-01 02:00:01.123456+00:00", "1 Mar 2026 2:00 pm CET", "now"]) {
                _ = try? RecoveryTarget.parse(time: $0)
            },
        ])
    }
}
