import Backup
import Catalog
import Failure
import Files
import Settings
import SystemPackage

/// How large a restored backup is, as far as that can be known before.
struct RestoredSizes: Sendable {
    /// The data directory without its tablespaces.
    var dataBytes: Int64 = 0
    /// The tablespaces, by object id.
    var tablespaceBytes: [Int64: Int64] = [:]
    /// True when it is what the server said, or what the manifests make likely, not a sum over what is restored.
    var isEstimate = false

    var totalBytes: Int64 { tablespaceBytes.values.reduce(dataBytes, &+) }
}

/// Looks at what is stored of a backup and of those it builds on: whether everything is there and can be read.
///
/// The contents are not read: that is what `verify-backup` and `drill` are for.
struct StoredBackupCheck {
    let home: ServerHome
    /// The backups of the chain, root first.
    let chain: [BackupInfo]
    private(set) var findings: [PlanFinding] = []
    private(set) var sizes = RestoredSizes()

    private static let subject = "backup"

    /// The manifests of the chain: the files that each holds.
    private var manifests: [PackedEntries] = []

    init(home: ServerHome, chain: [BackupInfo]) {
        self.home = home
        self.chain = chain
    }

    /// Looks at every file once.
    mutating func run() throws {
        for info in chain { try look(at: info) }
        guard let tip = chain.last else { return }
        if chain.count > 1 || tip.compression != nil || tip.encryption != nil { estimate(tip) }
        guard findings.isEmpty else { return }
        let text =
            chain.count == 1
            ? "every file of the backup is there" : "every file of the \(chain.count) backups of the chain is there"
        findings.append(PlanFinding(Self.subject, .good, text))
    }

    private mutating func look(at info: BackupInfo) throws {
        let data = try home.dataDirectory(of: info.id)
        guard info.status.isCompleted else {
            return refuse("backup \(info.id) of its chain has the status \(info.status.rawValue)", Self.fullHint)
        }
        guard try FileSystem.isDirectory(data) else {
            return refuse("the files of backup \(info.id) are missing: there is no directory \(data)", nil)
        }
        let expected = try BackupManifest.path(of: info, in: home).map { try ManifestFile(reading: $0).entries }
        manifests.append(expected ?? PackedEntries())
        if info.compression != nil || info.encryption != nil {
            try lookAtArchives(of: info, in: data)
        } else {
            try lookAtFiles(of: info, in: data, expected: expected)
        }
    }

    private static let fullHint = "Use a full backup: 'latest-full' is the newest one."

    // MARK: Plain files

    private mutating func lookAtFiles(
        of info: BackupInfo,
        in data: FilePath,
        expected: PackedEntries?
    ) throws {
        let emptied: Set<FilePath> = ["pg_log", "log", "pg_xlog", "pg_wal"]
        // For each file that is expected: its size, or nothing.
        var found = [Int64](repeating: -1, count: expected?.count ?? 0)
        var sizes = RestoredSizes()
        var unreadable: String?
        func visit(_ root: FilePath, _ prefix: String) throws -> Int64 {
            var total: Int64 = 0
            var walk = try DirectoryWalk(root)
            while let entry = try walk.next() {
                if prefix.isEmpty, entry.status.kind == .directory, emptied.contains(entry.relativePath) {
                    walk.skipContents()
                    continue
                }
                let path = root.pushing(entry.relativePath)
                if entry.status.kind == .directory || entry.status.kind == .regular, unreadable == nil,
                    !FileSystem.isAccessible(path, for: entry.status.kind == .regular ? .read : [.read, .execute])
                {
                    unreadable = path.string
                    walk.skipContents()
                }
                guard entry.status.kind == .regular else { continue }
                if let position = expected?.position(of: prefix.utf8 + entry.relativePath.bytes) {
                    found[position] = entry.status.sizeBytes
                }
                total &+= entry.status.sizeBytes
            }
            return total
        }
        do {
            sizes.dataBytes = try visit(data, "")
            for tablespace in info.tablespaces ?? [] {
                let directory = try home.tablespaceDirectory(of: info.id, oid: tablespace.oid)
                guard try FileSystem.isDirectory(directory) else {
                    return refuse("the files of its tablespace '\(tablespace.name)' are missing: \(directory)", nil)
                }
                sizes.tablespaceBytes[tablespace.oid] = try visit(directory, "pg_tblspc/\(tablespace.oid)/")
            }
        } catch let error as FileError {
            return refuse("its files cannot be read: \(error)", nil)
        }
        self.sizes = sizes
        guard try FileSystem.statusIfPresent(of: data.appending("global/pg_control")) != nil else {
            return refuse("file 'global/pg_control' of backup \(info.id) is missing", nil)
        }
        if let unreadable { return refuse("\(unreadable) cannot be read by this user", nil) }
        if let expected { compare(found, with: expected, info) }
    }

    private mutating func compare(_ found: [Int64], with expected: PackedEntries, _ info: BackupInfo) {
        let different = expected.indices.lazy.filter { found[$0] != expected.sizeBytes($0) }
        for position in different.sorted(by: { expected[$0].path < expected[$1].path }) {
            let (path, size, there) = (expected[position].path, expected.sizeBytes(position), found[position])
            guard !ManifestEntry.mayDiffer(path) else { continue }
            // What is below these is not restored.
            if path.hasPrefix("log/") || path.hasPrefix("pg_log/") { continue }
            guard there >= 0 else {
                return refuse("file '\(path)' of backup \(info.id) is missing", Self.verifyHint(info, home))
            }
            return refuse(
                "file '\(path)' of backup \(info.id) has \(there) bytes where its manifest says \(size)",
                Self.verifyHint(info, home)
            )
        }
    }

    private static func verifyHint(_ info: BackupInfo, _ home: ServerHome) -> String {
        "'barman verify-backup \(home.name) \(info.id)' lists everything that is wrong with it."
    }

    // MARK: Archives

    private mutating func lookAtArchives(of info: BackupInfo, in data: FilePath) throws {
        let names = try FileSystem.names(in: data)
        for stem in (info.tablespaces ?? []).map({ String($0.oid) }) + ["base"] {
            guard let name = names.first(where: { $0.hasPrefix(stem + ".tar") || $0.hasPrefix(stem + ".") }) else {
                return refuse("there is no archive '\(stem).tar…' in \(data)", nil)
            }
            let path = data.appending(name)
            guard FileSystem.isAccessible(path, for: .read) else {
                return refuse("\(path) cannot be read by this user", nil)
            }
            if stem == "base", info.encryption != nil { try unlock(path, of: info) }
        }
    }

    /// Whether the key that opens an encrypted archive is here, and its passphrase.
    private mutating func unlock(_ archive: FilePath, of info: BackupInfo) throws {
        let settings = home.settings
        do {
            let passphrase = try DecryptedFile.passphrase(for: info.id, settings, purpose: "a restore")
            try DecryptedFile.probe(archive, passphrase: passphrase, pathPrefix: settings.pathPrefix)
        } catch let failure as Failure {
            let finding = PlanFinding(
                Self.subject,
                .refused,
                failure.message,
                hint: failure.hint,
                isWholeMessage: true
            )
            findings.append(finding)
        } catch let locked as DecryptedFile.Locked {
            refuse("\(locked)", nil)
        }
    }

    /// What the combined or unpacked backup will take: by the manifest of a full backup, which lists all that is restored;
    /// otherwise by the manifests and at least what the server said.
    ///
    /// That counts what no backup has as well: unlogged tables and temporary files.
    private mutating func estimate(_ tip: BackupInfo) {
        sizes = RestoredSizes()
        if let newest = manifests.last, !newest.isEmpty {
            for entry in newest {
                let path = entry.path
                let bytes = fullSize(of: path, stored: entry.sizeBytes)
                let parts = path.split(separator: "/", maxSplits: 2)
                if parts.count == 3, parts[0] == "pg_tblspc", let oid = Int64(parts[1]) {
                    sizes.tablespaceBytes[oid, default: 0] &+= bytes
                } else if !path.hasPrefix("pg_wal/") {
                    sizes.dataBytes &+= bytes
                }
            }
        }
        if chain.count == 1, let manifest = manifests.last, !manifest.isEmpty { return }
        sizes.isEstimate = true
        if let cluster = tip.clusterSizeBytes { sizes.dataBytes = max(sizes.dataBytes, cluster - spaceBytes) }
    }

    private var spaceBytes: Int64 { sizes.tablespaceBytes.values.reduce(0, &+) }

    /// The size of a file that may be stored as its changed blocks: that of the last full copy of it in the chain.
    private func fullSize(of path: String, stored: Int64) -> Int64 {
        guard let slash = path.lastIndex(of: "/"), path[slash...].hasPrefix("/INCREMENTAL.") else { return stored }
        let full = path[...slash] + path[slash...].dropFirst("/INCREMENTAL.".count)
        for manifest in manifests.dropLast().reversed() {
            if let position = manifest.position(of: Array(full.utf8)) {
                return max(manifest.sizeBytes(position), stored)
            }
        }
        return stored
    }

    private mutating func refuse(_ reason: String, _ hint: String?) {
        findings.append(PlanFinding(Self.subject, .refused, reason, hint: hint))
    }
}
