import Replication
import Testing
import WAL

@testable import Postgres

/// The replies to BASE_BACKUP, by script.
@Suite struct BaseBackupStreamTests {
    private func rows(_ values: [[String?]]) -> CommandReply {
        .rows(PostgresRows(columns: values.first.map { $0.indices.map { "c\($0)" } } ?? [], values: values))
    }

    private func message(_ stream: inout BaseBackupStream, _ bytes: [UInt8]) throws -> BaseBackupEvent {
        try bytes.withUnsafeBytes { try stream.take($0) }
    }

    private func begun(_ version: Int, _ archives: [[String?]]) throws -> BaseBackupStream {
        var stream = BaseBackupStream(serverVersion: version)
        guard case .start(let position) = try stream.take(rows([["0/2000028", "3"]])) else {
            throw BaseBackupError.unexpectedEnd
        }
        #expect(position.lsn.description == "0/2000028")
        #expect(position.timeline.rawValue == 3)
        guard case .archives(let announced) = try stream.take(rows(archives)) else {
            throw BaseBackupError.unexpectedEnd
        }
        #expect(announced.count == archives.count)
        return stream
    }

    private let two: [[String?]] = [["16384", "/srv/ts", "10"], [nil, nil, "20"]]

    @Test func `from 15 on everything is in one stream of typed messages`() throws {
        var stream = try begun(170_000, two)
        #expect(try stream.take(.copyOut) == .nothing)
        let first = BaseBackupArchive(tablespaceOID: 16384, location: "/srv/ts")
        #expect(try message(&stream, Array("n16384.tar\0/srv/ts\0".utf8)) == .archive(first))
        #expect(try message(&stream, Array("dabc".utf8)) == .contents(offset: 1))
        #expect(try message(&stream, Array("p".utf8) + [UInt8](repeating: 0, count: 8)) == .nothing)
        #expect(try message(&stream, Array("nbase.tar.zst\0\0".utf8)) == .archive(BaseBackupArchive()))
        #expect(try message(&stream, Array("m".utf8)) == .manifest)
        #expect(try message(&stream, Array("d{".utf8)) == .contents(offset: 1))
        #expect(try stream.takeStreamEnd() == .complete)
        guard case .end(let end) = try stream.take(rows([["0/2000138", "3"]])) else {
            throw BaseBackupError.unexpectedEnd
        }
        #expect(end.lsn.description == "0/2000138")
        #expect(try stream.take(rows([])) == .nothing)
        #expect(try stream.take(.end) == .nothing)
        #expect(stream.isFinished)
    }

    @Test(arguments: [120_000, 130_000, 140_000]) func `up to 14 each archive is a stream`(version: Int) throws {
        var stream = try begun(version, two)
        let first = BaseBackupArchive(tablespaceOID: 16384, location: "/srv/ts")
        #expect(try stream.take(.copyOut) == .archive(first))
        #expect(try message(&stream, [110]) == .contents(offset: 0))
        #expect(try stream.takeStreamEnd() == .complete)
        #expect(try stream.take(.copyOut) == .archive(BaseBackupArchive()))
        #expect(try stream.takeStreamEnd() == .complete)
        if version >= 130_000 {
            #expect(throws: BaseBackupError.self) {
                var early = stream
                _ = try early.take(rows([["0/2", "1"]]))
            }
            #expect(try stream.take(.copyOut) == .manifest)
            #expect(try stream.takeStreamEnd() == .complete)
        }
        guard case .end = try stream.take(rows([["0/2000138", "3"]])) else { throw BaseBackupError.unexpectedEnd }
        #expect(try stream.take(rows([])) == .nothing)
        #expect(try stream.take(.end) == .nothing)
        #expect(stream.isFinished)
    }

    @Test func `what cannot come here is refused`() throws {
        let started = try begun(180_000, two)
        var stream = started
        #expect(throws: BaseBackupError.self) { try stream.take(rows([["0/1", "1"]])) }
        stream = started
        _ = try stream.take(.copyOut)
        for bytes in [
            [], Array("x".utf8), Array("dabc".utf8), Array("nbase.tar\0\0".utf8), Array("n16384.tar".utf8),
            Array("m".utf8),
        ] {
            var copy = stream
            #expect(throws: BaseBackupError.self, "\(bytes)") { try self.message(&copy, bytes) }
        }
        #expect(throws: BaseBackupError.unexpectedEnd) {
            var copy = stream
            _ = try copy.takeStreamEnd()
        }
        #expect(throws: BaseBackupError.self) {
            var copy = BaseBackupStream(serverVersion: 170_000)
            _ = try copy.take(rows([["0/X", "1"]]))
        }
        for archives: [[String?]] in [[], [["1", "/a", "1"]], [["x", "/a", "1"], [nil, nil, nil]], [[]]] {
            #expect(throws: BaseBackupError.self) {
                var copy = BaseBackupStream(serverVersion: 170_000)
                _ = try copy.take(self.rows([["0/2000028", "3"]]))
                _ = try copy.take(self.rows(archives))
            }
        }
    }

    @Test func `the command is written in the grammar of the server`() throws {
        var request = BaseBackupRequest(label: "it's")
        request.isFastCheckpoint = true
        request.rateLimitKilobytes = 2000
        request.hasTablespaceMap = true
        request.waitsForArchiving = false
        #expect(
            try request.command(serverVersion: 140_000)
                == "BASE_BACKUP LABEL 'it''s' FAST MAX_RATE 2000 TABLESPACE_MAP NOWAIT MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'"
        )
        #expect(try !request.command(serverVersion: 120_000).contains("MANIFEST"))
        request.compression = .init(method: "zstd", level: 3, workers: 2)
        #expect(
            try request.command(serverVersion: 180_000)
                == "BASE_BACKUP (LABEL 'it''s', CHECKPOINT 'fast', MAX_RATE 2000, TABLESPACE_MAP, WAIT 'false', MANIFEST 'yes', "
                + "MANIFEST_CHECKSUMS 'CRC32C', TARGET 'client', COMPRESSION 'zstd', "
                + "COMPRESSION_DETAIL 'level=3,workers=2')"
        )
        #expect(throws: BaseBackupError.self) { try request.command(serverVersion: 140_000) }
        request.isIncremental = true
        #expect(throws: BaseBackupError.self) { try request.command(serverVersion: 160_000) }
        #expect(try request.command(serverVersion: 170_000).contains(", INCREMENTAL,"))
    }
}
