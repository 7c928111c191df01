import Testing

@testable import Backup

@Suite struct PackedEntriesTests {
    private func entry(
        _ path: String,
        size: Int64 = 1,
        algorithm: String = "SHA256",
        checksum: String = "00ff"
    )
        -> ManifestEntry
    {
        ManifestEntry(pathBytes: Array(path.utf8), sizeBytes: size, algorithm: algorithm, checksum: checksum)
    }

    @Test func `files come back in their order and are found by their paths`() {
        var entries = PackedEntries()
        let paths = (0..<3000).map { "base/\($0 % 7)/\($0)" } + ["", "ä/ö"]
        for (number, path) in paths.enumerated() {
            let isNew = entries.append(
                entry(
                    path,
                    size: Int64(number),
                    algorithm: number % 100 == 0 ? "CRC32C" : "SHA256",
                    checksum: "0a\(number % 90 + 10)"
                )
            )
            #expect(isNew)
        }
        #expect(entries.map(\.path) == paths)
        for (number, path) in paths.enumerated() {
            #expect(entries.position(of: Array(path.utf8)) == number)
            #expect(entries[number].sizeBytes == Int64(number))
            #expect(entries[number].algorithm == (number % 100 == 0 ? "CRC32C" : "SHA256"))
            #expect(entries[number].checksum == "0a\(number % 90 + 10)")
        }
        #expect(
            entries.byPath.map { entries[$0].pathBytes }
                == paths.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        )
        #expect(entries.position(of: Array("base/0/1".utf8)) == nil)
        let isNew = entries.append(entry(paths[17]))
        #expect(!isNew)
        #expect(entries.count == paths.count)
    }

    @Test func `what is no checksum is nobody's, and none stays none`() {
        var entries = PackedEntries()
        for (number, checksum) in ["", "0", "xy", "é"].enumerated() {
            let isNew = entries.append(entry("\(number)", checksum: checksum))
            #expect(isNew)
        }
        #expect(entries.map(\.checksum) == ["", "00", "00", "00"])
    }
}
