/// The keys of `backup.info`, in the order in which they are written.
enum BackupInfoKey: String, CaseIterable {
    case backupLabel = "backup_label"
    case backupName = "backup_name"
    case beginOffset = "begin_offset"
    case beginTime = "begin_time"
    case beginWAL = "begin_wal"
    case beginXlog = "begin_xlog"
    case childrenBackupIDs = "children_backup_ids"
    case clusterSize = "cluster_size"
    case compression = "compression"
    case configFile = "config_file"
    case copyStats = "copy_stats"
    case dataChecksums = "data_checksums"
    case deduplicatedSize = "deduplicated_size"
    case encryption = "encryption"
    case endOffset = "end_offset"
    case endTime = "end_time"
    case endWAL = "end_wal"
    case endXlog = "end_xlog"
    case error = "error"
    case hbaFile = "hba_file"
    case identFile = "ident_file"
    case includedFiles = "included_files"
    case mode = "mode"
    case parentBackupID = "parent_backup_id"
    case pgdata = "pgdata"
    case serverName = "server_name"
    case size = "size"
    case snapshotsInfo = "snapshots_info"
    case status = "status"
    case summarizeWAL = "summarize_wal"
    case systemID = "systemid"
    case tablespaces = "tablespaces"
    case timeline = "timeline"
    case version = "version"
    case xlogSegmentSize = "xlog_segment_size"

    /// Keys by their names; looking up a name in the enumeration itself would compare it with each.
    static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    /// Names the reference takes without complaint and never writes; we leave their values alone.
    static let ignoredNames: Set<String> = [
        "backup_id", "backup_manager", "backup_version", "config", "filename", "server",
    ]

    /// Whether the line is left out when there is no value.
    var isHiddenWhenNull: Bool { self == .backupName || self == .snapshotsInfo }
}
