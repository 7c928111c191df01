/// The way that recovery takes over timelines: which one is followed up to where (PostgreSQL manual, "Timelines").
public struct TimelinePath: Sendable, Equatable {
    /// One timeline of the way.
    public struct Leg: Sendable, Equatable {
        /// The timeline.
        public let timeline: Timeline
        /// Where the next one branches off; `nil` for the last one.
        public let end: LSN?
    }

    /// The timelines in the order of recovery; there is at least one.
    public let legs: [Leg]

    /// The way that never leaves a timeline.
    public init(along timeline: Timeline) {
        legs = [Leg(timeline: timeline, end: nil)]
    }

    /// The way from `start` to `target`, whose history is given; `nil` when the target does not descend from the start.
    public init?(from start: Timeline, to target: Timeline, history: TimelineHistory) {
        guard start != target else {
            legs = [Leg(timeline: target, end: nil)]
            return
        }
        guard let first = history.entries.firstIndex(where: { $0.parent == start }) else { return nil }
        let ancestors = history.entries[first...].map { Leg(timeline: $0.parent, end: $0.switchpoint) }
        // The file is written by PostgreSQL in this order; another one leads nowhere.
        for (leg, next) in zip(ancestors, ancestors.dropFirst()) {
            guard leg.timeline < next.timeline, let end = leg.end, let nextEnd = next.end, end <= nextEnd else {
                return nil
            }
        }
        guard let last = ancestors.last, last.timeline < target else { return nil }
        legs = ancestors + [Leg(timeline: target, end: nil)]
    }

    /// The whole way to a timeline, from the first one that its history names.
    ///
    /// Who recovers to a position before the end of an ancestor has lines that go back: the later one counts.
    public init(to target: Timeline, history: TimelineHistory) {
        var legs = [Leg(timeline: target, end: nil)]
        for entry in history.entries.reversed() {
            let end = min(entry.switchpoint, legs.last?.end ?? entry.switchpoint)
            legs.append(Leg(timeline: entry.parent, end: end))
        }
        self.legs = legs.reversed()
    }

    /// Where recovery ends.
    public var target: Timeline { legs[legs.count - 1].timeline }

    /// The timeline to which a position belongs.
    public func timeline(at position: LSN) -> Timeline {
        legs.first { leg in leg.end.map { position < $0 } ?? true }?.timeline ?? target
    }

    /// The last timeline that begins before a position.
    public func newestTimeline(before position: LSN) -> Timeline {
        legs.indices.last { begin(ofLeg: $0) < position }.map { legs[$0].timeline } ?? legs[0].timeline
    }

    /// Where the way comes to a timeline; `nil` when it does not.
    public func begin(of timeline: Timeline) -> LSN? {
        legs.firstIndex { $0.timeline == timeline }.map(begin(ofLeg:))
    }

    private func begin(ofLeg index: Int) -> LSN {
        index > 0 ? legs[index - 1].end ?? LSN(rawValue: 0) : LSN(rawValue: 0)
    }

    /// The way as far as a timeline, which does not end then; `nil` when it does not come there.
    public func prefix(to timeline: Timeline) -> TimelinePath? {
        guard let index = legs.firstIndex(where: { $0.timeline == timeline }) else { return nil }
        return TimelinePath(legs: legs[..<index] + [Leg(timeline: timeline, end: nil)])
    }

    private init(legs: ArraySlice<Leg>) {
        self.legs = Array(legs)
    }

    /// Up to where this way and another one are the same; `nil` when they begin differently, or are the same to the end.
    public func branch(from other: TimelinePath) -> LSN? {
        var shared: LSN?
        for (leg, their) in zip(legs, other.legs) {
            guard leg.timeline == their.timeline else { break }
            guard leg.end != their.end else {
                shared = leg.end
                continue
            }
            return [leg.end, their.end].compactMap { $0 }.min()
        }
        return shared
    }

    /// Where the way leaves a timeline; `nil` for the last one and for those that are not on the way.
    public func end(of timeline: Timeline) -> LSN? {
        legs.first { $0.timeline == timeline }?.end
    }
}
