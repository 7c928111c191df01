public import Catalog
public import Codecs
public import Failure
import Files
public import Notation
public import SystemPackage
import WAL

/// `export-backup`: one backup with the WAL that makes it consistent, in one tar file that another catalog can take in.
public struct BackupExport {
    /// How the file is compressed.
    public struct Compression: Sendable {
        /// The format.
        public let format: CompressionFormat
        /// In the scale of the format; the format's own default when nil.
        public let level: Int?

        /// Makes a compression.
        public init(format: CompressionFormat, level: Int?) {
            self.format = format
            self.level = level
        }
    }

    private let home: ServerHome
    private let info: BackupInfo
    private let reporter: any Reporter

    /// Prepares to export a backup.
    public init(home: ServerHome, info: BackupInfo, reporter: any Reporter) {
        self.home = home
        self.info = info
        self.reporter = reporter
    }

    /// Writes the file into a directory, durably, and returns its path; `systemInformation` goes into it as it is.
    public func run(
        into directory: FilePath,
        compression: Compression?,
        systemInformation: JSONValue
    ) throws -> FilePath {
        do {
            guard !home.basebackupsAreInCloud, !home.walsAreInCloud else {
                throw Failure("Backup export is not supported for cloud storage")
            }
            guard let identity = try Identity.load(home) else {
                throw Failure(
                    "No identity file found for server '\(home.name)'. "
                        + "The identity file is required to validate the backup during import."
                )
            }
            return try FileLock.withLock(home.lockPath(.backupID(info.id))) {
                try write(into: directory, compression, identity, systemInformation)
            }
        } catch LockError.busy {
            throw Failure(
                "Another backup operation is already running on backup '\(info.id)' for server '\(home.name)'"
            )
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private func write(
        into directory: FilePath,
        _ compression: Compression?,
        _ identity: Identity,
        _ systemInformation: JSONValue
    ) throws -> FilePath {
        let wal = try requiredWAL()
        let stamp = Timestamp.now().compactUTCText.dropLast()
        let stem = "backup-export-\(home.name)-\(info.id)-\(stamp)"
        let temporary = directory.appending("\(stem).tmp")
        do {
            let checksum = try writeFile(temporary, compression, try members(identity, systemInformation, wal))
            let suffix = compression.map { ".\(Self.suffix(of: $0.format))" } ?? ""
            let final = directory.appending("\(stem)-\(checksum.prefix(8)).tar\(suffix)")
            try FileSystem.rename(temporary, to: final)
            try FileSystem.syncDirectory(directory)
            return final
        } catch {
            // What is left would be taken for a backup by nobody, and takes space; the error above is the one that matters.
            _ = try? FileSystem.unlinkIfPresent(temporary)
            throw error
        }
    }

    static func suffix(of format: CompressionFormat) -> String {
        switch format {
        case .gzip: "gz"
        case .bzip2: "bz2"
        default: format.rawValue
        }
    }

    private func writeFile(
        _ path: FilePath,
        _ compression: Compression?,
        _ stream: ExportStream
    ) throws -> String {
        let output = try ChecksummedFile(path)
        if let compression {
            let compressor = try Compressor(
                format: compression.format,
                level: compression.level.map { .number($0) } ?? .medium
            )
            try compressor.compress(read: stream.read, write: output.write)
        } else {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            while case let count = try stream.read(into: buffer), count > 0 {
                try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
        return try output.finish()
    }

    // MARK: Contents

    /// The segments from begin to end with their lines in the list; one that is missing is an error.
    private func requiredWAL() throws -> [XlogRecord] {
        let names = try info.requiredSegments().map(\.description)
        var records: [String: XlogRecord] = [:]
        let wanted = Set(names)
        try XlogDatabase(home).forEachLine { line in
            let name = line.name
            if wanted.contains(name) { records[name] = line.record }
            return records.count < wanted.count
        }
        return try names.map { name in
            let subject = "for backup '\(info.id)': \(name)"
            guard let path = home.archivedPath(of: name), try FileSystem.exists(path) else {
                throw Failure("WAL file required for backup consistency not found \(subject)", kind: .exception)
            }
            guard let record = records[name] else {
                throw Failure(
                    "WAL file required for backup consistency not found in xlog.db \(subject)",
                    kind: .exception
                )
            }
            return record
        }
    }

    /// The members in the order of the format: catalog-formats.md 18.
    private func members(
        _ identity: Identity,
        _ systemInformation: JSONValue,
        _ wal: [XlogRecord]
    ) throws -> ExportStream {
        let list = wal.map(\.line).joined()
        var first: [(TarMember, ExportStream.Content)] = [
            text("identity.json", identity.fileText), try file("backup.info", recordPath()),
            text("barman.json", systemInformation.text(indent: 4)),
            (.directory("backup", mode: 0o755), .nothing),
        ]
        var walNames = wal.map(\.name)[...]
        var isListPending = true
        let base = home.backupDirectory(of: info.id)
        let walk = WalkBox(try DirectoryWalk(base))
        return ExportStream {
            if !first.isEmpty { return first.removeFirst() }
            while let entry = try walk.next() {
                let name = "backup/\(entry.relativePath.string)"
                switch entry.status.kind {
                case .directory: return (.directory(name, mode: UInt32(entry.status.permissions.rawValue)), .nothing)
                case .symbolicLink:
                    let target = try FileSystem.linkTarget(base.pushing(entry.relativePath))
                    return (.symbolicLink(name, to: target.string), .nothing)
                case .regular: return Self.file(name, base.pushing(entry.relativePath), entry.status)
                case .other: continue
                }
            }
            if let name = walNames.popFirst(), let path = self.home.archivedPath(of: name) {
                let directory = path.removingLastComponent().lastComponent?.string ?? ""
                return try self.file("wals/\(directory)/\(name)", path)
            }
            guard isListPending else { return nil }
            isListPending = false
            return self.text("xlog.db", list)
        }
    }

    private func recordPath() throws(FileError) -> FilePath {
        let path = home.backupInfoPath(info.id)
        return try FileSystem.exists(path) ? path : home.legacyBackupInfoPath(info.id)
    }

    private func text(_ name: String, _ text: String) -> (TarMember, ExportStream.Content) {
        let bytes = Array(text.utf8)
        return (TarMember(name: name, sizeBytes: Int64(bytes.count)), .bytes(bytes))
    }

    private func file(_ name: String, _ path: FilePath) throws(FileError) -> (TarMember, ExportStream.Content) {
        Self.file(name, path, try FileSystem.status(of: path))
    }

    private static func file(
        _ name: String,
        _ path: FilePath,
        _ status: FileStatus
    ) -> (TarMember, ExportStream.Content) {
        let member = TarMember(
            name: name,
            sizeBytes: status.sizeBytes,
            mode: UInt32(status.permissions.rawValue),
            owner: status.owner,
            group: status.group,
            modifiedSeconds: status.modifiedSeconds,
            modifiedNanoseconds: status.modifiedNanoseconds
        )
        return (member, .file(path))
    }
}

/// A new file whose checksum is known when it is written.
private final class ChecksummedFile {
    private let file: OwnedDescriptor
    private var checksum = Checksum()

    init(_ path: FilePath) throws(FileError) {
        file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow],
            permissions: FilePermissions(rawValue: 0o666)
        )
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        checksum.update(bytes)
        try file.writeAll(bytes)
    }

    /// Makes the file durable and returns its checksum.
    func finish() throws(FileError) -> String {
        try file.sync()
        return checksum.hexadecimal()
    }
}

/// A walk that a closure can go on with.
private final class WalkBox {
    private var walk: DirectoryWalk

    init(_ walk: consuming DirectoryWalk) {
        self.walk = walk
    }

    func next() throws(FileError) -> WalkEntry? { try walk.next() }
}
