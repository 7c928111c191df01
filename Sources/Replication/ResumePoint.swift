public import WAL

/// Where a stream of WAL goes on, as the files that are there already tell.
public struct ResumePoint: Sendable, Equatable {
    /// The timeline to ask for.
    public let timeline: Timeline
    /// The first byte of a segment.
    public let position: LSN

    /// Makes a point at the first byte of the segment that holds `position`.
    public init(timeline: Timeline, containing position: LSN, size: WALSegmentSize) {
        self.timeline = timeline
        self.position = LSN(rawValue: position.rawValue - position.rawValue % size.bytes)
    }

    /// The point after the newest of these files, `nil` when none of them is WAL: at the start of a segment that is not complete,
    /// behind one that is.
    ///
    /// The newest is the one with the highest number, then the highest timeline, as pg_receivewal chooses it, so that each can
    /// go on where the other stopped.
    public init?(after files: some Sequence<WALFileName>, size: WALSegmentSize) {
        var newest: (segment: WALSegmentName, isComplete: Bool)?
        for file in files {
            let candidate: (segment: WALSegmentName, isComplete: Bool)
            switch file {
            case .segment(let name): candidate = (name, true)
            case .partial(let name): candidate = (name, false)
            case .history, .backupLabel: continue
            }
            if let newest, Self.rank(candidate) <= Self.rank(newest) { continue }
            newest = candidate
        }
        guard let newest, newest.segment.segment <= size.highestSegment else { return nil }
        if newest.isComplete {
            guard let next = newest.segment.next(size: size) else { return nil }
            self.init(timeline: next.timeline, containing: next.startLSN(size: size), size: size)
        } else {
            self.init(
                timeline: newest.segment.timeline,
                containing: newest.segment.startLSN(size: size),
                size: size
            )
        }
    }

    private static func rank(_ file: (segment: WALSegmentName, isComplete: Bool)) -> (UInt64, UInt32, Int) {
        let name = file.segment
        return (UInt64(name.log) << 32 | UInt64(name.segment), name.timeline.rawValue, file.isComplete ? 1 : 0)
    }

    /// The same point on the timeline of a server that has left ours before it: the first byte of the segment with the branch.
    ///
    /// `nil` when there is nothing to correct: the server's history leads through our point.
    public func corrected(by history: TimelineHistory, of server: Timeline, size: WALSegmentSize) -> ResumePoint? {
        guard let index = history.entries.firstIndex(where: { $0.parent == timeline }) else { return nil }
        let entry = history.entries[index]
        guard entry.switchpoint < position else { return nil }
        let following = history.entries.dropFirst(index + 1).first?.parent ?? server
        return ResumePoint(timeline: following, containing: entry.switchpoint, size: size)
    }
}
