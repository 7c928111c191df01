import Archive
public import Catalog
import Codecs
public import Failure
import Files
public import SystemPackage
import WAL

/// `import-backup`: takes a backup that `export-backup` packed into the catalog of a server.
///
/// Everything is unpacked beside the backups first. The record is the last thing that gets its place: after a crash there is the whole
/// backup or none, and at worst a hidden directory and WAL that no backup needs.
public struct BackupImport {
    private let home: ServerHome
    private let reporter: any Reporter

    /// Prepares to import a backup into the catalog of a server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Whether a file is a tar stream, compressed or not, as far as its first header tells.
    public static func isTar(_ path: FilePath) throws -> Bool {
        let source = FileBox(try OwnedDescriptor(opening: path, .readOnly))
        do {
            let plain = try DecompressingReader { try source.read(into: $0) }
            return try TarReader { try plain.read(into: $0) }.next() != nil
        } catch is TarError {
            return false
        } catch is CodecError {
            return false
        }
    }

    /// Imports a file; returns the ID of the backup.
    public func run(_ tarball: FilePath) throws -> String {
        do {
            guard !home.basebackupsAreInCloud, !home.walsAreInCloud else {
                throw Failure("Backup import is not supported for cloud storage")
            }
            guard let identity = try Identity.load(home) else {
                throw Failure(
                    "No identity file found for server '\(home.name)'. "
                        + "The identity file is required to validate the backup during import."
                )
            }
            let name = try ExportName(parsing: tarball.lastComponent?.string ?? "", server: home.name)
            try verifyChecksum(of: tarball, name)
            return try FileLock.withLock(home.lockPath(.backup)) {
                try FileLock.withLock(home.lockPath(.backupID(name.id))) {
                    try take(tarball, name, identity)
                    return name.id
                }
            }
        } catch LockError.busy {
            throw Failure("Another backup operation is already running on server '\(home.name)'")
        } catch let error as TarError {
            throw Failure("\(tarball.string): \(error)", kind: .exception, cause: error)
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private func verifyChecksum(of tarball: FilePath, _ name: ExportName) throws {
        let file = try OwnedDescriptor(opening: tarball, .readOnly)
        var checksum = Checksum()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while case let count = try file.read(into: buffer), count > 0 {
            checksum.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let actual = checksum.hexadecimal().prefix(8)
        guard actual == name.checksum else {
            throw Failure(
                "Tarball checksum mismatch: filename contains '\(name.checksum)' but actual checksum is '\(actual)'. "
                    + "The file may have been modified or corrupted."
            )
        }
    }

    // MARK: With the locks

    private func take(_ tarball: FilePath, _ name: ExportName, _ identity: Identity) throws {
        guard try BackupCatalog.record(of: name.id, in: home) == nil else {
            throw exception("Backup '\(name.id)' already exists in the catalog for server '\(home.name)'")
        }
        try FileSystem.createDirectories(home.basebackupsDirectory)
        try clearDebris(of: name.id)
        let staging = try FileSystem.createTemporaryDirectory(prefix: ".import-", in: home.basebackupsDirectory)
        do {
            let contents = try ImportContents(unpacking: tarball, to: staging)
            try verifyIdentity(contents, identity)
            let info = try contents.record(id: name.id, home: home)
            let wal = try contents.wal(of: info)
            try publish(info, contents, wal)
            try FileSystem.removeTree(staging)
        } catch {
            // Hidden, and of no use to anybody; the error above is the one that matters.
            _ = try? FileSystem.removeTree(staging)
            throw error
        }
    }

    /// Removes what an import left that was killed: it had the lock that we have now, and no record names the files.
    private func clearDebris(of id: String) throws(FileError) {
        for name in try FileSystem.names(in: home.basebackupsDirectory) where name == id || name.hasPrefix(".import-") {
            try FileSystem.removeTree(home.basebackupsDirectory.appending(name))
        }
    }

    private func verifyIdentity(_ contents: ImportContents, _ identity: Identity) throws {
        let exported = try Identity(
            parsing: contents.file("identity.json", isFor: "Exported tarball does not contain identity.json"),
            path: "identity.json"
        )
        guard exported.systemID == identity.systemID else {
            throw exception(
                "Server identity mismatch: exported backup has systemid '\(exported.systemID)' "
                    + "but target server has systemid '\(identity.systemID)'"
            )
        }
        if exported.version != identity.version {
            reporter.warning(
                "PostgreSQL version mismatch: exported backup has version '\(exported.version)' "
                    + "but target server has version '\(identity.version)'"
            )
        }
    }

    /// Gives everything its place: data, WAL, its lines, the protection, and last the record.
    ///
    /// What fails takes back what was placed.
    private func publish(_ info: BackupInfo, _ contents: ImportContents, _ wal: [XlogRecord]) throws {
        let fresh = try newWAL(wal, contents)
        let directory = home.backupDirectory(of: info.id)
        var placed: [FilePath] = []
        var listed: Set<String> = []
        do {
            try contents.linkTablespaces(to: directory)
            try FileSystem.syncTree(contents.backupDirectory)
            try FileSystem.rename(contents.backupDirectory, to: directory)
            try FileSystem.syncDirectory(home.basebackupsDirectory)
            for (source, destination) in fresh {
                try FileSystem.createDirectories(destination.removingLastComponent())
                placed.append(destination)
                try place(source, at: destination)
            }
            for parent in Set(placed.map { $0.removingLastComponent() }) { try FileSystem.syncDirectory(parent) }
            listed = Set(try XlogDatabase(home).merge(wal))
            try Annotations(home).keep(info, .standalone)
            try BackupCatalog.save(info, in: home)
        } catch {
            undo(info.id, placed, listed)
            throw error
        }
    }

    /// Copies one file to the archive, under its name only when it is whole and on disk.
    private func place(_ source: FilePath, at destination: FilePath) throws(FileError) {
        let temporary = FilePath(destination.string + ".tmp")
        do throws(FileError) {
            try FileSystem.copyFile(from: source, to: temporary, synchronizing: true)
            try FileSystem.rename(temporary, to: destination)
        } catch {
            // A name that belongs to nothing; the error above is the one that matters.
            _ = try? FileSystem.unlinkIfPresent(temporary)
            throw error
        }
    }

    /// Takes back what a failed import has placed, as far as that is possible: nothing of it is needed by anybody.
    private func undo(_ id: String, _ placed: [FilePath], _ listed: Set<String>) {
        _ = try? FileSystem.unlinkIfPresent(home.backupInfoPath(id))
        _ = try? Annotations(home).release(id)
        if !listed.isEmpty { _ = try? XlogDatabase(home).rewrite { !listed.contains($0.name) } }
        for path in placed { _ = try? FileSystem.unlinkIfPresent(path) }
        _ = try? FileSystem.removeTree(home.backupDirectory(of: id))
    }

    /// The files that the archive does not have; one of the same name with other contents is an error.
    private func newWAL(_ wal: [XlogRecord], _ contents: ImportContents) throws -> [(FilePath, FilePath)] {
        var fresh: [(FilePath, FilePath)] = []
        var conflicts: [String] = []
        for record in wal {
            guard let source = contents.walFile(record.name), let destination = home.archivedPath(of: record.name)
            else {
                continue
            }
            if try !FileSystem.exists(destination) {
                fresh.append((source, destination))
            } else if try !isEqual(source, destination) {
                conflicts.append(record.name)
            }
        }
        guard conflicts.isEmpty else {
            let more = conflicts.count > 5 ? " (and \(conflicts.count - 5) more)" : ""
            throw exception(
                "WAL file(s) already exist in target server with conflicting content: "
                    + conflicts.prefix(5).joined(separator: ", ") + more
            )
        }
        return fresh
    }

    /// Whether two stored files hold the same WAL, whatever they are compressed with.
    private func isEqual(_ left: FilePath, _ right: FilePath) throws -> Bool {
        let reader = WALReader(home: home)
        return try reader.checksum(of: left) == reader.checksum(of: right)
    }

    private func exception(_ text: String) -> Failure { Failure(text, kind: .exception) }
}

/// The parts of the name that an export gives its file.
struct ExportName {
    let id: String
    let checksum: String

    /// Reads `backup-export-SERVER-ID-TIMESTAMP-CHECKSUM.tar[.gz|.bz2|.xz]`.
    init(parsing name: String, server: String) throws(Failure) {
        func refusal(_ detail: String) -> Failure {
            Failure(
                "Tarball filename does not match the expected export format "
                    + "'backup-export-SERVER_NAME-BACKUP_ID-TIMESTAMP-CHECKSUM.tar': '\(name)'. \(detail)"
            )
        }
        guard let suffix = [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"].first(where: { name.hasSuffix($0) }) else {
            throw refusal("Expected a .tar, .tar.gz, .tar.bz2, or .tar.xz file extension.")
        }
        let prefix = "backup-export-\(server)-"
        guard name.hasPrefix(prefix) else { throw refusal("Expected filename to start with '\(prefix)'.") }
        let parts = name.dropFirst(prefix.count).dropLast(suffix.count)
            .split(separator: "-", omittingEmptySubsequences: false).map { String($0) }
        guard parts.count == 3 else {
            throw refusal("Expected filename to contain the backup ID, timestamp, and checksum after the server name.")
        }
        for (part, text) in [("BACKUP_ID", parts[0]), ("TIMESTAMP", parts[1])] where !BackupCatalog.isBackupID(text) {
            throw refusal("Expected \(part) to be in the format 'YYYYMMDDTHHMMSS', got '\(text)'.")
        }
        id = parts[0]
        checksum = parts[2]
    }
}
