public import WAL

/// Where a stream of WAL goes on, as a file that is there already tells.
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

    /// The point on the way that a server has gone, on the newest timeline of the segment that holds `position`.
    public init(on path: TimelinePath, containing position: LSN, size: WALSegmentSize) {
        let start = position.rawValue - position.rawValue % size.bytes
        let timeline = path.newestTimeline(before: LSN(rawValue: start &+ size.bytes))
        self.init(timeline: timeline, containing: position, size: size)
    }

    /// The point after a file: at the start of a segment that is not complete, behind one that is; `nil` for what is no WAL.
    public init?(after file: WALFileName, size: WALSegmentSize) {
        switch file {
        case .partial(let name) where name.segment <= size.highestSegment:
            self.init(timeline: name.timeline, containing: name.startLSN(size: size), size: size)
        case .segment(let name) where name.segment <= size.highestSegment:
            guard let next = name.next(size: size) else { return nil }
            self.init(timeline: next.timeline, containing: next.startLSN(size: size), size: size)
        default:
            return nil
        }
    }

    /// The last point of each timeline, those with the highest position first, and of one position that of the highest timeline:
    /// nearly the order of pg_receivewal, so that each can go on where the other stopped.
    public static func newest(after files: some Sequence<WALFileName>, size: WALSegmentSize) -> [ResumePoint] {
        var points: [Timeline: ResumePoint] = [:]
        for point in files.lazy.compactMap({ ResumePoint(after: $0, size: size) }) {
            if let other = points[point.timeline], other.position >= point.position { continue }
            points[point.timeline] = point
        }
        return points.values.sorted { ($0.position, $0.timeline) > ($1.position, $1.timeline) }
    }

    /// Whether the way that a server has gone leads here.
    public func isOn(_ path: TimelinePath, size: WALSegmentSize) -> Bool {
        path.prefix(to: timeline).map { moved(to: path, from: $0, size: size) == self } ?? false
    }

    /// The same point on the way that a server has gone: itself when that leads there, otherwise the segment where the server left the way
    /// to our timeline, which is `ours`; `nil` when the two have nothing in common.
    public func moved(to path: TimelinePath, from ours: TimelinePath, size: WALSegmentSize) -> ResumePoint? {
        let branch = path.branch(from: ours)
        guard branch != nil || path == ours else { return nil }
        let place = min(position, branch ?? position)
        if place == position, let begin = path.begin(of: timeline), begin.rawValue < position.rawValue &+ size.bytes {
            return self
        }
        return ResumePoint(on: path, containing: place, size: size)
    }
}
