import Archive
import Catalog
import Settings
import SystemPackage
import WAL

/// The newest timeline of the archive that a recovery to the latest one does not come to.
///
/// PostgreSQL asks for one history file after the other, and takes the last one before the first that is missing. Nothing else tells
/// it of what is behind.
struct OverlookedTimeline {
    /// The timeline that has WAL.
    let timeline: Timeline
    /// The timeline that recovery takes instead.
    let taken: Timeline
    /// Whether its own history file is there, so that it can be asked for by number.
    let isKnown: Bool

    /// Looks behind `taken` for WAL from the segment `endNumber` on, where the backup ends; `nil` when there is none.
    ///
    /// A timeline with a history counts only if it can be followed; of one without, nobody knows.
    init?(
        behind taken: Timeline,
        in inventory: WALInventory,
        from endNumber: UInt64,
        canFollow: (Timeline) -> Bool
    ) {
        let candidates = Set(inventory.segments.keys).union(inventory.partials.keys).filter { $0 > taken }
        let found = candidates.sorted().last { timeline in
            guard inventory.histories[timeline] == nil else { return canFollow(timeline) }
            let partial = inventory.partials[timeline]?.keys.max()
            return [inventory.segments(of: timeline).last, partial].contains { $0.map { $0 >= endNumber } ?? false }
        }
        guard let found else { return nil }
        timeline = found
        self.taken = taken
        isKnown = inventory.histories[found] != nil
    }

    /// What the user should know, and what can be done.
    func finding(_ home: ServerHome) -> PlanFinding {
        let missing = isKnown ? Timeline(rawValue: taken.rawValue + 1) : timeline
        return PlanFinding(
            "timeline",
            .note,
            "recovery will end on timeline \(taken), although there is WAL of timeline \(timeline): "
                + "the history file \(missing.historyName) is not in the archive",
            hint: isKnown
                ? "Timeline \(timeline) can be followed with '--target-tli \(timeline)'."
                : Self.remedy(timeline, home)
        )
    }

    /// How a history file comes into the archive again.
    static func remedy(_ timeline: Timeline, _ home: ServerHome) -> String {
        let copy = "Copy \(timeline.historyName) from pg_wal of a server that is or was on timeline \(timeline) into"
        return home.settings.isPassive
            ? "\(copy) '\(home.walsDirectory)', and run 'barman rebuild-xlogdb \(home.name)' before you restore again."
            : "\(copy) '\(home.handInDirectory)', and restore again."
    }
}
