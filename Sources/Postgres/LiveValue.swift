public import Notation
import WAL

/// One line of `show-servers` that comes from a running server: its key, and its value for a person and for a program.
public struct LiveValue: Sendable {
    /// The name, `current_lsn` for example.
    public let key: String
    /// The value as printed on the console.
    public let consoleText: String
    /// The value in JSON.
    public let json: JSONValue
    /// The value in the JSON of `diagnose`, where numbers and times stay what they are.
    public let diagnosis: JSONValue

    /// Makes a line from both forms of its value.
    public init(key: String, consoleText: String, json: JSONValue, diagnosis: JSONValue? = nil) {
        self.key = key
        self.consoleText = consoleText
        self.json = json
        self.diagnosis = diagnosis ?? json
    }

    /// A decimal number of the server, as a text; `None` when it is not known.
    init(_ key: String, decimal: String?) {
        self.init(
            key: key,
            consoleText: decimal ?? "None",
            json: .optional(decimal),
            diagnosis: decimal.flatMap { Double($0) }.map(JSONValue.double) ?? .null
        )
    }

    /// A moment; `None` when there is none.
    init(_ key: String, moment: Timestamp?) {
        let text = moment?.catalogText
        self.init(
            key: key,
            consoleText: text ?? "None",
            json: .optional(text),
            diagnosis: .optional(moment?.inLocalZone().isoText)
        )
    }

    /// A text; `None` when there is none.
    public init(_ key: String, text: String?) {
        self.init(key: key, consoleText: text ?? "None", json: .optional(text))
    }

    /// A truth; `None` when it is not known.
    public init(_ key: String, flag: Bool?) {
        self.init(
            key: key,
            consoleText: flag.map { $0 ? "True" : "False" } ?? "None",
            json: flag.map(JSONValue.bool) ?? .null
        )
    }

    /// A whole number; `None` when it is not known.
    public init(_ key: String, number: Int64?) {
        self.init(key: key, consoleText: number.map(String.init) ?? "None", json: .optional(number))
    }

    /// A list of texts; `None` when it is not known.
    public init(_ key: String, list: [String]?) {
        self.init(
            key: key,
            consoleText: list.map { "[" + $0.map(PythonText.quoted).joined(separator: ", ") + "]" } ?? "None",
            json: list.map { .array($0.map(JSONValue.string)) } ?? .null
        )
    }
}

extension ServerFacts {
    /// The lines of `show-servers`.
    ///
    /// What is always there comes as `None` when unknown; the rest is left out.
    public var liveValues: [LiveValue] {
        var lines = [
            LiveValue("server_txt_version", text: isConnected ? version?.text : nil),
            LiveValue("version_supported", flag: isVersionSupported),
            LiveValue("is_superuser", flag: isSuperuser),
            LiveValue("is_in_recovery", flag: isInRecovery),
            LiveValue("current_xlog", text: currentSegment?.description),
            LiveValue("replication_slot_support", flag: isVersionSupported.flatMap { $0 ? true : nil }),
            replicationSlot?.liveValue ?? LiveValue("replication_slot", text: nil),
            LiveValue("synchronous_standby_names", list: synchronousStandbyNames),
            LiveValue("postgres_systemid", text: systemID),
            LiveValue("data_directory", text: dataDirectory),
        ]
        guard hasBackupPrivileges != nil else { return lines }
        lines += [
            LiveValue("has_backup_privileges", flag: hasBackupPrivileges),
            LiveValue("has_monitoring_privileges", flag: hasMonitoringPrivileges),
            LiveValue("current_lsn", text: currentLSN?.description),
            LiveValue("current_size", decimal: currentSizeBytes.map { String($0) }),
            LiveValue("archive_timeout", number: rawSettings["archive_timeout"].flatMap { Int64($0) } ?? 0),
            LiveValue("checkpoint_timeout", number: rawSettings["checkpoint_timeout"].flatMap { Int64($0) }),
            LiveValue("xlog_segment_size", number: segmentSizeBytes),
        ]
        lines += shownSettings.compactMap { name in settings[name].map { LiveValue(name, text: $0) } }
        let files = configurationFiles
        if let path = files.configFile { lines.append(LiveValue("config_file", text: path)) }
        if let path = files.hbaFile { lines.append(LiveValue("hba_file", text: path)) }
        if let path = files.identFile { lines.append(LiveValue("ident_file", text: path)) }
        if !files.includedFiles.isEmpty { lines.append(LiveValue("included_files", list: files.includedFiles)) }
        return lines
    }

    private var shownSettings: [String] {
        [
            "wal_level", "hot_standby", "max_wal_senders", "data_checksums", "max_replication_slots", "wal_compression",
            "wal_keep_size", "wal_keep_segments",
        ]
    }
}

extension ReplicationSlot {
    /// The slot as `show-servers` and `diagnose` print it.
    var liveValue: LiveValue {
        let restart = restartLSN.map { PythonText.quoted($0.description) } ?? "None"
        let slot = PythonText.quoted(name)
        let text = "Record(slot_name=\(slot), active=\(isActive ? "True" : "False"), restart_lsn=\(restart))"
        return LiveValue(
            key: "replication_slot",
            consoleText: text,
            json: .string(text),
            diagnosis: .array([.string(name), .bool(isActive), .optional(restartLSN?.description)])
        )
    }
}

extension StreamingFacts {
    /// The lines of `show-servers`.
    public var liveValues: [LiveValue] {
        [
            LiveValue("connection_error", text: connectionError),
            LiveValue("streaming_supported", flag: isSupported),
            LiveValue("streaming", flag: isStreaming),
            LiveValue("streaming_systemid", text: systemID),
            LiveValue("timeline", number: timeline.map { Int64($0.rawValue) }),
            LiveValue("xlogpos", text: flushLSN?.description),
            LiveValue("version_supported", flag: isVersionSupported),
        ]
    }
}

extension ArchiverFacts {
    /// The lines of `show-servers`; the statistics only when the server told them.
    public var liveValues: [LiveValue] {
        var lines = [LiveValue("archive_mode", text: archiveMode), LiveValue("archive_command", text: archiveCommand)]
        guard let row = statistics else { return lines }
        lines += [
            LiveValue("archived_count", number: row.archivedCount),
            LiveValue("last_archived_wal", text: row.lastArchivedWAL),
            LiveValue("last_archived_time", moment: row.lastArchivedTime),
            LiveValue("failed_count", number: row.failedCount),
            LiveValue("last_failed_wal", text: row.lastFailedWAL),
            LiveValue("last_failed_time", moment: row.lastFailedTime),
            LiveValue("stats_reset", moment: row.statisticsReset),
            LiveValue("is_archiving", flag: row.isArchiving),
            LiveValue("current_archived_wals_per_second", decimal: row.archivedPerSecond.map(Self.decimalText)),
        ]
        return lines
    }

    /// A decimal number of the server in the notation of decimal arithmetic: an exponent once there are more than five
    /// zeros after the point.
    static func decimalText(_ number: String) -> String {
        let isNegative = number.hasPrefix("-")
        let parts = number.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return number }
        let scale = parts[1].utf8.count
        let significant = (parts[0] + parts[1]).drop { $0 == "0" }
        let digits = significant.isEmpty ? "0" : String(significant)
        let exponent = digits.utf8.count - 1 - scale
        guard exponent < -6 else { return number }
        let fraction = digits.dropFirst()
        return (isNegative ? "-" : "") + digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "E\(exponent)"
    }
}

extension PostgresServer {
    /// The lines of `show-servers` from all connections; of a key that two of them tell, the last counts.
    public func liveValues(withFileArchiver: Bool) -> [LiveValue] {
        var lines = measuredFacts().liveValues
        if let streaming = streamingFacts() {
            let news = streaming.liveValues
            lines.removeAll { old in news.contains { $0.key == old.key } }
            lines += news
        }
        if withFileArchiver { lines += archiverFacts().liveValues }
        return lines
    }
}
