import Catalog
import Failure
import Files
import SystemPackage
import WAL

/// One backup of a chain, as it lies in the catalog.
struct StoredBackup: Sendable {
    let info: BackupInfo
    /// The copy of the data directory, or where the tar files are.
    let data: FilePath
    /// The links in the data directory to trees of their own.
    ///
    /// They are absolute, and lead nowhere once the home was moved; whoever follows one has those files a second time.
    let tablespaceLinks: Set<FilePath>
    private let home: ServerHome

    init(_ info: BackupInfo, in home: ServerHome) throws {
        self.info = info
        tablespaceLinks = Set((info.tablespaces ?? []).map { FilePath("pg_tblspc/\($0.oid)") })
        self.home = home
        data = try home.dataDirectory(of: info.id)
    }

    /// True when each tree is one tar file.
    var isTar: Bool { info.compression != nil }

    /// The files of a tree of a plain backup.
    func tree(of root: RestoreRoot) throws -> FilePath {
        guard let oid = root.oid else { return data }
        return try home.tablespaceDirectory(of: info.id, oid: oid)
    }

    /// The tar file of a tree.
    func archive(of root: RestoreRoot) -> FilePath {
        let suffix =
            switch info.compression {
            case "gzip": "tar.gz"
            case "lz4": "tar.lz4"
            case "zstd": "tar.zst"
            default: "tar"
            }
        let stem = root.oid.map { String($0) } ?? "base"
        return data.appending("\(stem).\(suffix)" + (info.encryption == nil ? "" : ".gpg"))
    }
}

/// A backup and all that it builds on.
struct BackupChain: Sendable {
    /// The backup to restore first, the full one last.
    let newestFirst: [StoredBackup]

    /// Takes a backup and all that it builds on, the full one first; members that do not fit together are a `Failure`.
    init(_ chain: [BackupInfo], in home: ServerHome) throws {
        precondition(!chain.isEmpty, "a chain holds the backup itself")
        for (parent, child) in zip(chain, chain.dropFirst()) { try Self.check(child, buildsOn: parent) }
        newestFirst = try chain.reversed().map { try StoredBackup($0, in: home) }
    }

    /// The backup to restore.
    var tip: StoredBackup { newestFirst[0] }
    /// True when files have to be combined.
    var isIncremental: Bool { newestFirst.count > 1 }
    /// True when some of it can be read from front to back only.
    var hasTar: Bool { newestFirst.contains(where: \.isTar) }

    /// Each backup begins where the increment after it says that it began.
    private static func check(_ child: BackupInfo, buildsOn parent: BackupInfo) throws(Failure) {
        if let ours = child.systemID, let theirs = parent.systemID, ours != theirs {
            throw Failure(
                "Backup \(child.id) is of system \(ours), but backup \(parent.id), which it builds on, is of system "
                    + theirs
            )
        }
        guard let label = child.backupLabel.map({ BackupLabel($0) }), let expected = label.incrementalFrom,
            let found = parent.backupLabel.flatMap({ BackupLabel($0).start }) ?? parent.beginLSN
        else { return }
        guard expected == found else {
            throw Failure(
                "Backup \(child.id) builds on a backup that begins at \(expected), but backup \(parent.id) begins at "
                    + "\(found)"
            )
        }
    }
}

/// PostgreSQL's `backup_label`.
struct BackupLabel {
    private let lines: [Substring]

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    init(_ bytes: [UInt8]) {
        self.init(String(decoding: bytes, as: UTF8.self))
    }

    /// Where the backup begins.
    var start: LSN? { value(of: "START WAL LOCATION: ") }

    /// Where the backup begins that this one builds on; `nil` for a full one.
    var incrementalFrom: LSN? { value(of: "INCREMENTAL FROM LSN: ") }

    private func value(of key: String) -> LSN? {
        guard let line = lines.first(where: { $0.hasPrefix(key) }) else { return nil }
        return LSN(String(line.dropFirst(key.count).prefix { $0 != " " && $0 != "\r" }))
    }

    /// The label of the combined backup, which is a full one.
    var combined: [UInt8] {
        Array(lines.filter { !$0.hasPrefix("INCREMENTAL FROM ") }.joined(separator: "\n").utf8)
    }
}
