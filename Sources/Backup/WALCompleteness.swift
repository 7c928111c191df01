public import Catalog
public import Failure
import Files
import SystemPackage
public import WAL

/// Whether the archive holds the WAL that makes a backup consistent.
public enum WALCompleteness: Sendable, Equatable {
    /// The record names no end: nothing can be said.
    case unknown
    /// Everything is there.
    case complete
    /// Nothing is missing so far, but the end has not arrived.
    case incomplete
    /// This segment should be there and is not.
    case missing(WALSegmentName)

    /// Looks for the segments of a backup in the archive; queues are not looked at.
    public init(of info: BackupInfo, in home: ServerHome) throws(Failure) {
        guard let end = info.endSegment else {
            self = .unknown
            return
        }
        do {
            self = try Self.find(from: info.beginSegment, to: end, segmentSize: info.segmentSize, home: home)
        } catch {
            throw Failure("\(error)", kind: .exception, cause: error)
        }
    }

    private static func find(
        from begin: WALSegmentName?,
        to end: WALSegmentName,
        segmentSize: WALSegmentSize,
        home: ServerHome
    ) throws(FileError) -> WALCompleteness {
        guard let begin, let newest = try newestSegment(of: begin.timeline, in: home), newest >= begin else {
            return .incomplete
        }
        if begin.timeline < end.timeline {
            return try findAcrossTimelines(from: begin, to: end, segmentSize: segmentSize, home: home)
        }
        for segment in begin.through(min(end, newest), size: segmentSize) {
            let path = home.walsDirectory.appending(segment.hashDirectory).appending(segment.description)
            guard try FileSystem.exists(path) else { return .missing(segment) }
        }
        return end <= newest ? .complete : .incomplete
    }

    /// A standby that followed its primary to another timeline during the backup: each segment must be there on one of them.
    private static func findAcrossTimelines(
        from begin: WALSegmentName,
        to end: WALSegmentName,
        segmentSize: WALSegmentSize,
        home: ServerHome
    ) throws(FileError) -> WALCompleteness {
        guard let newest = try newestSegment(of: end.timeline, in: home), newest >= end else { return .incomplete }
        let timelines = Set(try names(in: home.walsDirectory).compactMap { WALSegmentName("\($0)00000000")?.timeline })
            .filter { $0 >= begin.timeline && $0 <= end.timeline }
        let first = WALSegmentName(timeline: end.timeline, log: begin.log, segment: begin.segment)
        for segment in first.through(end, size: segmentSize) {
            var isThere = false
            for timeline in timelines where !isThere {
                let name = WALSegmentName(timeline: timeline, log: segment.log, segment: segment.segment)
                isThere = try FileSystem.exists(
                    home.walsDirectory.appending(name.hashDirectory).appending(name.description)
                )
            }
            guard isThere else { return .missing(segment) }
        }
        return .complete
    }

    /// The segments from the begin of a backup to its end; over several timelines they bear the last.
    static func segments(of info: BackupInfo, in home: ServerHome) -> [WALSegmentName] {
        guard let begin = info.beginSegment, let end = info.endSegment else { return [] }
        let first = WALSegmentName(timeline: end.timeline, log: begin.log, segment: begin.segment)
        // No backup is a million segments long; a damaged record may say so.
        return Array(first.through(end, size: info.segmentSize).prefix(1 << 20))
    }

    /// Where a segment of a backup is in the archive, on whatever of its timelines; `nil` when it is not there.
    static func place(
        of segment: WALSegmentName,
        for info: BackupInfo,
        in home: ServerHome
    ) throws(FileError) -> FilePath? {
        let first = info.beginSegment?.timeline ?? segment.timeline
        var timeline = segment.timeline.rawValue
        while timeline >= first.rawValue {
            let name = WALSegmentName(
                timeline: Timeline(rawValue: timeline),
                log: segment.log,
                segment: segment.segment
            )
            let path = home.walsDirectory.appending(name.hashDirectory).appending(name.description)
            if try FileSystem.exists(path) { return path }
            guard timeline > 0 else { break }
            timeline -= 1
        }
        return nil
    }

    /// The last segment in the last directory of a timeline that holds any; nil when there is none.
    static func newestSegment(of timeline: Timeline, in home: ServerHome) throws(FileError) -> WALSegmentName? {
        let prefix = WALSegmentName(timeline: timeline, log: 0, segment: 0).description.prefix(8)
        for directory in try names(in: home.walsDirectory).reversed()
        where directory.utf8.count == 16 && directory.hasPrefix(prefix) {
            let segments = try names(in: home.walsDirectory.appending(directory)).compactMap { WALSegmentName($0) }
            if let newest = segments.max() { return newest }
        }
        return nil
    }

    private static func names(in directory: FilePath) throws(FileError) -> [String] {
        do throws(FileError) {
            return try FileSystem.names(in: directory)
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }
}

/// Brings the status of a completed backup in line with the archive.
public struct BackupConsistencyCheck: Sendable {
    private let home: ServerHome
    private let reporter: any Reporter

    /// A check for the backups of one server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Checks one backup under its lock, stores and returns the record, `nil` when it is gone.
    ///
    /// The `check-backup` of a cron has the lock for a moment: it is waited for.
    public func run(_ id: String) throws(Failure) -> BackupInfo? {
        let lock: FileLock
        do {
            lock = try FileLock.acquire(home.lockPath(.backupID(id)), waiting: true)
        } catch {
            throw Failure("\(error)", cause: error)
        }
        defer { lock.release() }
        guard let info = try BackupCatalog.record(of: id, in: home) else { return nil }
        return try update(info)
    }

    /// The same without the lock: `DONE`, `WAITING_FOR_WALS` or `FAILED`.
    public func update(_ info: BackupInfo) throws(Failure) -> BackupInfo {
        var updated = info
        switch try WALCompleteness(of: info, in: home) {
        case .unknown: return info
        case .complete: updated.status = .done
        case .incomplete: updated.status = .waitingForWALs
        case .missing(let segment):
            let reason = "At least one WAL file is missing. The first missing WAL file is \(segment)"
            updated.status = .failed
            updated.error = reason
            reporter.error("This backup has been marked as FAILED due to the following reason: \(reason)")
        }
        // Also when nothing has changed: a record of an older release gets its present form and place.
        try BackupCatalog.save(updated, in: home)
        return updated
    }
}
