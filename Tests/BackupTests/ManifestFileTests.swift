import Codecs
import Failure
import SystemPackage
import TestWorld
import Testing

@testable import Backup

@Suite struct ManifestFileTests {
    private func read(_ world: World, _ files: String, version: Int = 1, checksum: String? = nil) throws -> ManifestFile
    {
        let text = "{ \"PostgreSQL-Backup-Manifest-Version\": \(version),\n\"Files\": [\(files)],\n"
        let sum = checksum ?? Checksum.hexadecimal(of: Array(text.utf8))
        try world.write(text + "\"Manifest-Checksum\": \"\(sum)\"}\n", to: "manifest")
        return try ManifestFile(reading: FilePath(world.path("manifest")))
    }

    @Test func `files are read whatever the layout of the text, names in hexadecimal as bytes`() throws {
        try World.with { world in
            let manifest = try read(
                world,
                """
                {"Path": "a \\"b\\" ] }", "Size": 3, "Checksum-Algorithm": "CRC32C", "Checksum": "ABCD0123"},
                   {
                "Size":0,"Encoded-Path":"ff2f61", "Nested": {"x": [1, {"y": "]"}]} }
                """,
                version: 2
            )
            #expect(manifest.entries.map(\.pathBytes) == [Array("a \"b\" ] }".utf8), [0xFF, 0x2F, 0x61]])
            #expect(manifest.entries.map(\.sizeBytes) == [3, 0])
            #expect(manifest.entries.map(\.checksum) == ["abcd0123", ""])
            #expect(manifest.entries.map(\.algorithm) == ["CRC32C", "NONE"])
            let empty = try read(world, "")
            #expect(empty.entries.isEmpty)
        }
    }

    @Test func `what leads out of the backup, occurs twice or makes no sense is refused`() throws {
        try World.with { world in
            for path in ["/etc/passwd", "../x", "a/../../x", "", "a\\u0000b"] {
                #expect(throws: Failure.self, "\(path)") {
                    try read(world, "{\"Path\": \"\(path)\", \"Size\": 1}")
                }
            }
            let one = "{\"Path\": \"a\", \"Size\": 1}"
            for files in ["\(one),\(one)", "{\"Path\": \"a\"}", "{\"Path\": \"a\", \"Size\": -1}", "{", "]", "{\"a"] {
                #expect(throws: Failure.self, "\(files)") { try read(world, files) }
            }
            #expect(throws: Failure.self) { try read(world, one, version: 3) }
            #expect(throws: Failure.self) { try read(world, one, checksum: String(repeating: "0", count: 64)) }
            let good = try read(world, one)
            #expect(good.entries.count == 1)
        }
    }
}
