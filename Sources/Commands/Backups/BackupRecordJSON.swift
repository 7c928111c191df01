import Catalog
import Notation
import WAL

/// The record of a backup as JSON, key by key, as `backup` answers.
enum BackupRecordJSON {
    /// The keys of the file, with the ID; hidden ones are left out when they have no value.
    static func members(of info: BackupInfo) -> [(key: String, value: JSONValue)] {
        var members: [(key: String, value: JSONValue)] = [
            ("backup_id", .string(info.id)),
            ("backup_label", .optional(info.backupLabel.map(PythonText.quoted))),
            ("begin_offset", .optional(info.beginOffset)),
            ("begin_time", .optional(info.beginTime?.ctimeText)),
            ("begin_wal", .optional(info.beginWAL)),
            ("begin_xlog", .optional(info.beginXlog)),
            ("children_backup_ids", strings(info.childrenBackupIDs)),
            // The reference measures with decimals.
            ("cluster_size", info.clusterSizeBytes.map { .double(Double($0)) } ?? .null),
            ("compression", .optional(info.compression)),
            ("config_file", .optional(info.configFile)),
            ("copy_stats", info.copyStats?.jsonValue ?? .null),
            ("data_checksums", .optional(info.dataChecksums)),
            ("deduplicated_size", .optional(info.deduplicatedSizeBytes)),
            ("encryption", .optional(info.encryption)),
            ("end_offset", .optional(info.endOffset)),
            ("end_time", .optional(info.endTime?.ctimeText)),
            ("end_wal", .optional(info.endWAL)),
            ("end_xlog", .optional(info.endXlog)),
            ("error", .optional(info.error)),
            ("hba_file", .optional(info.hbaFile)),
            ("ident_file", .optional(info.identFile)),
            ("included_files", strings(info.includedFiles)),
            ("mode", .optional(info.mode)),
            ("parent_backup_id", .optional(info.parentBackupID)),
            ("pgdata", .optional(info.pgdata)),
            ("server_name", .optional(info.serverName)),
            ("size", .optional(info.sizeBytes)),
            ("status", .string(info.status.rawValue)),
            ("summarize_wal", .optional(info.summarizeWAL)),
            ("systemid", .optional(info.systemID)),
            ("tablespaces", info.tablespaces.map { .array($0.map(json)) } ?? .null),
            ("timeline", .optional(info.timeline.map { Int64($0.rawValue) })),
            ("version", .optional(info.version)),
            ("xlog_segment_size", .optional(info.xlogSegmentSizeBytes)),
        ]
        if let name = info.backupName { members.append(("backup_name", .string(name))) }
        if let snapshots = info.snapshotsInfo { members.append(("snapshots_info", snapshots.jsonValue)) }
        return members
    }

    private static func strings(_ values: [String]?) -> JSONValue {
        values.map { .array($0.map(JSONValue.string)) } ?? .null
    }

    private static func json(_ tablespace: Tablespace) -> JSONValue {
        .array([.string(tablespace.name), .integer(tablespace.oid), .string(tablespace.location)])
    }
}
