import Codecs
import Failure
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@testable import Backup
@testable import Replication

/// What a server sends is held against its manifest, in every form in which it comes and is stored.
@Suite struct StreamIntakeTests {
    private static let contents = Array("15\n".utf8)

    static let formats = [
        StreamFormat(layout: .tree),
        StreamFormat(layout: .tree, serverCompression: .init(method: "zstd")),
        StreamFormat(layout: .archives, recordedCompression: "none"),
        StreamFormat(layout: .archives, storedFormat: .lz4, clientLevel: .medium, recordedCompression: "lz4"),
        StreamFormat(
            layout: .archives,
            storedFormat: .gzip,
            serverCompression: .init(method: "gzip"),
            recordedCompression: "gzip"
        ),
    ]

    @Test(arguments: formats)
    func `a file that is not what the manifest says ends the backup`(format: StreamFormat) throws {
        let crc = CRC32C.hexadecimal(Self.checksum(Self.contents))
        try receive(format, [Self.line("PG_VERSION", 3, crc)])
        #expect(
            trouble(format, [Self.line("PG_VERSION", 3, "00000000")]) == "checksum mismatch for file \"PG_VERSION\""
        )
        #expect(
            trouble(format, [Self.line("PG_VERSION", 4, crc)])
                == "\"PG_VERSION\" came with 3 bytes but has size 4 in the manifest"
        )
        #expect(
            trouble(format, [Self.line("PG_VERSIOM", 3, crc)])
                == "the server's backup manifest has \"PG_VERSIOM\" where another file came"
        )
        #expect(trouble(format, []) == "the server's backup manifest lists 0 of 1 files")
        #expect(
            trouble(format, [Self.line("PG_VERSION", 3, crc), Self.line("more", 3, crc)])
                == "the server's backup manifest has \"more\" where another file came"
        )
    }

    @Test(arguments: formats)
    func `a stream that is cut short ends the backup`(format: StreamFormat) throws {
        let line = Self.line("PG_VERSION", 3, CRC32C.hexadecimal(Self.checksum(Self.contents)))
        // In the padding, in the contents, in the header.
        for lostBytes in [1100, 1535, 1800] {
            #expect(throws: TarError.self) { try receive(format, [line], lostBytes: lostBytes) }
        }
    }

    // MARK: Parts

    private func trouble(_ format: StreamFormat, _ lines: [String]) -> String? {
        failure(of: { try receive(format, lines) })?.message
    }

    /// Sends one file and a manifest as a server would, in small messages.
    private func receive(_ format: StreamFormat, _ lines: [String], lostBytes: Int = 0) throws {
        try World.with { world in
            let target = StreamTarget(
                directory: FilePath(try world.makeDirectory("backup")),
                format: format,
                encryptionKey: nil,
                pathPrefix: nil,
                check: {}
            )
            let intake = StreamIntake(target, serverVersion: 170_000, reporter: Recorder(), expectedBytes: nil)
            defer { intake.abandon() }
            let archive = BaseBackupArchive()
            try intake.start(
                at: BaseBackupPosition(lsn: LSN(rawValue: 0), timeline: Timeline(rawValue: 1)),
                archives: [archive]
            )
            try intake.begin(archive)
            var stream = Self.archive
            stream.removeLast(lostBytes)
            if let compression = format.wireFormat {
                stream = try Self.compressed(stream, compression)
            }
            try send(stream, to: intake)
            try intake.complete()
            try intake.beginManifest()
            let text =
                "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n" + lines.joined(separator: ",\n")
                + "\n],\n"
            let sum = Checksum.hexadecimal(of: Array(text.utf8))
            try send(Array((text + "\"Manifest-Checksum\": \"\(sum)\"}\n").utf8), to: intake)
            try intake.complete()
            try intake.finish()
        }
    }

    private func send(_ bytes: [UInt8], to intake: StreamIntake) throws {
        for start in stride(from: 0, to: bytes.count, by: 700) {
            try bytes[start..<min(start + 700, bytes.count)].withUnsafeBytes { try intake.take($0) }
        }
    }

    private static func line(_ path: String, _ sizeBytes: Int, _ crc: String) -> String {
        "{ \"Path\": \"\(path)\", \"Size\": \(sizeBytes), \"Last-Modified\": \"2026-01-01 00:00:00 GMT\", "
            + "\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"\(crc)\" }"
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var checksum = CRC32C()
        bytes.withUnsafeBytes { checksum.update($0) }
        return checksum.value
    }

    /// A header, a block of contents, and the end mark of two blocks.
    private static var archive: [UInt8] {
        var writer = TarWriter()
        let header = writer.header(of: TarMember(name: "PG_VERSION", sizeBytes: Int64(contents.count), mode: 0o600))
        return header + contents + TarWriter.padding(after: Int64(contents.count)) + [UInt8](repeating: 0, count: 1024)
    }

    private static func compressed(_ bytes: [UInt8], _ format: CompressionFormat) throws -> [UInt8] {
        var output: [UInt8] = []
        try bytes.withUnsafeBytes { bytes in
            _ = try Compressor(format: format).compressFrame(bytes, isFollowed: false) { output.append(contentsOf: $0) }
        }
        return output
    }
}
