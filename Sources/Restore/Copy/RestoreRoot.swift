import SystemPackage

/// A tree that a restore fills: the data directory or a tablespace.
struct RestoreRoot: Sendable {
    /// The tablespace's object id; `nil` for the data directory.
    let oid: Int64?
    /// Where it is on the restored host.
    let destination: String

    /// True for the data directory.
    var isData: Bool { oid == nil }

    /// Where a manifest says that a file of this tree is.
    func manifestPath(of path: FilePath) -> FilePath {
        guard let oid else { return path }
        return FilePath("pg_tblspc/\(oid)").pushing(path)
    }
}

/// The control file, which comes last: without it no server starts.
enum ControlFile {
    /// Where it belongs in a data directory.
    static let path: FilePath = "global/pg_control"
    /// Where it waits until everything else is on disk.
    static let waitingPath: FilePath = "global/pg_control.restoring"
}

/// One thing to restore: a directory, or a file whose contents come apart from this.
struct RestoredMember: Sendable {
    /// What it is.
    enum Kind: Sendable {
        case directory
        case file
    }

    /// Where it goes, seen from its root; empty for the root itself.
    var path: FilePath
    var kind: Kind
    /// The length of a file's contents.
    var sizeBytes: Int64 = 0
    var permissions: FilePermissions
    var modifiedSeconds: Int64
    var modifiedNanoseconds = 0
    /// The checksum of the contents, when it is known without reading them.
    var checksum: StoredChecksums.Known?
}
