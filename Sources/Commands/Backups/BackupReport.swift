import Catalog
import Notation

/// Everything `show-backup` says about one backup, as values.
struct BackupReport {
    let info: BackupInfo
    let wal: WALStatistics
    /// Nil when no retention policy is enforced.
    let retention: RetentionState?
    let previousID: String?
    let nextID: String?
    /// Timelines that branch off after this backup, oldest first.
    let childTimelines: [UInt32]
    /// The id of the root and how many backups the chain has; nil unless the backup is incremental.
    let chain: (rootID: String, count: Int)?

    /// What restoring this backup would not have to copy, against a backup without reuse; nil for other kinds of backups.
    var savings: (ratio: Double, bytes: Double)? {
        let whole = info.type == .rsync ? info.sizeBytes : info.clusterSizeBytes
        guard info.type == .rsync || info.type == .incremental else { return nil }
        var ratio = 0.0
        // A size of zero counts as an unknown one, here and below.
        if let whole, whole != 0, let own = info.deduplicatedSizeBytes, own != 0 {
            ratio = 1 - Double(own) / Double(whole)
        }
        let clusterSize = info.clusterSizeBytes ?? 0
        let base = clusterSize != 0 ? clusterSize : info.sizeBytes ?? 0
        return (ratio, Double(base) * ratio)
    }

    /// Bytes of this backup alone with the WAL that makes it consistent.
    var sizeWithWALBytes: Int64 { (info.deduplicatedSizeBytes ?? 0) &+ wal.sizeBytes }

    var copySeconds: Double? { info.copyStatistic("copy_time") }
    var analysisSeconds: Double? { info.copyStatistic("analysis_time") }
    /// The jobs of the copy; 1 when nothing was copied or it is not known.
    var workerCount: Int64 {
        guard let bytes = info.deduplicatedSizeBytes, bytes != 0 else { return 1 }
        return info.copyStats?["number_of_workers"]?.integerValue ?? 1
    }

    /// Bytes a second of the copy; nil when the time is unknown or zero.
    var throughput: Double? {
        guard let seconds = copySeconds, seconds > 0, let bytes = info.deduplicatedSizeBytes, bytes > 0 else {
            return nil
        }
        return Double(bytes) / seconds
    }

    var previousText: String { previousID ?? "- (this is the oldest base backup)" }
    var nextText: String { nextID ?? "- (this is the latest base backup)" }
}
