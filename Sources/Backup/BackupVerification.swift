public import Catalog
import Codecs
import Failure
import Files
import Notation
import Pipeline
import Processes
import SystemPackage

/// The check of a plain backup against its `backup_manifest`: every file is there, none is too many, sizes and checksums agree.
public struct BackupVerification: Sendable {
    private struct Entry: Sendable {
        let path: String
        let sizeBytes: Int64
        let algorithm: String
        let checksum: String
    }

    private let data: FilePath

    /// Prepares to check a backup; reads nothing yet.
    public init(_ info: BackupInfo, in home: ServerHome) throws {
        data = try home.dataDirectory(of: info.id)
    }

    /// The directory that is checked.
    public var directory: String { data.string }

    /// Reads every file and returns what is wrong, in words; nothing for a sound backup.
    ///
    /// Throws `Failure` when the manifest cannot be read, and `SignalWatch.Interrupted`.
    public func defects() throws -> [String] {
        let entries = try manifest()
        var onDisk = try files()
        var defects: [String] = []
        var readable: [Entry] = []
        for entry in entries {
            guard let size = onDisk.removeValue(forKey: entry.path) else {
                // Where it may not be on disk, it need not be.
                if !Self.isIgnored(entry.path) {
                    defects.append("\"\(entry.path)\" is present in the manifest but not on disk")
                }
                continue
            }
            if size == entry.sizeBytes {
                readable.append(entry)
            } else {
                defects.append(
                    "\"\(entry.path)\" has size \(size) on disk but size \(entry.sizeBytes) in the manifest"
                )
            }
        }
        for path in onDisk.keys.sorted() where !Self.isIgnored(path) {
            defects.append("\"\(path)\" is present on disk but not in the manifest")
        }
        let data = data
        try Workers.map(
            readable,
            count: Workers.coreCount,
            window: 1024,
            check: { try SignalWatch.check() },
            body: { entry in try Self.defect(of: entry, in: data) },
            inOrder: { _, defect in
                if let defect { defects.append(defect) }
            }
        )
        return defects
    }

    /// What may differ after a backup, and WAL, which is not part of what is checked (PostgreSQL manual, pg_verifybackup).
    private static func isIgnored(_ path: String) -> Bool {
        ["backup_manifest", "postgresql.auto.conf", "recovery.signal", "standby.signal"].contains(path)
            || path.hasPrefix("pg_wal/")
    }

    // MARK: Manifest

    private func manifest() throws -> [Entry] {
        let path = data.appending("backup_manifest")
        let bytes: [UInt8]
        let document: JSONValue
        do {
            bytes = try FileSystem.read(path, limit: 1 << 30)
            document = try JSONValue(parsing: bytes)
        } catch {
            throw Failure("could not read the manifest '\(path)': \(error)")
        }
        let key = Array("\"Manifest-Checksum\"".utf8)
        guard let start = bytes.lastRange(of: key),
            let expected = document["Manifest-Checksum"]?.stringValue,
            Checksum.hexadecimal(of: Array(bytes[..<start])) == expected.lowercased()
        else { throw Failure("manifest checksum mismatch in '\(path)'") }
        guard let files = document["Files"]?.arrayValue else { throw Failure("the manifest '\(path)' lists no files") }
        return try files.map { file in
            guard let name = Self.name(of: file), let size = file["Size"]?.integerValue else {
                throw Failure("the manifest '\(path)' holds an entry without path or size: \(file.text())")
            }
            return Entry(
                path: name,
                sizeBytes: size,
                algorithm: file["Checksum-Algorithm"]?.stringValue ?? "NONE",
                checksum: file["Checksum"]?.stringValue?.lowercased() ?? ""
            )
        }
    }

    /// The path of an entry, which is in hexadecimal when it is no UTF-8; nil for one that leads out of the backup.
    private static func name(of file: JSONValue) -> String? {
        var name = file["Path"]?.stringValue
        if let encoded = file["Encoded-Path"]?.stringValue {
            let digits = encoded.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == encoded.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
            let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
            name = String(decoding: bytes, as: UTF8.self)
        }
        guard let name, !name.isEmpty, !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
            return nil
        }
        return name
    }

    // MARK: Files

    /// The size of every regular file by its path; tablespaces are followed through their links.
    private func files() throws -> [String: Int64] {
        var files: [String: Int64] = [:]
        var tablespaces: [FilePath] = []
        try FileSystem.walk(data) { entry in
            if entry.status.kind == .regular { files[entry.relativePath.string] = entry.status.sizeBytes }
            let path = entry.relativePath.string
            if entry.status.kind == .symbolicLink, path.hasPrefix("pg_tblspc/") {
                tablespaces.append(entry.relativePath)
            }
        }
        for tablespace in tablespaces where try FileSystem.isDirectory(data.pushing(tablespace)) {
            try FileSystem.walk(data.pushing(tablespace)) { entry in
                guard entry.status.kind == .regular else { return }
                files[tablespace.pushing(entry.relativePath).string] = entry.status.sizeBytes
            }
        }
        return files
    }

    private static func defect(of entry: Entry, in data: FilePath) throws -> String? {
        guard var digest = ManifestChecksum(algorithm: entry.algorithm) else {
            return "\"\(entry.path)\" has a checksum of an unknown algorithm: \(entry.algorithm)"
        }
        do {
            let file = try OwnedDescriptor(opening: data.appending(entry.path))
            file.expectSequentialReading()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            while case let count = try file.read(into: buffer), count > 0 {
                try SignalWatch.check()
                digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        } catch let error as FileError {
            return "could not read file \"\(entry.path)\": \(error.reason)"
        }
        guard let checksum = digest.hexadecimal() else { return nil }
        return checksum == entry.checksum ? nil : "checksum mismatch for file \"\(entry.path)\""
    }
}

extension [UInt8] {
    /// Where the last occurrence of some bytes begins.
    fileprivate func lastRange(of needle: [UInt8]) -> Int? {
        guard count >= needle.count else { return nil }
        return stride(from: count - needle.count, through: 0, by: -1).first { self[$0...].starts(with: needle) }
    }
}
