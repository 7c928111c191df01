import Replication
import TestWorld
import Testing
import WAL

@testable import Postgres

/// What a broken server may send (`make fuzz`).
@Suite struct FuzzTests {
    /// A message of WAL and a sign of life.
    private static var messages: [[UInt8]] {
        func number(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - $0 * 8)) } }
        let wal = [UInt8(ascii: "w")] + number(3 << 24) + number(3 << 24) + number(1)
        return [
            wal + [UInt8](repeating: 7, count: 3000), [UInt8(ascii: "k")] + number(3 << 24) + number(1) + [1],
        ]
    }

    private static let replies = ["n16384.tar\0/srv/ts\0", "nbase.tar.zst\0\0", "dabc", "m", "p12345678", "d{"]
    private static let positions = ["0/2000028", "FFFFFFFF/FFFFFFFF", "1", "", "3", "/", "-1", "99999999999", "16384"]

    @Test func `parsers survive damaged input`() throws {
        try Fuzz.run([
            FuzzTarget("messages of WAL", Self.messages) { bytes, numbers in try stream(bytes, &numbers) },
            FuzzTarget("base backups", Self.replies.map { Array($0.utf8) }, depth: 100) { bytes, numbers in
                try baseBackup(bytes, &numbers)
            },
            FuzzTarget(
                text: "connection strings",
                [
                    "host=/x port=5432 user='a b' password='it\\'s'",
                    "postgresql://user:secret@host:5432/db?sslmode=require",
                ],
                depth: 100
            ) { text in
                let connection = try? ConnectionString(text)
                _ = connection?.forReplication(as: "x").text(forClient: "y")
            },
            FuzzTarget(text: "versions", ["PostgreSQL 17.4 (Debian 17.4-1) on x86_64", "9.6.24", "18beta1"]) { text in
                _ = PostgresVersion(number: 170_004, serverWords: text)
                _ = PostgresVersion.major(of: text)
            },
        ])
    }

    /// Messages that follow each other or do not, at every place of the log, its very end too.
    private func stream(_ bytes: [UInt8], _ numbers: inout SeededNumbers) throws {
        let start = LSN(rawValue: [0, 3 << 24, UInt64.max &- (16 << 20) &+ 1].randomElement(using: &numbers) ?? 0)
        var stream = WALStream(
            timeline: Timeline(rawValue: 1),
            start: start,
            segmentSize: .standard,
            manner: .init(isSynchronous: .random(using: &numbers)),
            nowSeconds: 0
        )
        _ = stream.begin()
        guard let message = bytes.withUnsafeBytes({ StreamMessage($0) }) else { return }
        _ = try? stream.receive(message, nowSeconds: 1)
        // More at once than one message has.
        _ = try? stream.receive(
            .wal(start: stream.written, byteCount: .random(in: 0...40 << 20, using: &numbers)),
            nowSeconds: 2
        )
        _ = try? stream.rest(nowSeconds: .random(in: 0...100, using: &numbers))
        _ = stream.end(nowSeconds: 3)
        guard stream.flushed <= stream.written else { throw WorldError("confirmed what has not come") }
    }

    /// Replies in any order.
    private func baseBackup(_ bytes: [UInt8], _ numbers: inout SeededNumbers) throws {
        let version = [120_000, 140_000, 150_000, 180_000].randomElement(using: &numbers) ?? 0
        var stream = BaseBackupStream(serverVersion: version)
        func rows() -> CommandReply {
            let columns = Int.random(in: 0...4, using: &numbers)
            let values = (0..<Int.random(in: 0...3, using: &numbers)).map { _ in
                (0..<columns).map { _ in
                    Bool.random(using: &numbers) ? nil : Self.positions.randomElement(using: &numbers)
                }
            }
            return .rows(PostgresRows(columns: (0..<columns).map { "c\($0)" }, values: values))
        }
        if Bool.random(using: &numbers) {
            func sound(_ values: [[String?]]) -> CommandReply {
                .rows(PostgresRows(columns: values[0].indices.map { "c\($0)" }, values: values))
            }
            _ = try? stream.take(sound([["0/2000028", "3"]]))
            _ = try? stream.take(sound([["16384", "/srv/ts", "10"], [nil, nil, "20"]]))
            _ = try? stream.take(CommandReply.copyOut)
        }
        for _ in 0..<Int.random(in: 1...8, using: &numbers) {
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: _ = try? stream.take(rows())
            case 1: _ = try? stream.take(CommandReply.copyOut)
            case 2: _ = try? stream.take(CommandReply.end)
            case 3: _ = try? stream.takeStreamEnd()
            case 4: _ = try? bytes.withUnsafeBytes { try stream.take($0) }
            default:
                let reply = Array((Self.replies.randomElement(using: &numbers) ?? "").utf8)
                _ = try? reply.withUnsafeBytes { try stream.take($0) }
            }
        }
    }
}
