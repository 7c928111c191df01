public import Catalog
import Failure
import Files
import SystemPackage
public import WAL

/// Whether the WAL that backups may need is all in the archive, from the first backup to the newest segment of each timeline.
public struct WALContinuity: Sendable, Equatable {
    /// Segments in a row that are missing.
    public struct Gap: Sendable, Equatable {
        /// The first one.
        public let first: WALSegmentName
        /// The last one; the same as the first when only one is missing.
        public let last: WALSegmentName
        /// How many there are.
        public let count: UInt64
    }

    /// The segments that are missing, in the order of the names.
    public let gaps: [Gap]
    /// The timelines with WAL behind a backup whose history files are missing: recovery does not find them.
    public let unknownTimelines: [Timeline]
    /// Whether recovery from the newest backup ends where something is missing, so that only another backup helps.
    public let endsNewestBackup: Bool

    /// Looks at the list of archived WAL; what waits in a queue is not missing.
    ///
    /// One pass over the list, and a look at the directories with the segments that recovery from the newest backup needs: what was
    /// removed by hand is still listed. Segments must be of the size that the oldest backup records; others are passed over, as are names
    /// that are none. Throws `Failure` when the list or a history cannot be read.
    public init(of catalog: BackupCatalog) throws {
        let home = catalog.home
        guard let oldest = catalog.oldest() else {
            gaps = []
            unknownTimelines = []
            endsNewestBackup = false
            return
        }
        let size = oldest.segmentSize
        let newest = catalog.newest()?.beginSegment
        let segments = try ArchivedSegments(home: home, size: size, neededFrom: newest)
        let needs = try Self.needs(catalog, segments)
        var gaps: [Gap] = []
        var endsNewestBackup = false
        let newestPosition = newest?.knownNumber(size: size)
        for timeline in needs.keys.sorted() {
            guard let runs = segments.runs[timeline], let wanted = needs[timeline] else { continue }
            for range in wanted.flatMap(runs.missing) {
                guard let first = WALSegmentName(timeline: timeline, number: range.lowerBound, size: size),
                    let last = WALSegmentName(timeline: timeline, number: range.upperBound - 1, size: size)
                else { continue }
                gaps.append(Gap(first: first, last: last, count: range.upperBound - range.lowerBound))
                if let newest, let newestPosition, timeline >= newest.timeline, range.upperBound > newestPosition {
                    endsNewestBackup = true
                }
            }
        }
        self.gaps = gaps
        let unknownTimelines = try Self.unknownTimelines(catalog, segments)
        self.unknownTimelines = unknownTimelines
        if let newest, unknownTimelines.contains(where: { segments.mayBranch($0, behind: newest) }) {
            endsNewestBackup = true
        }
        self.endsNewestBackup = endsNewestBackup
    }

    /// The missing files by name, the first few of them; `nil` when nothing is missing.
    public func text(limit: Int = 5) -> String? {
        var names = unknownTimelines.map(\.historyName)
        names += gaps.map { gap in
            gap.count == 1 ? "\(gap.first)" : "\(gap.first) to \(gap.last) (\(gap.count) files)"
        }
        guard !names.isEmpty else { return nil }
        let rest = names.count > limit ? ", and \(names.count - limit) more gaps" : ""
        return names.prefix(limit).joined(separator: ", ") + rest
    }

    // MARK: What is needed

    /// The positions that recovery may need on each timeline.
    ///
    /// From the oldest backup of a timeline, or from where it branched off a timeline that is needed there, to its newest segment
    /// or to where the last one branched off it. A backup that is kept for itself alone needs only its own segments.
    private static func needs(
        _ catalog: BackupCatalog,
        _ segments: ArchivedSegments
    ) throws -> [Timeline: [Range<UInt64>]] {
        var begins: [Timeline: UInt64] = [:]
        var needs: [Timeline: [Range<UInt64>]] = [:]
        let annotations = Annotations(catalog.home)
        for backup in catalog.backups(.completed) {
            guard let begin = backup.beginSegment, let first = begin.knownNumber(size: segments.size) else { continue }
            if try annotations.keepTargetInPlace(of: backup.id) == .standalone {
                guard let last = backup.endSegment?.knownNumber(size: segments.size),
                    let end = segments.newest[begin.timeline], backup.endSegment?.timeline == begin.timeline,
                    first <= min(last, end)
                else { continue }
                needs[begin.timeline, default: []].append(first..<min(last, end) + 1)
            } else {
                begins[begin.timeline] = min(begins[begin.timeline] ?? first, first)
            }
        }
        // Parents come before children.
        var ends: [Timeline: UInt64] = [:]
        for (timeline, newest) in segments.newest.sorted(by: { $0.key < $1.key }) {
            if let branch = try branch(of: timeline, segments, catalog.home), let start = begins[branch.parent],
                branch.position >= start
            {
                begins[timeline] = min(begins[timeline] ?? branch.position, branch.position)
                // The parent's last segment may be there as a partial file only; the child begins with a copy of it.
                ends[branch.parent] = max(ends[branch.parent] ?? 0, branch.position)
            }
            ends[timeline] = max(ends[timeline] ?? 0, newest + 1)
        }
        for (timeline, begin) in begins {
            guard let end = ends[timeline], begin < end else { continue }
            needs[timeline] = merged((needs[timeline] ?? []).filter { $0.lowerBound < begin } + [begin..<end])
        }
        return needs
    }

    /// Ranges in order, those that overlap made one.
    private static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { result, range in
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
    }

    /// The timelines without a history that may have left the one of a backup.
    ///
    /// Where they did nobody knows without it: one whose WAL ends before the backup begins is nobody's business.
    private static func unknownTimelines(
        _ catalog: BackupCatalog,
        _ segments: ArchivedSegments
    ) throws -> [Timeline] {
        guard !catalog.home.walsAreInCloud else { return [] }
        let annotations = Annotations(catalog.home)
        let begins = try catalog.backups(.completed).compactMap { backup -> WALSegmentName? in
            try annotations.keepTargetInPlace(of: backup.id) == .standalone ? nil : backup.beginSegment
        }
        return try segments.newest.keys.sorted().filter { timeline in
            try begins.contains { segments.mayBranch(timeline, behind: $0) } && !isKnown(timeline, catalog.home)
        }
    }

    /// Whether the history of a timeline is archived, or on its way.
    private static func isKnown(_ timeline: Timeline, _ home: ServerHome) throws(FileError) -> Bool {
        for place in [home.walsDirectory, home.incomingWALsDirectory, home.streamingWALsDirectory]
        where try FileSystem.exists(place.appending(timeline.historyName)) {
            return true
        }
        return false
    }

    /// The timeline that one branched off, and in which segment; `nil` when its history is not archived.
    private static func branch(
        of timeline: Timeline,
        _ segments: ArchivedSegments,
        _ home: ServerHome
    ) throws -> (parent: Timeline, position: UInt64)? {
        let path = home.historyPath(of: timeline)
        guard timeline.rawValue > 1, !home.walsAreInCloud, try FileSystem.exists(path) else { return nil }
        let text = String(decoding: try WALReader(home: home).contents(of: path), as: UTF8.self)
        // A history that cannot be read leaves the timeline to what backups say of it.
        guard let history = try? TimelineHistory(parsing: text), let last = history.entries.last else { return nil }
        return (last.parent, last.switchpoint.segmentNumber(size: segments.size))
    }
}

/// The segments of a server that are archived, or on their way.
private struct ArchivedSegments {
    let size: WALSegmentSize
    private(set) var runs: [Timeline: SegmentRuns] = [:]
    /// The newest one of each timeline that is listed.
    private(set) var newest: [Timeline: UInt64] = [:]

    /// Reads the list; from `begin` on, what is listed must be on disk as well.
    init(home: ServerHome, size: WALSegmentSize, neededFrom begin: WALSegmentName?) throws {
        self.size = size
        var timeline = Timeline(rawValue: 0)
        var current: [UInt64] = []
        var numbers: [Timeline: [UInt64]] = [:]
        try XlogDatabase(home).forEachLine { line in
            guard case .segment(let name)? = line.fileName, let number = name.knownNumber(size: size) else {
                return true
            }
            if name.timeline != timeline {
                numbers[timeline] = current
                timeline = name.timeline
                current = numbers.removeValue(forKey: timeline) ?? []
            }
            current.append(number)
            return true
        }
        numbers[timeline] = current
        for (timeline, listed) in numbers {
            guard let last = listed.max() else { continue }
            newest[timeline] = last
            var present = listed
            if let begin, timeline >= begin.timeline, let first = begin.knownNumber(size: size), !home.walsAreInCloud {
                present = try Self.onDisk(listed.sorted(), from: first, timeline, home, size)
            }
            runs[timeline] = SegmentRuns(try present + Self.waiting(home, timeline, size).filter { $0 <= last })
        }
    }

    /// Whether a timeline, of which only the segments are known, may have left that of a backup behind where the backup begins.
    func mayBranch(_ timeline: Timeline, behind begin: WALSegmentName) -> Bool {
        guard begin.timeline < timeline, let last = newest[timeline] else { return false }
        return begin.knownNumber(size: size).map { $0 <= last } ?? false
    }

    /// The listed segments without those from `first` on that are not there.
    private static func onDisk(
        _ listed: [UInt64],
        from first: UInt64,
        _ timeline: Timeline,
        _ home: ServerHome,
        _ size: WALSegmentSize
    ) throws -> [UInt64] {
        let archive = WALArchive(home)
        var directory: FilePath?
        var present: Set<UInt64> = []
        return try listed.filter { number in
            guard number >= first, let name = WALSegmentName(timeline: timeline, number: number, size: size) else {
                return true
            }
            let parent = archive.directory(of: .segment(name))
            if parent != directory {
                directory = parent
                present = Set(
                    try archive.names(in: parent).compactMap { WALSegmentName($0)?.knownNumber(size: size) }
                )
            }
            return present.contains(number)
        }
    }

    /// The numbers of complete segments in the queues.
    private static func waiting(
        _ home: ServerHome,
        _ timeline: Timeline,
        _ size: WALSegmentSize
    ) throws -> [UInt64] {
        let archive = WALArchive(home)
        return try [home.incomingWALsDirectory, home.streamingWALsDirectory].flatMap { directory in
            try archive.names(in: directory).compactMap { text in
                guard let name = WALSegmentName(text), name.timeline == timeline else { return nil }
                return name.knownNumber(size: size)
            }
        }
    }
}

extension WALSegmentName {
    /// The number of the segment; `nil` when segments of that size have no such name.
    fileprivate func knownNumber(size: WALSegmentSize) -> UInt64? {
        segment <= size.highestSegment ? number(size: size) : nil
    }
}
