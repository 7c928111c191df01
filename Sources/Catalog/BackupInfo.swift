public import Notation
public import WAL

/// What the catalog knows of one backup: the content of its `backup.info`.
///
/// Each property is one key of the file. Texts are kept as they were read, so that a record that is read and written again is equal
/// byte for byte; `beginLSN`, `beginSegment` and their kin read and write the same texts as values.
public struct BackupInfo: Equatable, Sendable {
    /// The backup id, `YYYYMMDDTHHMMSS`; not a key of the file, which is named after it.
    public let id: String

    /// The text of PostgreSQL's `backup_label`; nil for exclusive backups.
    public var backupLabel: String?
    /// The name the user gave with `--name`.
    public var backupName: String?
    /// The byte within its segment at which the backup begins.
    public var beginOffset: Int64?
    /// When the backup began, by the server's clock.
    public var beginTime: Timestamp?
    /// The name of the segment in which the backup begins.
    public var beginWAL: String?
    /// The LSN at which the backup begins, as text.
    public var beginXlog: String?
    /// The incremental backups that have this one as their parent; failed ones included.
    public var childrenBackupIDs: [String]?
    /// The sum of the sizes of the tablespaces, as the server reported it.
    public var clusterSizeBytes: Int64?
    /// How pg_basebackup compressed a tar backup; `none` for an uncompressed tar, nil for the plain format.
    public var compression: String?
    /// The path of `postgresql.conf` on the server.
    public var configFile: String?
    /// The canonical text of `copyStats`, which takes a tenth of the memory: catalogs can be large.
    var copyStatsText: String?
    /// Whether pages have checksums: `on` or `off`.
    public var dataChecksums: String?
    /// The bytes in files that no other backup shares.
    public var deduplicatedSizeBytes: Int64?
    /// How the backup is encrypted.
    public var encryption: String?
    /// The byte within its segment at which the backup ends.
    public var endOffset: Int64?
    /// When the backup ended, by the server's clock.
    public var endTime: Timestamp?
    /// The name of the segment in which the backup ends.
    public var endWAL: String?
    /// The LSN at which the backup ends, as text.
    public var endXlog: String?
    /// Why the backup failed; only the first line is stored.
    public var error: String?
    /// The path of `pg_hba.conf` on the server.
    public var hbaFile: String?
    /// The path of `pg_ident.conf` on the server.
    public var identFile: String?
    /// Other configuration files in use on the server.
    public var includedFiles: [String]?
    /// How the backup was made, `rsync-concurrent` for example.
    public var mode: String?
    /// The backup that an incremental one builds on.
    public var parentBackupID: String?
    /// The data directory on the server.
    public var pgdata: String?
    /// The name of the server in the configuration.
    public var serverName: String?
    /// The bytes of all files of the backup.
    public var sizeBytes: Int64?
    /// The snapshots of volumes that make up the backup.
    public var snapshotsInfo: PythonLiteral?
    /// Where the backup stands.
    public var status: BackupStatus = .empty
    /// Whether the server summarised its WAL: `on` or `off`; nil before PostgreSQL 17.
    public var summarizeWAL: String?
    /// PostgreSQL's system identifier.
    public var systemID: String?
    /// The tablespaces beside the default ones; nil when there are none.
    public var tablespaces: [Tablespace]?
    /// The timeline of the backup.
    public var timeline: Timeline?
    /// The server's version as a number: 170004.
    public var version: Int64?
    /// The size of a WAL segment.
    public var xlogSegmentSizeBytes: Int64? = 16_777_216

    /// Makes an empty record.
    public init(id: String, serverName: String?, mode: String?) {
        self.id = id
        self.serverName = serverName
        self.mode = mode
    }
}

extension BackupInfo {
    /// What kind of copy this is.
    public var type: BackupType {
        if let mode, mode.utf8.starts(with: "snapshot".utf8) { return .snapshot }
        if let mode, mode.utf8.starts(with: "rsync".utf8) { return .rsync }
        return isIncremental ? .incremental : .full
    }

    /// Whether the backup needs a parent to be restored.
    public var isIncremental: Bool { parentBackupID != nil }

    /// How long each part of the copy took: a dictionary in the order of catalog-formats.md 3.5; nil when it is empty.
    public var copyStats: PythonLiteral? {
        // The text was made from a literal, so it is one.
        get { copyStatsText.flatMap { try? PythonLiteral(parsing: $0) } }
        set { copyStatsText = newValue.flatMap { $0.isEmpty ? nil : $0.text } }
    }

    /// Whether it was made by pg_basebackup.
    public var isPostgresMethod: Bool { mode == "postgres" }

    /// The LSN at which the backup begins.
    public var beginLSN: LSN? {
        get { beginXlog.flatMap { LSN($0) } }
        set { beginXlog = newValue?.description }
    }

    /// The LSN at which the backup ends.
    public var endLSN: LSN? {
        get { endXlog.flatMap { LSN($0) } }
        set { endXlog = newValue?.description }
    }

    /// The segment in which the backup begins.
    public var beginSegment: WALSegmentName? {
        get { beginWAL.flatMap { WALSegmentName($0) } }
        set { beginWAL = newValue?.description }
    }

    /// The segment in which the backup ends.
    public var endSegment: WALSegmentName? {
        get { endWAL.flatMap { WALSegmentName($0) } }
        set { endWAL = newValue?.description }
    }

    /// The size of a WAL segment; 16 MiB when the record has no valid one.
    public var segmentSize: WALSegmentSize {
        xlogSegmentSizeBytes.flatMap { WALSegmentSize(bytes: $0) } ?? .standard
    }

    /// The direct incremental children, none when there is no list.
    public var children: [String] { childrenBackupIDs ?? [] }

    /// The value of one number in the copy statistics.
    public func copyStatistic(_ key: String) -> Double? { copyStats?[key]?.doubleValue }
}
