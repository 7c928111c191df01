import Catalog
import Notation
import WAL

/// The record of a backup as JSON, key by key.
enum BackupRecordJSON {
    /// The forms that different commands give a record.
    enum Form {
        /// `backup`: times in words, lists as lists, the size of the cluster with a fraction.
        case answer
        /// `diagnose`: times in ISO 8601 and the local zone; what is text in the file stays text.
        case diagnosis
        /// `sync-info`: times in words and in ISO 8601; what is text in the file stays text; in the order of the file.
        case sync
    }

    /// The keys of the file, with the ID; hidden ones are left out when they have no value.
    static func members(of info: BackupInfo, _ form: Form) -> [(key: String, value: JSONValue)] {
        func time(_ value: Timestamp?) -> JSONValue {
            .optional(form == .diagnosis ? value?.inLocalZone().isoText : value?.ctimeText)
        }
        let children: JSONValue
        let clusterSize: JSONValue
        if form == .answer {
            children = strings(info.childrenBackupIDs)
            // The reference measures with decimals.
            clusterSize = info.clusterSizeBytes.map { .double(Double($0)) } ?? .null
        } else {
            children = .optional(info.childrenBackupIDs?.joined(separator: ","))
            clusterSize = .optional(info.clusterSizeBytes)
        }
        var members: [(key: String, value: JSONValue)] = [
            ("backup_label", .optional(info.backupLabel.map(PythonText.quoted)))
        ]
        if let name = info.backupName { members.append(("backup_name", .string(name))) }
        members += [
            ("begin_offset", .optional(info.beginOffset)),
            ("begin_time", time(info.beginTime)),
            ("begin_wal", .optional(info.beginWAL)),
            ("begin_xlog", .optional(info.beginXlog)),
            ("children_backup_ids", children),
            ("cluster_size", clusterSize),
            ("compression", .optional(info.compression)),
            ("config_file", .optional(info.configFile)),
            ("copy_stats", info.copyStats?.jsonValue ?? .null),
            ("data_checksums", .optional(info.dataChecksums)),
            ("deduplicated_size", .optional(info.deduplicatedSizeBytes)),
            ("encryption", .optional(info.encryption)),
            ("end_offset", .optional(info.endOffset)),
            ("end_time", time(info.endTime)),
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
        ]
        if let snapshots = info.snapshotsInfo { members.append(("snapshots_info", snapshots.jsonValue)) }
        members += [
            ("status", .string(info.status.rawValue)),
            ("summarize_wal", .optional(info.summarizeWAL)),
            ("systemid", .optional(info.systemID)),
            ("tablespaces", info.tablespaces.map { .array($0.map(json)) } ?? .null),
            ("timeline", .optional(info.timeline.map { Int64($0.rawValue) })),
            ("version", .optional(info.version)),
            ("xlog_segment_size", .optional(info.xlogSegmentSizeBytes)),
            ("backup_id", .string(info.id)),
        ]
        guard form == .sync else { return members }
        if let begin = info.beginTime { members.append(("begin_time_iso", .string(begin.isoText))) }
        if let end = info.endTime { members.append(("end_time_iso", .string(end.isoText))) }
        return members
    }

    private static func strings(_ values: [String]?) -> JSONValue {
        values.map { .array($0.map(JSONValue.string)) } ?? .null
    }

    private static func json(_ tablespace: Tablespace) -> JSONValue {
        .array([.string(tablespace.name), .integer(tablespace.oid), .string(tablespace.location)])
    }
}
