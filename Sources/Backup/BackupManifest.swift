public import Catalog
import Codecs
public import Failure
import Files
import Notation
import Processes
public import SystemPackage

/// The `backup_manifest` of a backup made by rsync (PostgreSQL manual, "Backup Manifest Format").
public struct BackupManifest {
    private static let algorithm = "SHA256"
    /// Its name, that of PostgreSQL's own.
    package static let fileName = "backup_manifest"

    /// Reads every file of the backup's data directory and stores its manifest there, durably.
    ///
    /// The tablespaces of an rsync backup lie outside: they get a manifest of their own beside the data directory, which only
    /// we know of. Throws when there is a manifest already; one of another backup is replaced.
    public static func write(for info: BackupInfo, in home: ServerHome, reporter: any Reporter) throws {
        let data = try home.dataDirectory(of: info.id)
        let file = data.appending(fileName)
        guard try !FileSystem.exists(file) || isForeign(file, to: info) else {
            throw Failure("File \(file) already exists.", kind: .exception)
        }
        let progress = ReadProgress("Computing checksums", reporter)
        var tablespaces: [(FilePath, String)] = []
        if info.type == .rsync, try !home.hasOldLayout(info.id) {
            tablespaces = try (info.tablespaces ?? []).map {
                (try home.tablespaceDirectory(of: info.id, oid: $0.oid), "pg_tblspc/\($0.oid)/")
            }
        }
        if !tablespaces.isEmpty {
            try BackupManifest(of: tablespaces, progress).write(to: tablespaceManifest(of: info, in: home))
        }
        try BackupManifest(of: [(data, "")], progress).write(to: file)
        progress.finish()
    }

    /// The manifest that was made for a backup; nil without one.
    public static func path(of info: BackupInfo, in home: ServerHome) throws -> FilePath? {
        let path = try home.dataDirectory(of: info.id).appending(fileName)
        return try FileSystem.exists(path) && !isForeign(path, to: info) ? path : nil
    }

    /// Whether a manifest is that of a backup from which the data directory was made, and that rsync copied with it.
    ///
    /// The manifests that PostgreSQL makes end in ranges of WAL, of which those of rsync backups, ours or the reference's, have
    /// none. False when there is no such file.
    static func isForeign(_ path: FilePath, to info: BackupInfo) throws(FileError) -> Bool {
        guard info.type == .rsync, try FileSystem.exists(path) else { return false }
        return try FileSystem.readSuffix(path, count: 1 << 16).lastRange(of: Array("\"WAL-Ranges\":".utf8)) != nil
    }

    /// Where the manifest of the tablespaces of an rsync backup is.
    static func tablespaceManifest(of info: BackupInfo, in home: ServerHome) -> FilePath {
        home.backupDirectory(of: info.id).appending("tablespace_manifest")
    }

    /// A directory whose files are known by a prefix.
    private struct Root {
        let directory: FilePath
        let prefix: [UInt8]
        /// Where the files of the next one begin.
        var end: Int
    }

    private var roots: [Root] = []
    private var entries = PackedEntries()
    private var modifiedSeconds: [Int64] = []
    /// The checksum of each file, of `digestBytes` bytes.
    private var digests: [UInt8] = []
    private static let digestBytes = 32

    /// Reads all files below some directories, which are known by prefixes.
    private init(of directories: [(FilePath, String)], _ progress: ReadProgress) throws {
        for (directory, prefix) in directories where try FileSystem.isDirectory(directory) {
            let prefix = Array(prefix.utf8)
            try FileSystem.walk(directory) { entry in
                // A manifest that is there is about to be replaced.
                let isManifest = prefix.isEmpty && entry.relativePath.string == Self.fileName
                guard entry.status.kind == .regular, !isManifest else { return }
                let file = ManifestEntry(
                    pathBytes: prefix + entry.relativePath.bytes,
                    sizeBytes: entry.status.sizeBytes,
                    algorithm: Self.algorithm,
                    checksum: ""
                )
                guard entries.append(file) else { return }
                modifiedSeconds.append(entry.status.modifiedSeconds)
            }
            roots.append(Root(directory: directory, prefix: prefix, end: entries.count))
        }
        digests = [UInt8](repeating: 0, count: entries.count * Self.digestBytes)
        let (places, files) = (roots, entries)
        try FileChecksums(progress: progress).run(files.indices.lazy.map { ($0, files.sizeBytes($0)) }) { number in
            let root = places.first { number < $0.end } ?? places[0]
            let name = FilePath(bytes: files[number].pathBytes.dropFirst(root.prefix.count))
            return FileChecksums.File(path: root.directory.pushing(name), algorithm: Self.algorithm)
        } body: { number, outcome in
            switch outcome {
            case .checksum(let checksum, _):
                let digest = checksum.flatMap { [UInt8](hexadecimal: $0) }
                precondition(digest?.count == Self.digestBytes, "\(Self.algorithm) is known")
                let start = number * Self.digestBytes
                digests.replaceSubrange(start..<start + Self.digestBytes, with: digest ?? [])
            case .failed(let error): throw error
            case .unknownAlgorithm: preconditionFailure("\(Self.algorithm) is known")
            }
        }
    }

    private func write(to path: FilePath) throws {
        var file = try DurableFile(replacing: path)
        var checksum = Checksum()
        var text = Array("{\"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n".utf8)
        for position in entries.indices {
            text += Array((line(position) + (position + 1 < entries.count ? ",\n" : "")).utf8)
            guard text.count > 1 << 20 else { continue }
            checksum.update(text)
            try file.write(text)
            text.removeAll(keepingCapacity: true)
        }
        text += Array("],\n".utf8)
        checksum.update(text)
        try file.write(text)
        try file.write(Array("\"Manifest-Checksum\": \"\(checksum.hexadecimal())\"}\n".utf8))
        try file.commit()
    }

    private func line(_ position: Int) -> String {
        let entry = entries[position]
        let digest = digests[position * Self.digestBytes..<(position + 1) * Self.digestBytes]
        var members: [(key: String, value: JSONValue)] = [
            ("Checksum", .string(Checksum.hexadecimal(Array(digest)))), ("Checksum-Algorithm", .string(Self.algorithm)),
        ]
        let name = String(validating: entry.pathBytes, as: UTF8.self)
        if name == nil { members.append(("Encoded-Path", .string(Checksum.hexadecimal(entry.pathBytes)))) }
        members.append(("Last-Modified", .string(Timestamp(secondsSinceEpoch: modifiedSeconds[position]).naiveText)))
        if let name { members.append(("Path", .string(name))) }
        members.append(("Size", .integer(entry.sizeBytes)))
        return JSONValue.object(members).text()
    }
}
