public import Failure
public import WAL

/// Which segments the list of archived WAL holds, as runs without a gap; a million segments are a handful of runs.
public struct ArchivedRuns: Sendable {
    /// Segments of one timeline that follow each other.
    public struct Run: Sendable, Equatable {
        /// The first segment.
        public let first: WALSegmentName
        /// The last segment.
        public let last: WALSegmentName
        /// When the last segment was last modified, in seconds since the epoch.
        public let lastTime: Double
    }

    private struct OpenRun {
        var first: UInt64
        var last: UInt64
        var lastTime: DecimalTime
    }

    private let size: WALSegmentSize
    private var runs: [Timeline: [OpenRun]] = [:]

    /// Reads the list once; names of other files and foreign names are passed over.
    public init(_ database: XlogDatabase, size: WALSegmentSize) throws(Failure) {
        self.size = size
        var runs: [Timeline: [OpenRun]] = [:]
        let perLog = UInt64(size.highestSegment) + 1
        do {
            try database.forEachLine { line in
                guard let name = WALSegmentName(line.name) else { return true }
                let number = UInt64(name.log) * perLog + UInt64(name.segment)
                ArchivedRuns.add(number, line.pendingTime, to: &runs[name.timeline, default: []])
                return true
            }
        } catch {
            throw XlogDatabase.failure(error)
        }
        self.runs = runs.mapValues(ArchivedRuns.merged)
    }

    /// The run that holds a segment; nil when it is not archived.
    public func run(holding name: WALSegmentName) -> Run? {
        let perLog = UInt64(size.highestSegment) + 1
        let number = UInt64(name.log) * perLog + UInt64(name.segment)
        guard let run = runs[name.timeline]?.first(where: { $0.first <= number && number <= $0.last }) else {
            return nil
        }
        return Run(
            first: segment(run.first, name.timeline),
            last: segment(run.last, name.timeline),
            lastTime: run.lastTime.seconds
        )
    }

    /// Whether a later segment of the timeline is archived.
    public func hasSegments(after name: WALSegmentName) -> Bool {
        guard let last = runs[name.timeline]?.last else { return false }
        return name < segment(last.last, name.timeline)
    }

    private func segment(_ number: UInt64, _ timeline: Timeline) -> WALSegmentName {
        let perLog = UInt64(size.highestSegment) + 1
        return WALSegmentName(
            timeline: timeline,
            log: UInt32(truncatingIfNeeded: number / perLog),
            segment: UInt32(truncatingIfNeeded: number % perLog)
        )
    }

    private static func add(_ number: UInt64, _ time: DecimalTime, to runs: inout [OpenRun]) {
        if let index = runs.indices.last, runs[index].last &+ 1 == number {
            runs[index].last = number
            runs[index].lastTime = time
        } else {
            runs.append(OpenRun(first: number, last: number, lastTime: time))
        }
    }

    /// Puts runs in order and joins those that touch: the list may be in disorder, and hold a segment twice.
    private static func merged(_ runs: [OpenRun]) -> [OpenRun] {
        var merged: [OpenRun] = []
        for run in runs.sorted(by: { $0.first < $1.first }) {
            guard let index = merged.indices.last, run.first <= merged[index].last &+ 1 else {
                merged.append(run)
                continue
            }
            if run.last >= merged[index].last {
                merged[index].last = run.last
                merged[index].lastTime = run.lastTime
            }
        }
        return merged
    }
}
