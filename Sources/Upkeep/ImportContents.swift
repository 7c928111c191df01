import Catalog
import Codecs
import Failure
import Files
import SystemPackage
import WAL

/// What was in an exported file, unpacked into a directory of ours that nobody else can write to.
struct ImportContents {
    private let staging: FilePath
    /// Links to tablespaces in the data directory: their OIDs.
    private var tablespaceLinks: [String] = []
    private static let filePermissions = FilePermissions(rawValue: 0o600)

    /// The backup's directory.
    var backupDirectory: FilePath { staging.appending("backup") }

    /// Unpacks a file; a member that would leave the directory, or is no plain file or directory, is an error.
    init(unpacking tarball: FilePath, to staging: FilePath) throws {
        self.staging = staging
        let file = try OwnedDescriptor(opening: tarball, .readOnly)
        let source = FileBox(file)
        let plain = try DecompressingReader { try source.read(into: $0) }
        let tar = TarReader { try plain.read(into: $0) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        // Directories get their permissions last: one may not be writable.
        var directories: [(FilePath, FilePermissions)] = []
        while let member = try tar.next() {
            let components = try Self.components(of: member)
            let path = components.reduce(staging) { $0.appending($1) }
            let permissions = FilePermissions(rawValue: CInterop.Mode(member.mode))
            switch member.kind {
            case .regular:
                try FileSystem.createDirectories(path.removingLastComponent())
                try Self.write(tar, member, to: path, permissions, buffer)
            case .other(UInt8(ascii: "5")):
                try FileSystem.createDirectories(path)
                directories.append((path, permissions))
            case .other(UInt8(ascii: "2")) where Self.isTablespaceLink(components):
                tablespaceLinks.append(components[3])
            case .other:
                throw Failure("Tarball contains unsafe member type: '\(member.text)'", kind: .exception)
            }
        }
        for (path, permissions) in directories.reversed() { try FileSystem.setPermissions(path, permissions) }
        try verifyParts()
    }

    private static func components(of member: TarMember) throws(Failure) -> [String] {
        let text = member.text
        let components = text.split(separator: "/").map { String($0) }
        let isKnown =
            components.count == 1 && ["identity.json", "backup.info", "barman.json", "xlog.db"].contains(components[0])
            || ["backup", "wals"].contains(components.first)
        guard !text.hasPrefix("/"), !components.contains(".."), !components.contains("."), isKnown,
            !member.name.contains(0), !member.name.isEmpty
        else { throw Failure("Tarball contains unsafe path: '\(text)'", kind: .exception) }
        return components
    }

    /// `backup/data/pg_tblspc/OID`: what pg_basebackup leaves, and is made anew at the new place.
    private static func isTablespaceLink(_ components: [String]) -> Bool {
        components.count == 4 && Array(components[..<3]) == ["backup", "data", "pg_tblspc"]
            && UInt32(components[3]) != nil
    }

    private static func write(
        _ tar: TarReader,
        _ member: TarMember,
        to path: FilePath,
        _ permissions: FilePermissions,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws {
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .exclusiveCreate, .noFollow],
            permissions: filePermissions
        )
        while case let count = try tar.read(into: buffer), count > 0 {
            try file.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        try file.setPermissions(permissions)
        try file.setModified(seconds: member.modifiedSeconds, nanoseconds: member.modifiedNanoseconds)
        try file.close()
    }

    private func verifyParts() throws {
        for (name, text) in [("backup", "backup/"), ("wals", "wals/")] {
            guard try FileSystem.isDirectory(staging.appending(name)) else {
                throw Failure("Exported tarball does not contain a '\(text)' directory", kind: .exception)
            }
        }
        for name in ["backup.info", "xlog.db"] {
            guard try FileSystem.exists(staging.appending(name)) else {
                throw Failure("Exported tarball does not contain a '\(name)' file", kind: .exception)
            }
        }
    }

    // MARK: Parts

    /// A small file at the top.
    func file(_ name: String, isFor refusal: String) throws -> [UInt8] {
        guard let bytes = try FileSystem.readIfPresent(staging.appending(name)) else {
            throw Failure(refusal, kind: .exception)
        }
        return bytes
    }

    /// The backup's record.
    func record(id: String, home: ServerHome) throws -> BackupInfo {
        let path = staging.appending("backup.info")
        do {
            let bytes = try FileSystem.read(path)
            return try BackupInfo(parsing: bytes, id: id, path: path, serverName: home.name, mode: home.defaultMode)
        } catch let error as BackupInfoError {
            throw error.failure
        }
    }

    /// The lines of the WAL that the backup needs; all of it must be there.
    func wal(of info: BackupInfo) throws -> [XlogRecord] {
        let path = staging.appending("xlog.db")
        let records = try XlogDatabase.records(inFile: path)
        return try info.requiredSegments().map { segment in
            let name = segment.description
            let subject = "for backup '\(info.id)': \(name)"
            guard walFile(name) != nil else {
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

    /// An unpacked WAL file; nil when it was not in the file.
    func walFile(_ name: String) -> FilePath? {
        guard let directory = WALFileName(name)?.hashDirectory else { return nil }
        let path = staging.appending("wals").appending(directory).appending(name)
        return FileSystem.isAccessible(path, for: .read) ? path : nil
    }

    /// Makes the links to tablespaces, to where these will be.
    func linkTablespaces(to directory: FilePath) throws {
        for oid in tablespaceLinks {
            let link = backupDirectory.appending("data").appending("pg_tblspc").appending(oid)
            try FileSystem.symlink(at: link, to: directory.appending(oid))
        }
    }
}

/// A file that a closure can read from.
final class FileBox {
    private let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try file.read(into: buffer) }
}
