import Codecs
import Failure
import Files
import Notation
import SystemPackage

/// Takes the server's manifest as it comes, holds every file that came against it, and stores it.
///
/// Where we know the SHA-256 of the files, it replaces the checksum of the server once that has agreed with the bytes: the
/// server spends its time on the cheap CRC-32C, and the backup has the strong one (PostgreSQL manual, "Backup Manifest Format").
final class ManifestIntake {
    private let ledger: FileLedger
    private let path: FilePath
    private var file: DurableFile?
    private var line: [UInt8] = []
    private var nextFile = 0
    /// Over what the server sent.
    private var received = Checksum()
    /// Over what is stored.
    private var stored = Checksum()
    private var isComplete = false

    /// No line of a manifest is longer: a path has at most 1024 bytes, six characters each at worst.
    private static let longestLine = 1 << 16
    private static let checksumKey = Array("\"Manifest-Checksum\"".utf8)
    private static let algorithmKey = Array("\"Checksum-Algorithm\"".utf8)

    /// Begins to write the manifest at `path`; the files that came are in the ledger.
    init(_ path: FilePath, ledger: FileLedger) throws {
        self.path = path
        self.ledger = ledger
        file = try DurableFile(replacing: path, permissions: FilePermissions(rawValue: 0o600))
    }

    /// Takes the next bytes; throws when they do not fit the files.
    func take(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line.append(contentsOf: rest[rest.startIndex...end])
            rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
            try takeLine()
        }
        line.append(contentsOf: rest)
        guard line.count <= Self.longestLine else { throw Failure("the server's backup manifest has a line too long") }
    }

    /// The manifest is complete: stores it, durably; throws when something is missing.
    func finish() throws {
        guard line.isEmpty, isComplete else { throw Failure("the server's backup manifest is cut short") }
        guard nextFile == ledger.count else {
            throw Failure("the server's backup manifest lists \(nextFile) of \(ledger.count) files")
        }
        try file.take()?.commit()
    }

    private func takeLine() throws {
        defer { line.removeAll(keepingCapacity: true) }
        guard !isComplete else { throw Failure("the server's backup manifest goes on after its end") }
        if line.starts(with: Self.checksumKey) {
            try takeEnd()
            return
        }
        received.update(line)
        var output = line
        if line.starts(with: "{ \"Path\"".utf8) || line.starts(with: "{ \"Encoded-Path\"".utf8) {
            output = try takeFile()
        }
        stored.update(output)
        try file?.write(output)
    }

    /// Holds the manifest's own checksum against its text, and writes that of ours.
    private func takeEnd() throws {
        let hexadecimal = line.split(separator: UInt8(ascii: "\"")).dropFirst(2).first ?? []
        guard hexadecimal.elementsEqual(received.hexadecimal().utf8) else {
            throw Failure("the server's backup manifest does not have the checksum that it says")
        }
        try file?.write("\"Manifest-Checksum\": \"\(stored.hexadecimal())\"}\n".utf8)
        isComplete = true
    }

    /// Holds one file against its line; returns the line to store.
    private func takeFile() throws -> [UInt8] {
        var text = line[...]
        if text.last == UInt8(ascii: "\n") { text.removeLast() }
        let hasComma = text.last == UInt8(ascii: ",")
        if hasComma { text.removeLast() }
        let entry = try ManifestLine(Array(text))
        guard let known = ledger[nextFile], known.pathHash == FileLedger.hash(entry.path) else {
            throw Failure("the server's backup manifest has \"\(entry.name)\" where another file came")
        }
        nextFile += 1
        guard known.sizeBytes == entry.sizeBytes else {
            throw Failure(
                "\"\(entry.name)\" came with \(known.sizeBytes) bytes but has size \(entry.sizeBytes) in the manifest"
            )
        }
        if let checksum = entry.crc32c, checksum != CRC32C.hexadecimal(known.crc32c) {
            throw Failure("checksum mismatch for file \"\(entry.name)\"")
        }
        guard known.hasDigest, let key = text.lastStart(of: Self.algorithmKey) else { return line }
        let checksum = Checksum.hexadecimal(known.digestBytes)
        return Array(text[..<key])
            + Array("\"Checksum-Algorithm\": \"SHA256\", \"Checksum\": \"\(checksum)\" }\(hasComma ? "," : "")\n".utf8)
    }
}

/// What a line of the manifest says about a file.
private struct ManifestLine {
    let path: [UInt8]
    let sizeBytes: Int64
    /// The checksum in lower-case hexadecimal, when it is of that kind.
    let crc32c: String?

    /// The path for messages.
    var name: String { String(decoding: path, as: UTF8.self) }

    init(_ text: [UInt8]) throws(Failure) {
        let trouble = Failure(
            "the server's backup manifest has a line that is none: \(String(decoding: text, as: UTF8.self))"
        )
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw trouble
        }
        if let plain = value["Path"]?.stringValue {
            path = Array(plain.utf8)
        } else if let encoded = value["Encoded-Path"]?.stringValue {
            guard let bytes = [UInt8](hexadecimal: encoded) else { throw trouble }
            path = bytes
        } else {
            throw trouble
        }
        guard let size = value["Size"]?.integerValue else { throw trouble }
        sizeBytes = size
        crc32c = value["Checksum-Algorithm"]?.stringValue == "CRC32C" ? value["Checksum"]?.stringValue : nil
    }
}

extension ArraySlice<UInt8> {
    /// Where the last occurrence of some bytes begins.
    fileprivate func lastStart(of needle: [UInt8]) -> Int? {
        guard count >= needle.count else { return nil }
        return stride(from: endIndex - needle.count, through: startIndex, by: -1).first {
            self[$0...].starts(with: needle)
        }
    }
}
