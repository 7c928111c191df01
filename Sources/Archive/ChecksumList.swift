import Codecs

/// The checksums that come with files: lines of checksum, blank, `*` or blank, name.
struct ChecksumList {
    /// One line.
    struct Entry: Equatable {
        let name: String
        let expected: String
        let algorithm: ChecksumAlgorithm
    }

    private(set) var entries: [Entry] = []
    private(set) var malformedLines: [String] = []

    /// Takes the contents of a list.
    mutating func add(_ contents: [UInt8], _ algorithm: ChecksumAlgorithm) {
        for line in contents.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard let entry = Self.entry(line, algorithm) else {
                malformedLines.append(String(decoding: line, as: UTF8.self))
                continue
            }
            entries.append(entry)
        }
    }

    private static func entry(_ line: ArraySlice<UInt8>, _ algorithm: ChecksumAlgorithm) -> Entry? {
        let blank = UInt8(ascii: " ")
        let separator = line.indices.dropLast().first { index in
            line[index] == blank && (line[index + 1] == blank || line[index + 1] == UInt8(ascii: "*"))
        }
        guard let separator else { return nil }
        let name = TarName.stripped(line[(separator + 2)...])
        guard separator > line.startIndex, !name.isEmpty else { return nil }
        return Entry(
            name: String(decoding: name, as: UTF8.self),
            expected: String(decoding: line[..<separator], as: UTF8.self),
            algorithm: algorithm
        )
    }

    /// What is expected of a file.
    func entries(for name: String) -> [Entry] { entries.filter { $0.name == name } }
}

/// Names of members as `put-wal` takes them.
enum TarName {
    /// The name without a leading `./`.
    static func stripped(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        name.starts(with: "./".utf8) ? name.dropFirst(2) : name
    }

    /// Whether a file of this name may be written into the incoming directory.
    ///
    /// Names that begin with a dot would never be archived, and clash with our temporary files.
    static func isAcceptable(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, first != UInt8(ascii: "."), name.count <= 200 else { return false }
        return !name.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}
