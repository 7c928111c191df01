import Codecs
import Failure
import Files
import Notation
import SystemPackage

/// A `backup_manifest` as it was read: the files it lists (PostgreSQL manual, "Backup Manifest Format").
struct ManifestFile: Sendable {
    /// The files in the order of the manifest; no path occurs twice, none leads out of the backup.
    private(set) var entries: [ManifestEntry] = []

    private let path: FilePath
    private static let limitBytes = 4 << 30

    /// Reads a manifest; throws `Failure` when it is not there, damaged, or makes no sense.
    init(reading path: FilePath) throws(Failure) {
        self.path = path
        do {
            let bytes = try FileSystem.read(path, limit: Self.limitBytes)
            try take(bytes)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("could not read the manifest '\(path)': \(error)", cause: error)
        }
    }

    /// The list is read file by file, so that a million of them are never there as JSON all at once.
    private mutating func take(_ bytes: [UInt8]) throws {
        let key = Array("\"Manifest-Checksum\"".utf8)
        guard let start = bytes.lastRange(of: key), let list = JSONValue.elementsOfFirstArray(in: bytes[..<start])
        else { throw Failure("manifest checksum mismatch in '\(path)'") }
        // What is left of the document without the list is small.
        let frame = try JSONValue(parsing: Array(bytes[..<list.whole.lowerBound] + bytes[list.whole.upperBound...]))
        guard let expected = frame["Manifest-Checksum"]?.stringValue,
            Checksum.hexadecimal(of: Array(bytes[..<start])) == expected.lowercased()
        else { throw Failure("manifest checksum mismatch in '\(path)'") }
        guard let version = frame["PostgreSQL-Backup-Manifest-Version"]?.integerValue, (1...2).contains(version) else {
            throw Failure("unexpected manifest version in '\(path)'")
        }
        entries.reserveCapacity(list.elements.count)
        var seen = Set<[UInt8]>(minimumCapacity: list.elements.count)
        for element in list.elements {
            let file = try JSONValue(parsing: Array(bytes[element]))
            let entry = try entry(file)
            guard seen.insert(entry.pathBytes).inserted else {
                throw Failure("duplicate path name in backup manifest: \"\(entry.path)\"")
            }
            entries.append(entry)
        }
    }

    private func entry(_ file: JSONValue) throws(Failure) -> ManifestEntry {
        guard let name = Self.name(of: file), let size = file["Size"]?.integerValue, size >= 0 else {
            throw Failure("the manifest '\(path)' holds an entry without path or size: \(file.text())")
        }
        return ManifestEntry(
            pathBytes: name,
            sizeBytes: size,
            algorithm: file["Checksum-Algorithm"]?.stringValue ?? "NONE",
            checksum: file["Checksum"]?.stringValue?.lowercased() ?? ""
        )
    }

    /// The path of an entry, which is in hexadecimal when it is no UTF-8; nil for one that leads out of the backup.
    private static func name(of file: JSONValue) -> [UInt8]? {
        var name = file["Path"]?.stringValue.map { Array($0.utf8) }
        if let encoded = file["Encoded-Path"]?.stringValue {
            let digits = encoded.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == encoded.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
            name = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
        }
        let slash = UInt8(ascii: "/")
        guard let name, let first = name.first, first != slash, !name.contains(0),
            !name.split(separator: slash).contains(where: { $0.elementsEqual("..".utf8) })
        else { return nil }
        return name
    }
}

extension [UInt8] {
    /// Where the last occurrence of some bytes begins.
    package func lastRange(of needle: [UInt8]) -> Int? {
        guard let first = needle.first, count >= needle.count else { return nil }
        var position = count - needle.count
        while position >= 0 {
            if self[position] == first, self[position...].starts(with: needle) { return position }
            position -= 1
        }
        return nil
    }
}

extension FilePath {
    /// A path from its bytes.
    init(bytes: some Sequence<UInt8>) {
        let text = bytes.map(CChar.init(bitPattern:)) + [0]
        self = text.withUnsafeBufferPointer { pointer in
            pointer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }

    /// The bytes of the path.
    var bytes: [UInt8] {
        withPlatformString { UnsafeBufferPointer(start: $0, count: length).map(UInt8.init(bitPattern:)) }
    }
}
