import Codecs
import Failure
import SystemPackage
import TestWorld
import Testing

@testable import Backup
@testable import Processes

/// Damaged manifests, labels, and what rsync says (`make fuzz`).
@Suite struct FuzzTests {
    private static let files = [
        #"{ "Path": "global/pg_control", "Size": 8192, "Last-Modified": "2026-01-01 00:00:00 GMT", "Checksum-Algorithm": "CRC32C", "Checksum": "abcd0123" }"#,
        #"{ "Encoded-Path": "ff2f61", "Size": 0, "Checksum-Algorithm": "NONE" }"#,
    ]
    private static let manifest =
        "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n\"System-Identifier\": 7301234567890123456,\n\"Files\": [\n"
        + files.joined(separator: ",\n")
        + "\n],\n\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", \"End-LSN\": \"0/2000100\" }\n],\n"

    @Test func `parsers survive damaged input`() throws {
        try World.with { world in
            let file = world.path("damaged")
            try Fuzz.run([
                FuzzTarget("manifests", [Array(Self.manifest.utf8)]) { bytes, _ in
                    // Damage that the checksum does not show.
                    let end = "\"Manifest-Checksum\": \"\(Checksum.hexadecimal(of: bytes))\"}\n"
                    try TestWorld.Shell.write(bytes + Array(end.utf8), to: file)
                    _ = try? ManifestFile(reading: FilePath(file))
                },
                FuzzTarget("manifests of the server", [Array(Self.manifest.utf8)]) { bytes, numbers in
                    try Self.take(bytes, pieces: .random(in: 1...300, using: &numbers), at: FilePath(file))
                },
                FuzzTarget(
                    text: "labels",
                    ["START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\nCHECKPOINT LOCATION: 0/3000060\n"]
                ) { _ = LabelText($0) },
                FuzzTarget(
                    text: "lists of rsync",
                    [
                        "-rw------- 8,192 2024/01/02 03:04:05 base/1/1259",
                        "drwx------ 4,096 2024/12/31 23:59:60 a\\#012 b",
                        "lrwxrwxrwx 9 1999/02/30 00:00:00 pg_tblspc/1 -> /srv",
                    ]
                ) { _ = try? RsyncListingEntry(parsing: $0) },
                FuzzTarget("progress of rsync", [Array("  1,234,567  12%    3.40MB/s    0:00:01\r".utf8)]) { bytes, _ in
                    var parser = RsyncProgressParser()
                    _ = bytes.withUnsafeBytes { parser.take($0) }
                },
                FuzzTarget(text: "command lines", ["ssh -o 'User Name'=\"a b\" -p 22 postgres@pg \\  'x'"]) { text in
                    guard let words = try? ShellWords.split(text) else { return }
                    guard try ShellWords.split(ShellWords.join(words)) == words else {
                        throw WorldError("other words: \(words)")
                    }
                    _ = ShellWords.splitAtBlanks(text)
                },
            ])
        }
    }

    /// Holds a manifest with a right checksum against two files that came.
    private static func take(_ bytes: [UInt8], pieces: Int, at path: FilePath) throws {
        let ledger = FileLedger()
        for (name, size) in [(Array("global/pg_control".utf8), 8192), ([0xFF, 0x2F, 0x61], 0)] as [([UInt8], Int64)] {
            ledger.complete(ledger.begin(name), sizeBytes: size, crc32c: 0xABCD_0123)
        }
        let intake = try ManifestIntake(path, ledger: ledger)
        let whole = bytes + Array("\"Manifest-Checksum\": \"\(Checksum.hexadecimal(of: bytes))\"}\n".utf8)
        do {
            for begin in stride(from: 0, to: whole.count, by: pieces) {
                try whole[begin..<min(begin + pieces, whole.count)].withUnsafeBytes { try intake.take($0) }
            }
            try intake.finish()
        } catch is Failure {}
    }
}
