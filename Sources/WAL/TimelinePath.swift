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

    /// Where recovery ends.
    public var target: Timeline { legs[legs.count - 1].timeline }

    /// The timeline to which a position belongs.
    public func timeline(at position: LSN) -> Timeline {
        legs.first { leg in leg.end.map { position < $0 } ?? true }?.timeline ?? target
    }

    /// Where the way leaves a timeline; `nil` for the last one and for those that are not on the way.
    public func end(of timeline: Timeline) -> LSN? {
        legs.first { $0.timeline == timeline }?.end
    }
}
