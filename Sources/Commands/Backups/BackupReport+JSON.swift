import Catalog
import Notation
import WAL

extension BackupReport {
    private typealias Members = [(key: String, value: JSONValue)]

    /// The answer in JSON.
    var json: JSONValue {
        var members: Members = [("backup_id", .string(info.id)), ("status", .string(info.status.rawValue))]
        if let name = info.backupName { members.append(("backup_name", .string(name))) }
        if let systemID = info.systemID { members.append(("system_id", .string(systemID))) }
        members.append(
            (
                "server_information",
                .object([
                    ("data_checksums", .optional(info.dataChecksums)), ("summarize_wal", .optional(info.summarizeWAL)),
                ])
            )
        )
        guard info.status.isCompleted else {
            if let error = info.error { members.append(("error", .string(error))) }
            return .object(members)
        }
        members.append(("backup_type", .string(info.type.rawValue)))
        if let bytes = info.clusterSizeBytes, bytes != 0 {
            members += size("cluster_size", bytes)
        }
        members += [
            ("postgresql_version", .optional(info.version)),
            ("pgdata_directory", .optional(info.pgdata)),
            ("tablespaces", .array((info.tablespaces ?? []).map(json))),
            ("base_backup_information", .object(baseBackup)),
            ("catalog_information", .object(catalog)),
            ("wal_information", .object(walInformation)),
        ]
        if let snapshots = SnapshotReport(info) { members.append(("snapshots_info", snapshots.json)) }
        return .object(members)
    }

    private func size(_ key: String, _ bytes: Int64) -> Members {
        [(key, .string(HumanText.size(bytes))), ("\(key)_bytes", .integer(bytes))]
    }

    /// The number without its fraction; what a damaged record makes too large becomes the largest there is.
    private static func whole(_ value: Double) -> Int64 {
        if value.isNaN { return 0 }
        return Int64(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }

    private func json(_ tablespace: Tablespace) -> JSONValue {
        .object([
            ("name", .string(tablespace.name)), ("location", .string(tablespace.location)),
            ("oid", .integer(tablespace.oid)),
        ])
    }

    private var baseBackup: Members {
        var members: Members = [
            ("backup_method", .optional(info.mode)),
            ("encryption", .optional(info.encryption)),
            ("compression", .optional(info.compression)),
        ]
        members += size("backup_size", info.deduplicatedSizeBytes ?? 0)
        members += size("backup_size_with_wals", sizeWithWALBytes)
        members += size("wal_size", wal.sizeBytes)
        members += [
            ("timeline", .optional(info.timeline.map { Int64($0.rawValue) })),
            ("begin_wal", .optional(info.beginWAL)),
            ("end_wal", .optional(info.endWAL)),
            ("wal_num", .integer(wal.segmentCount)),
            ("begin_time", .optional(info.beginTime?.catalogText)),
            ("end_time", .optional(info.endTime?.catalogText)),
            ("begin_time_timestamp", .optional(info.beginTime?.epochText)),
            ("end_time_timestamp", .optional(info.endTime?.epochText)),
            ("begin_offset", .optional(info.beginOffset)),
            ("end_offset", .optional(info.endOffset)),
            ("begin_lsn", .optional(info.beginXlog)),
            ("end_lsn", .optional(info.endXlog)),
        ]
        if let savings {
            members += [
                ("resources_saved", .string(HumanText.size(savings.bytes))),
                ("resources_saved_bytes", .integer(Self.whole(savings.bytes))),
                ("resources_saved_percentage", .string(HumanText.percentage(savings.ratio))),
            ]
        }
        if let ratio = wal.compressionRatio, ratio > 0 {
            members.append(("wal_compression_ratio", .string(HumanText.percentage(ratio))))
        }
        return members + speed
    }

    private var speed: Members {
        guard let copySeconds, copySeconds != 0 else { return [] }
        var members: Members = [
            ("copy_time", .string(HumanText.duration(seconds: copySeconds))),
            ("copy_time_seconds", .double(copySeconds)),
        ]
        if let analysisSeconds, analysisSeconds >= 1 {
            members += [
                ("analysis_time", .string(HumanText.duration(seconds: analysisSeconds))),
                ("analysis_time_seconds", .double(analysisSeconds)),
            ]
        }
        let bytesPerSecond = throughput ?? 0
        return members + [
            ("throughput", .string("\(HumanText.size(bytesPerSecond))/s")),
            ("throughput_bytes", .integer(Self.whole(bytesPerSecond))),
            ("number_of_workers", .integer(workerCount)),
        ]
    }

    private var catalog: Members {
        var members: Members = [
            ("retention_policy", .string(retention?.rawValue ?? "not enforced")),
            ("previous_backup", .string(previousText)),
            ("next_backup", .string(nextText)),
        ]
        if let chain {
            members += [
                ("root_backup_id", .string(chain.rootID)),
                ("parent_backup_id", .optional(info.parentBackupID)),
                ("chain_size", .integer(Int64(chain.count))),
            ]
        }
        if info.isPostgresMethod {
            let children = info.childrenBackupIDs.map { JSONValue.array($0.map(JSONValue.string)) }
            members.append(("children_backup_ids", children ?? .null))
        }
        return members
    }

    private var walInformation: Members {
        let rate = wal.segmentsPerSecond ?? 0
        let ratio = wal.untilNextCompressionRatio ?? 0
        var members: Members = [("no_of_files", .integer(wal.untilNextCount))]
        members += size("disk_usage", wal.untilNextSizeBytes)
        members += [
            ("wal_rate", rate > 0 ? .string(HumanText.hourlyRate(perSecond: rate)) : 0),
            ("wal_rate_per_second", rate > 0 ? .double(rate) : 0),
            ("compression_ratio", ratio > 0 ? .string(HumanText.percentage(ratio)) : 0),
            ("last_available", .optional(wal.lastName)),
            ("timelines", .array(childTimelines.map { .string(String($0)) })),
        ]
        if !childTimelines.isEmpty {
            let gap = String(repeating: " ", count: 21)
            members.append(
                (
                    "_WARNING",
                    .string(
                        "WAL information is inaccurate\(gap)due to multiple timelines interacting with\(gap)this backup"
                    )
                )
            )
        }
        return members
    }
}
