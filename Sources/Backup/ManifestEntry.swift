/// One file in the `backup_manifest` of a backup (PostgreSQL manual, "Backup Manifest Format").
public struct ManifestEntry: Sendable {
    /// Where it is in the data directory, as bytes, since names need not be text.
    package let pathBytes: [UInt8]
    /// Its size.
    public let sizeBytes: Int64
    /// How its checksum was made; `NONE` without one.
    public let algorithm: String
    /// The checksum in lower-case hexadecimal.
    public let checksum: String

    /// Takes what a manifest says.
    package init(pathBytes: [UInt8], sizeBytes: Int64, algorithm: String, checksum: String) {
        self.pathBytes = pathBytes
        self.sizeBytes = sizeBytes
        self.algorithm = algorithm
        self.checksum = checksum
    }

    /// Where it is in the data directory; files of tablespaces are below `pg_tblspc/OID`.
    public var path: String { String(decoding: pathBytes, as: UTF8.self) }

    /// What may differ after a backup, and WAL, which is not part of what is checked (PostgreSQL manual, pg_verifybackup).
    public static func mayDiffer(_ path: String) -> Bool {
        [BackupManifest.fileName, "postgresql.auto.conf", "recovery.signal", "standby.signal"].contains(path)
            || path.utf8.starts(with: "pg_wal/".utf8)
    }
}
