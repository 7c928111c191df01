import Archive
import Catalog
import SystemPackage
import WAL

/// The WAL that a recovery reads: from the begin of the backup over its timelines to where it stops, or to where the WAL ends.
struct RecoveryPath: Sendable {
    /// Complete segments of one timeline in a row, by number.
    struct Stretch: Sendable, Equatable {
        let timeline: Timeline
        let numbers: ClosedRange<UInt64>
    }

    /// Segments that are not there although later ones are.
    struct Gap: Sendable, Equatable {
        let first: WALSegmentName
        let count: UInt64
    }

    /// The segment at the end that is still being written.
    struct Partial: Sendable, Equatable {
        let segment: WALSegmentName
        let path: FilePath
    }

    let timelines: TimelinePath
    let segmentSize: WALSegmentSize
    /// The timelines whose history is there.
    let histories: Set<Timeline>
    /// What is there, in the order of recovery.
    private(set) var stretches: [Stretch] = []
    /// What follows the last complete segment.
    private(set) var partial: Partial?
    /// What is missing first; recovery cannot go beyond.
    private(set) var gap: Gap?

    /// Follows the timelines from the segment `begin` on; with a `limit` not beyond the segment with that number.
    init(
        from begin: WALSegmentName,
        along timelines: TimelinePath,
        limit: UInt64? = nil,
        in inventory: WALInventory,
        segmentSize: WALSegmentSize
    ) {
        self.timelines = timelines
        self.segmentSize = segmentSize
        histories = Set(inventory.histories.keys)
        var number = begin.number(size: segmentSize)
        for (index, leg) in timelines.legs.enumerated() {
            let rest = timelines.legs[(index + 1)...]
            guard follow(leg, from: &number, limit: limit, then: rest, in: inventory) else { return }
            guard let end = leg.end, case let first = end.segmentNumber(size: segmentSize),
                limit.map({ first <= $0 }) ?? true
            else { return }
            number = first
        }
    }

    /// Takes the segments of one leg; returns whether the next one is to be followed.
    private mutating func follow(
        _ leg: TimelinePath.Leg,
        from number: inout UInt64,
        limit: UInt64?,
        then rest: ArraySlice<TimelinePath.Leg>,
        in inventory: WALInventory
    ) -> Bool {
        let runs = inventory.segments(of: leg.timeline)
        let lastOfLeg = leg.end.map { LSN(rawValue: max($0.rawValue, 1) - 1).segmentNumber(size: segmentSize) }
        let upper = min(lastOfLeg ?? .max, limit ?? .max)
        while number <= upper {
            if let end = runs.end(ofRunWith: number) {
                let last = min(end, upper)
                stretches.append(Stretch(timeline: leg.timeline, numbers: number...last))
                guard last < .max else { return false }
                number = last + 1
                continue
            }
            if isShared(number, leg, rest, in: inventory) { return true }
            let listed = inventory.listedLast[leg.timeline].flatMap { $0 >= number ? min($0, upper) : nil }
            let later = runs.first(atOrAfter: number).flatMap { $0 <= upper ? $0 : nil } ?? listed.map { $0 &+ 1 }
            let branch = rest.contains { inventory.segments(of: $0.timeline).last.map { $0 >= number } ?? false }
            if let later {
                setGap(leg.timeline, number, until: later)
            } else if branch, lastOfLeg.map({ limit ?? .max >= $0 }) ?? false {
                setGap(leg.timeline, number, until: upper + (upper < .max ? 1 : 0))
            } else if let path = inventory.partials[leg.timeline]?[number],
                let segment = WALSegmentName(timeline: leg.timeline, number: number, size: segmentSize)
            {
                partial = Partial(segment: segment, path: path)
            }
            return false
        }
        return true
    }

    /// Whether a later timeline that begins in this segment has it: the file of the new timeline begins with what the old one wrote.
    private func isShared(
        _ number: UInt64,
        _ leg: TimelinePath.Leg,
        _ rest: ArraySlice<TimelinePath.Leg>,
        in inventory: WALInventory
    ) -> Bool {
        var start = leg.end
        for next in rest {
            guard let begin = start, begin.segmentNumber(size: segmentSize) == number else { return false }
            if inventory.segments(of: next.timeline).contains(number)
                || inventory.partials[next.timeline]?[number] != nil
            {
                return true
            }
            start = next.end
        }
        return false
    }

    private mutating func setGap(_ timeline: Timeline, _ number: UInt64, until later: UInt64) {
        guard let first = WALSegmentName(timeline: timeline, number: number, size: segmentSize) else { return }
        gap = Gap(first: first, count: later - number)
    }

    // MARK: Questions

    /// Where the complete segments end; `nil` when there is none.
    var end: LSN? {
        stretches.last.map { LSN(ofSegment: $0.numbers.upperBound &+ 1, size: segmentSize) }
    }

    /// The last complete segment.
    var last: WALSegmentName? {
        stretches.last.flatMap { name(of: $0.timeline, $0.numbers.upperBound) }
    }

    /// How many complete segments there are.
    var segmentCount: UInt64 { stretches.reduce(0) { $0 + UInt64($1.numbers.count) } }

    /// Whether the way goes as far as the segment with this number, be it the unfinished one.
    func reaches(_ number: UInt64) -> Bool {
        if let last = stretches.last, last.numbers.upperBound >= number { return true }
        return partial.map { $0.segment.number(size: segmentSize) >= number } ?? false
    }

    /// Whether all that a backup needs to become consistent is there, whatever its record says by now.
    func holdsWAL(of info: BackupInfo) -> Bool {
        info.endSegment.map { reaches($0.number(size: segmentSize)) } ?? false
    }

    /// Whether a complete segment is on the way.
    func contains(_ segment: WALSegmentName) -> Bool {
        let number = segment.number(size: segmentSize)
        return stretches.contains { $0.timeline == segment.timeline && $0.numbers.contains(number) }
    }

    /// Every complete segment, in the order of recovery.
    var segments: some Sequence<WALSegmentName> {
        stretches.lazy.flatMap { stretch in
            stretch.numbers.lazy.compactMap { number in name(of: stretch.timeline, number) }
        }
    }

    func name(of timeline: Timeline, _ number: UInt64) -> WALSegmentName? {
        WALSegmentName(timeline: timeline, number: number, size: segmentSize)
    }

    /// What is missing, in words.
    var gapText: String? {
        guard let gap else { return nil }
        guard gap.count > 1,
            let last = name(of: gap.first.timeline, gap.first.number(size: segmentSize) + gap.count - 1)
        else { return "WAL file \(gap.first) is missing" }
        return "\(gap.count) WAL files are missing, from \(gap.first) to \(last)"
    }
}
