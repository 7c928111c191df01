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
        let entries = try ManifestEntry.read(data.appending("backup_manifest"))
        var onDisk = try files()
        var defects: [String] = []
        var readable: [ManifestEntry] = []
        for entry in entries {
            guard let size = onDisk.removeValue(forKey: entry.path) else {
                // Where it may not be on disk, it need not be.
                if !ManifestEntry.mayDiffer(entry.path) {
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
        for path in onDisk.keys.sorted() where !ManifestEntry.mayDiffer(path) {
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

    private static func defect(of entry: ManifestEntry, in data: FilePath) throws -> String? {
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
