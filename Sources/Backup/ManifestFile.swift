import Codecs
package import Failure
import Files
import Notation
package import SystemPackage

/// A `backup_manifest` as it was read: the files it lists (PostgreSQL manual, "Backup Manifest Format").
package struct ManifestFile: Sendable {
    /// The files in the order of the manifest; no path occurs twice, none leads out of the backup.
    package private(set) var entries = PackedEntries()

    private let path: FilePath
    /// `PackedEntries` counts on it.
    private static let limitBytes: Int64 = 4 << 30 - 1
    /// The end of a manifest in which the line with its own checksum is.
    private static let tailBytes = 1 << 16

    /// Reads a manifest; throws `Failure` when it is not there, damaged, or makes no sense.
    package init(reading path: FilePath) throws(Failure) {
        self.path = path
        do {
            try read()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("could not read the manifest '\(path)': \(error)", cause: error)
        }
    }

    /// The list is read file by file, so that a million of them are never there as text all at once.
    private mutating func read() throws {
        let file = try OwnedDescriptor(opening: path)
        let sizeBytes = try file.status().sizeBytes
        guard sizeBytes < Self.limitBytes else { throw FileError(call: "read", path: path, errno: .fileTooLarge) }
        let tail = try FileSystem.readSuffix(path, count: Self.tailBytes)
        guard let end = tail.lastRange(of: Array("\"Manifest-Checksum\"".utf8)),
            // The name, what is between, and the value.
            let expected = tail[end...].split(separator: UInt8(ascii: "\"")).dropFirst(2).first
        else { throw mismatch }
        /// The checksum is of everything before it.
        var coveredBytes = sizeBytes - Int64(tail.count - end)
        var checksum = Checksum()
        var frame: [String: JSONValue] = [:]
        var list = JSONMemberReader(listKey: "Files")
        var trouble: (any Error)?
        let buffer = ReadBuffer(1 << 18)
        while case let count = try file.read(into: buffer.bytes), count > 0 {
            let piece = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
            let covered = Int(min(max(coveredBytes, 0), Int64(count)))
            checksum.update(UnsafeRawBufferPointer(rebasing: piece[..<covered]))
            coveredBytes -= Int64(covered)
            // What is wrong with the text is of interest only if it is the text that was written.
            guard trouble == nil else { continue }
            do {
                try list.take(piece) { part in
                    switch part {
                    case .member(let key, let value): frame[key] = value
                    case .element(let file): try take(file)
                    }
                }
            } catch {
                trouble = error
            }
        }
        guard String(decoding: expected, as: UTF8.self).lowercased() == checksum.hexadecimal() else { throw mismatch }
        if let trouble { throw trouble }
        try list.finish()
        guard let version = frame["PostgreSQL-Backup-Manifest-Version"]?.integerValue, (1...2).contains(version) else {
            throw Failure("unexpected manifest version in '\(path)'")
        }
    }

    private var mismatch: Failure { Failure("manifest checksum mismatch in '\(path)'") }

    private mutating func take(_ file: JSONValue) throws(Failure) {
        let entry = try entry(file)
        guard entries.append(entry) else {
            throw Failure("duplicate path name in backup manifest: \"\(entry.path)\"")
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
            guard let bytes = [UInt8](hexadecimal: encoded) else { return nil }
            name = bytes
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
    package var bytes: [UInt8] {
        withPlatformString { UnsafeBufferPointer(start: $0, count: length).map(UInt8.init(bitPattern:)) }
    }
}
