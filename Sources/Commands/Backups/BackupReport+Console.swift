import Catalog
import Notation
import WAL

extension BackupReport {
    /// The lines of the console.
    var lines: [String] {
        var lines = ["Backup \(info.id):"]
        lines += general
        lines += serverInformation
        guard info.status.isCompleted else {
            if let error = info.error { lines.append(row("Error", error)) }
            return lines
        }
        lines += snapshotInformation + tablespaces + baseBackupInformation + walInformation + catalogInformation
        return lines
    }

    // MARK: Rows

    private func row(_ label: String, _ value: String) -> String { "  \(padded(label, to: 23)): \(value)" }

    private func nested(_ label: String, _ value: String) -> String { "    \(padded(label, to: 21)): \(value)" }

    private func padded(_ label: String, to width: Int) -> String {
        label + String(repeating: " ", count: max(0, width - label.count))
    }

    private func text(_ value: (some CustomStringConvertible)?) -> String { value.map { "\($0)" } ?? "None" }

    // MARK: Sections

    private var general: [String] {
        var rows: [String] = []
        if let name = info.backupName { rows.append(row("Backup Name", name)) }
        rows.append(row("Server Name", text(info.serverName)))
        if let systemID = info.systemID { rows.append(row("System Id", systemID)) }
        rows.append(row("Status", info.status.rawValue))
        if info.status.isCompleted {
            rows.append(row("PostgreSQL Version", text(info.version)))
            rows.append(row("PGDATA directory", text(info.pgdata)))
            if let bytes = info.clusterSizeBytes, bytes != 0 {
                rows.append(row("Estimated Cluster Size", HumanText.size(bytes)))
            }
        }
        return rows + [""]
    }

    private var serverInformation: [String] {
        guard info.dataChecksums != nil || info.summarizeWAL != nil else { return [] }
        var rows = ["  Server information:"]
        if let value = info.dataChecksums { rows.append(nested("Checksums", value)) }
        if let value = info.summarizeWAL { rows.append(nested("WAL summarizer", value)) }
        return rows + [""]
    }

    private var tablespaces: [String] {
        guard let tablespaces = info.tablespaces, !tablespaces.isEmpty else { return [] }
        return ["  Tablespaces:"] + tablespaces.map { nested($0.name, "\($0.location) (oid: \($0.oid))") } + [""]
    }

    private var baseBackupInformation: [String] {
        var rows = ["  Base backup information:"]
        if let mode = info.mode { rows.append(nested("Backup Method", mode)) }
        if let encryption = info.encryption { rows.append(nested("Encryption", encryption)) }
        if info.isPostgresMethod { rows.append(nested("Backup Type", info.type.rawValue)) }
        rows += sizes
        rows.append(nested("Timeline", text(info.timeline?.rawValue)))
        rows.append(nested("Begin WAL", text(info.beginWAL)))
        rows.append(nested("End WAL", text(info.endWAL)))
        if wal.segmentCount != 0 { rows.append(nested("Number of WALs", text(wal.segmentCount))) }
        if let ratio = wal.compressionRatio, ratio > 0 {
            rows.append(nested("WAL compression ratio", HumanText.percentage(ratio)))
        }
        rows.append(nested("Begin time", text(info.beginTime?.catalogText)))
        rows.append(nested("End time", text(info.endTime?.catalogText)))
        rows += speed
        rows.append(nested("Begin Offset", text(info.beginOffset)))
        rows.append(nested("End Offset", text(info.endOffset)))
        rows.append(nested("Begin LSN", text(info.beginXlog)))
        rows.append(nested("End LSN", text(info.endXlog)))
        return rows + [""]
    }

    private var sizes: [String] {
        var rows: [String] = []
        if let bytes = info.deduplicatedSizeBytes, bytes != 0 {
            let both = wal.sizeBytes == 0 ? "" : " (\(HumanText.size(sizeWithWALBytes)) with WALs)"
            rows.append(nested("Backup Size", HumanText.size(bytes) + both))
        }
        if let compression = info.compression, compression != "none" {
            rows.append(nested("Backup Compression", compression))
        }
        if wal.sizeBytes != 0 { rows.append(nested("WAL Size", HumanText.size(wal.sizeBytes))) }
        if let savings {
            let text = "\(HumanText.size(savings.bytes)) (\(HumanText.percentage(savings.ratio)))"
            rows.append(nested("Resources saved", text))
        }
        return rows
    }

    private var speed: [String] {
        guard let copySeconds, copySeconds != 0 else { return [] }
        var time = HumanText.duration(seconds: copySeconds)
        if let analysisSeconds, analysisSeconds >= 1 {
            time += " + \(HumanText.duration(seconds: analysisSeconds)) startup"
        }
        var rows = [nested("Copy time", time)]
        if let throughput {
            let jobs = workerCount > 1 ? " (\(workerCount) jobs)" : ""
            rows.append(nested("Estimated throughput", "\(HumanText.size(throughput))/s\(jobs)"))
        }
        return rows
    }

    private var walInformation: [String] {
        var rows = ["  WAL information:"]
        rows.append(nested("Number of files", text(wal.untilNextCount)))
        rows.append(nested("Disk usage", HumanText.size(wal.untilNextSizeBytes)))
        if let rate = wal.segmentsPerSecond, rate > 0 {
            rows.append(nested("WAL rate", HumanText.hourlyRate(perSecond: rate)))
        }
        if let ratio = wal.untilNextCompressionRatio, ratio > 0 {
            rows.append(nested("Compression ratio", HumanText.percentage(ratio)))
        }
        rows.append(nested("Last available", text(wal.lastName)))
        if !childTimelines.isEmpty {
            rows.append(nested("Reachable timelines", childTimelines.map(String.init).joined(separator: ", ")))
        }
        return rows + [""]
    }

    private var catalogInformation: [String] {
        var rows = ["  Catalog information:"]
        rows.append(nested("Retention Policy", retention?.rawValue ?? "not enforced"))
        rows.append(nested("Previous Backup", previousText))
        rows.append(nested("Next Backup", nextText))
        if !childTimelines.isEmpty {
            rows.append("")
            rows.append(
                "WARNING: WAL information is inaccurate due to multiple timelines interacting with this backup"
            )
        }
        if let chain {
            rows.append(nested("Root Backup", chain.rootID))
            rows.append(nested("Parent Backup", text(info.parentBackupID)))
            rows.append(nested("Backup chain size", text(chain.count)))
        }
        if info.isPostgresMethod, !info.children.isEmpty {
            rows.append(nested("Children Backup(s)", info.children.joined(separator: ",")))
        }
        return rows
    }

    private var snapshotInformation: [String] {
        guard let snapshots = SnapshotReport(info) else { return [] }
        var rows = ["  Snapshot information:"]
        rows += snapshots.properties.map { nested($0.key, $0.value.displayText) }
        rows += snapshots.providerInfo.map { nested($0.key, $0.value.displayText) }
        rows.append("")
        for snapshot in snapshots.snapshots {
            rows += snapshot.provider.sorted { $0.key < $1.key }.map { nested($0.key, $0.value.displayText) }
            rows.append(nested("Mount point", snapshot.mountPoint.displayText))
            rows.append(nested("Mount options", snapshot.mountOptions.displayText))
            rows.append("")
        }
        return rows
    }
}
