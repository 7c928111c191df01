import Archive
public import Catalog
public import Failure
import Files
public import Notation
public import WAL

/// From when to when one backup can recover, as far as the archive tells.
public struct RecoveryWindow: Sendable {
    /// Where a timeline leads to.
    public struct Reach: Sendable {
        /// The timeline.
        public let timeline: Timeline
        /// The last segment that can be replayed.
        public let lastWAL: WALSegmentName
        /// When that segment was last modified, which is about when its last change was made; not before the backup's end, which
        /// is taken from another clock.
        public let until: Timestamp
    }

    /// When the backup is consistent, by the server's clock; nil when it cannot recover at all.
    public let from: Timestamp?
    /// Where its own timeline leads to, first, and then those that branched off, oldest first.
    public let reaches: [Reach]
    /// Why it cannot recover, or not to the end of the archive; nil when nothing is missing.
    public let obstacle: String?
}

/// Finds out the recovery windows of the backups of one server in one pass over the list of archived WAL.
public struct RecoveryWindows {
    private let catalog: BackupCatalog
    private let runs: ArchivedRuns
    private let reader: WALReader
    private var histories: [Timeline: TimelineHistory?] = [:]

    /// Reads the list of archived WAL.
    public init(_ catalog: BackupCatalog) throws(Failure) {
        self.catalog = catalog
        runs = try ArchivedRuns(XlogDatabase(catalog.home), size: catalog.newest()?.segmentSize ?? .standard)
        reader = WALReader(home: catalog.home)
    }

    /// The window of one backup; nil for one that is not complete.
    public mutating func window(of info: BackupInfo) throws -> RecoveryWindow? {
        guard info.status.isCompleted, let begin = info.beginSegment else { return nil }
        let end = info.endSegment ?? begin
        if let obstacle = missingPart(of: info) { return RecoveryWindow(from: nil, reaches: [], obstacle: obstacle) }
        guard let run = runs.run(holding: begin), run.last >= end else {
            let missing = runs.run(holding: begin)?.last.next(size: info.segmentSize) ?? begin
            return RecoveryWindow(from: nil, reaches: [], obstacle: "WAL file \(missing) is not archived")
        }
        var obstacle: String?
        if runs.hasSegments(after: run.last), let missing = run.last.next(size: info.segmentSize) {
            obstacle = "WAL file \(missing) is not archived"
        }
        let children = try catalog.childTimelines(of: info) { try reader.contents(of: $0) }
        let branches = try children.compactMap { try lastRun(of: $0, from: begin, end: end, size: info.segmentSize) }
        let all = ([run] + branches).map { reach($0, notBefore: info.endTime) }
        return RecoveryWindow(from: info.endTime, reaches: all, obstacle: obstacle)
    }

    /// What an incremental backup lacks to be restored.
    private func missingPart(of info: BackupInfo) -> String? {
        guard info.isIncremental else { return nil }
        let chain = [info] + catalog.ancestors(of: info)
        guard let root = chain.last, root.isIncremental else { return nil }
        return "backup \(root.parentBackupID ?? "") that it builds on is missing"
    }

    private func reach(_ run: ArchivedRuns.Run, notBefore end: Timestamp?) -> RecoveryWindow.Reach {
        let modified = Timestamp(secondsSinceEpoch: run.lastTime).inLocalZone()
        let isEarlier = end.map { run.lastTime < $0.secondsDouble } ?? false
        return RecoveryWindow.Reach(
            timeline: run.last.timeline,
            lastWAL: run.last,
            until: isEarlier ? end ?? modified : modified
        )
    }

    /// Follows the history of a timeline from the backup on, to the WAL at its end; nil when WAL is missing on the way.
    private mutating func lastRun(
        of timeline: Timeline,
        from begin: WALSegmentName,
        end: WALSegmentName,
        size: WALSegmentSize
    ) throws -> ArchivedRuns.Run? {
        guard let history = try history(of: timeline),
            let start = history.entries.firstIndex(where: { $0.parent == begin.timeline })
        else { return nil }
        var position = begin
        for (index, entry) in history.entries.enumerated().dropFirst(start) {
            // The segment of the switch is on the next timeline, which begins with a copy of what was before.
            let onParent = WALSegmentName(containing: entry.switchpoint, timeline: entry.parent, size: size)
            guard let run = runs.run(holding: position) else { return nil }
            if position < onParent, let before = onParent.previous(size: size), run.last < before { return nil }
            let next = index + 1 < history.entries.count ? history.entries[index + 1].parent : timeline
            position = WALSegmentName(containing: entry.switchpoint, timeline: next, size: size)
        }
        return runs.run(holding: position)
    }

    private mutating func history(of timeline: Timeline) throws -> TimelineHistory? {
        if let known = histories[timeline] { return known }
        let path = catalog.home.historyPath(of: timeline)
        var history: TimelineHistory?
        if try FileSystem.exists(path) {
            history = try TimelineHistory(parsing: String(decoding: try reader.contents(of: path), as: UTF8.self))
        }
        histories[timeline] = history
        return history
    }
}
