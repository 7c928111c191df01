public import Failure
import WAL

extension XlogDatabase {
    /// The WAL statistics of these backups, by id, in one pass over the list, whatever their number.
    ///
    /// Backups that are not complete are passed over; `catalog` tells which backup follows each.
    public func statistics(
        of backups: [BackupInfo],
        in catalog: BackupCatalog
    ) throws(Failure) -> [String: Result<WALStatistics, InvalidWALName>] {
        let windows = backups.compactMap { info -> WALWindow? in
            guard info.status.isCompleted else { return nil }
            return WALWindow(info, next: catalog.next(of: info.id))
        }
        guard !windows.isEmpty else { return [:] }
        var scan = WALStatisticsScan(windows: windows, server: home.name)
        do {
            try forEachLine { line in scan.take(line) }
        } catch {
            throw XlogDatabase.failure(error)
        }
        return scan.results()
    }

    /// The WAL statistics of one complete backup.
    public func statistics(
        of info: BackupInfo,
        in catalog: BackupCatalog
    ) throws(Failure) -> Result<WALStatistics, InvalidWALName> {
        try statistics(of: [info], in: catalog)[info.id]
            ?? .success(WALStatistics(segmentSizeBytes: info.xlogSegmentSizeBytes ?? 16_777_216))
    }
}

/// Which names count for one backup: all from its first segment on, on its timelines, up to the end of the next backup.
struct WALWindow {
    let id: String
    let segmentSizeBytes: Int64
    /// The backup's first segment.
    let begin: XlogName
    /// The backup's last segment.
    let end: XlogName
    /// The last segment of the next backup; nil when there is none.
    let limit: XlogName?
    /// What comes after all names of the backup's timelines.
    let afterTimelines: XlogName

    init?(_ info: BackupInfo, next: BackupInfo?) {
        guard let beginWAL = info.beginWAL else { return nil }
        id = info.id
        segmentSizeBytes = info.xlogSegmentSizeBytes ?? 16_777_216
        begin = XlogName(beginWAL)
        end = XlogName(info.endWAL ?? beginWAL)
        limit = next?.endWAL.map { XlogName($0) }
        let timeline = info.beginSegment?.timeline ?? info.timeline
        afterTimelines = XlogName(after: timeline?.rawValue ?? .max)
    }
}

/// Counts WAL for many backups at once.
///
/// All names at which some backup's counting begins or ends cut the names into ranges within which nothing changes for any backup. Each
/// line is added to its range, which mostly is that of the line before. A backup's sums are those of the ranges in its window.
///
/// The reference stops counting for a backup at the first name beyond its window, which matters when the file is not in order: names that
/// come later do not count. So when a range is met for the first time, each backup that ends before that range takes its sums there and
/// then.
struct WALStatisticsScan {
    /// Sums over the lines of one range.
    private struct Range {
        var count: Int64 = 0
        var sizeBytes: Int64 = 0
        /// The number of the last line, from 1; 0 when there was none.
        var lastLine: Int64 = 0
        var lastName = XlogName(after: 0)
        var lastTime = DecimalTime.zero
    }

    /// The ranges of one backup, as indices.
    private struct Span {
        /// Holds the backup's first segment and nothing else.
        let begin: Int
        /// The first range after the backup's end.
        let afterEnd: Int
        /// The first range after the window.
        let afterLimit: Int
        /// The first range of later timelines.
        let afterTimelines: Int
    }

    private let windows: [WALWindow]
    private let server: String
    /// The first name of each range but the first.
    private let boundaries: [XlogName]
    private let spans: [Span]
    private var ranges: [Range]
    private var isMet: [Bool]
    /// Backups that still count, grouped by timeline, the one that stops first at the end.
    private var pending: [[Int]]
    private var activeCount: Int
    private var outcomes: [Result<WALStatistics, InvalidWALName>?]
    private var lineNumber: Int64 = 0

    // The range of the line before.
    private var current = 0
    private var currentStart = XlogName.lowest
    private var currentEnd: XlogName?

    init(windows: [WALWindow], server: String) {
        self.windows = windows
        self.server = server
        var names: Set<XlogName> = []
        for window in windows {
            names.insert(window.begin)
            names.insert(window.begin.successor)
            names.insert(window.end.successor)
            if let limit = window.limit { names.insert(limit.successor) }
            names.insert(window.afterTimelines)
        }
        let boundaries = names.sorted()
        self.boundaries = boundaries
        currentEnd = boundaries.first
        spans = windows.map { window in
            let begin = WALStatisticsScan.range(of: window.begin, in: boundaries)
            let afterTimelines = max(begin, WALStatisticsScan.range(of: window.afterTimelines, in: boundaries))
            let limit = window.limit.map { WALStatisticsScan.range(of: $0.successor, in: boundaries) }
            let afterLimit = max(begin, min(limit ?? afterTimelines, afterTimelines))
            let afterEnd = WALStatisticsScan.range(of: window.end.successor, in: boundaries)
            return Span(
                begin: begin,
                afterEnd: min(max(begin, afterEnd), afterLimit),
                afterLimit: afterLimit,
                afterTimelines: afterTimelines
            )
        }
        ranges = Array(repeating: Range(), count: boundaries.count + 1)
        isMet = Array(repeating: false, count: boundaries.count + 1)
        outcomes = Array(repeating: nil, count: windows.count)
        activeCount = windows.count
        let spans = self.spans
        pending = Dictionary(grouping: windows.indices) { windows[$0].afterTimelines }.values
            .map { group in group.sorted { spans[$0].afterLimit > spans[$1].afterLimit } }
    }

    /// Counts one line; returns false when no backup counts any more.
    mutating func take(_ line: XlogLine) -> Bool {
        lineNumber += 1
        let bytes = line.nameBytes
        switch XlogName.kind(bytes) {
        case .segment: break
        case .other: return true
        case .invalid: return fail(line)
        }
        let name = XlogName(unchecked: bytes)
        if name < currentStart || currentEnd.map({ name >= $0 }) ?? false { move(to: name) }
        if !isMet[current] {
            isMet[current] = true
            stopBackups(before: current)
        }
        ranges[current].count += 1
        ranges[current].sizeBytes &+= line.sizeBytes
        ranges[current].lastLine = lineNumber
        ranges[current].lastName = name
        ranges[current].lastTime = line.pendingTime
        return activeCount > 0
    }

    /// The outcome for each backup, by id.
    mutating func results() -> [String: Result<WALStatistics, InvalidWALName>] {
        for index in windows.indices where outcomes[index] == nil { outcomes[index] = .success(sums(index)) }
        return Dictionary(
            zip(windows.map(\.id), outcomes.compactMap { $0 }),
            uniquingKeysWith: { first, _ in first }
        )
    }

    private mutating func move(to name: XlogName) {
        let next = current + 1
        if let currentEnd, name >= currentEnd, next >= boundaries.count || name < boundaries[next] {
            current = next
        } else {
            current = WALStatisticsScan.range(of: name, in: boundaries)
        }
        currentStart = current > 0 ? boundaries[current - 1] : XlogName.lowest
        currentEnd = current < boundaries.count ? boundaries[current] : nil
    }

    /// Ends the counting of the backups whose window ends before a range on one of their timelines.
    private mutating func stopBackups(before range: Int) {
        for group in pending.indices {
            guard let first = pending[group].first, range < spans[first].afterTimelines else { continue }
            while let index = pending[group].last, spans[index].afterLimit <= range {
                pending[group].removeLast()
                finish(index, .success(sums(index)))
            }
        }
    }

    /// A name that is none is an error for each backup that would have compared it.
    private mutating func fail(_ line: XlogLine) -> Bool {
        let name = line.name
        let outcome = Result<WALStatistics, InvalidWALName>.failure(InvalidWALName(name: name, server: server))
        // Only the first 24 characters can differ: that is how long a backup's first segment is.
        let key = XlogName(name)
        for index in windows.indices where outcomes[index] == nil && windows[index].begin <= key {
            finish(index, outcome)
        }
        return activeCount > 0
    }

    private mutating func finish(_ index: Int, _ outcome: Result<WALStatistics, InvalidWALName>) {
        guard outcomes[index] == nil else { return }
        outcomes[index] = outcome
        activeCount -= 1
    }

    private func sums(_ index: Int) -> WALStatistics {
        let span = spans[index]
        var statistics = WALStatistics(segmentSizeBytes: windows[index].segmentSizeBytes)
        var last: Range?
        for position in span.begin..<span.afterLimit {
            let range = ranges[position]
            guard range.count > 0 else { continue }
            if position < span.afterEnd {
                statistics.segmentCount += range.count
                statistics.sizeBytes &+= range.sizeBytes
            } else {
                statistics.untilNextCount += range.count
                statistics.untilNextSizeBytes &+= range.sizeBytes
            }
            if range.lastLine > last?.lastLine ?? 0 { last = range }
        }
        if let last {
            statistics.lastName = last.lastName.text
            statistics.lastTime = last.lastTime.seconds
        }
        if span.begin < span.afterLimit, ranges[span.begin].count > 0 {
            statistics.firstName = ranges[span.begin].lastName.text
            statistics.firstTime = ranges[span.begin].lastTime.seconds
        }
        return statistics
    }

    /// Which range a name lies in: the number of boundaries that are not greater.
    private static func range(of name: XlogName, in boundaries: [XlogName]) -> Int {
        var low = 0
        var high = boundaries.count
        while low < high {
            let middle = (low + high) / 2
            if boundaries[middle] <= name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
