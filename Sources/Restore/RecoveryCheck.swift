import Archive
import Backup
import Catalog
import Failure
import Files
import Notation
import Settings
import SystemPackage
import WAL

/// Which WAL a recovery would read, and whether it can come to its target.
struct RecoveryCheck {
    let home: ServerHome
    let plan: RestorePlan
    let target: RecoveryTarget
    private let begin: WALSegmentName
    private let end: WALSegmentName
    private let endLSN: LSN
    private let inventory: WALInventory

    /// The way that recovery takes; `nil` when there is none.
    private(set) var path: RecoveryPath?
    private(set) var findings: [PlanFinding] = []

    /// Reads what WAL there is; asks no server.
    init(home: ServerHome, plan: RestorePlan, target: RecoveryTarget) throws {
        self.home = home
        self.plan = plan
        self.target = target
        guard let begin = plan.info.beginSegment, let end = plan.info.endSegment else {
            throw Failure("The record of backup \(plan.info.id) does not say where its WAL begins and ends")
        }
        self.begin = begin
        self.end = end
        endLSN =
            plan.info.endLSN ?? LSN(ofSegment: end.number(size: plan.info.segmentSize), size: plan.info.segmentSize)
        inventory = try WALInventory(of: home, from: begin, size: plan.info.segmentSize)
    }

    private var size: WALSegmentSize { plan.info.segmentSize }
    private var endNumber: UInt64 { end.number(size: size) }

    /// Finds the way and says what is wrong with it.
    mutating func run() throws {
        checkSyntax()
        guard let timelines = try followTimelines() else { return }
        let lsn = target.lsn.flatMap { LSN($0) }
        // PostgreSQL stops at the first record at or after a position, and that may begin in the next segment.
        let limit = target.immediate ? endNumber : lsn.map { max($0.segmentNumber(size: size), endNumber) &+ 1 }
        let path = RecoveryPath(from: begin, along: timelines, limit: limit, in: inventory, segmentSize: size)
        self.path = path
        guard checkConsistency(path) else { return }
        var check = TargetCheck(home: home, plan: plan, target: target, path: path, end: endLSN)
        try check.run()
        findings += check.findings
        var needed = path
        if let stop = check.stop {
            // No WAL behind the record at which recovery stops is needed.
            let last = LSN(rawValue: stop.end.rawValue &- 1).segmentNumber(size: size)
            let limit = max(last, endNumber)
            needed = RecoveryPath(from: begin, along: timelines, limit: limit, in: inventory, segmentSize: size)
            self.path = needed
        }
        if !findings.contains(where: { $0.verdict == .refused }) {
            findings.append(PlanFinding("WAL", .good, "complete from \(begin) to \(Self.endText(needed))"))
        }
    }

    private static func endText(_ path: RecoveryPath) -> String {
        path.partial.map { "\($0.segment).partial" } ?? path.last?.description ?? "its end"
    }

    // MARK: Words

    private mutating func refuse(_ subject: String, _ reason: String, hint: String? = nil) {
        findings.append(PlanFinding(subject, .refused, reason, hint: hint))
    }

    /// What PostgreSQL would refuse when it starts, after everything has been copied.
    private mutating func checkSyntax() {
        if let text = target.lsn, LSN(text) == nil {
            refuse("target", "'\(text)' is not a position in the WAL", hint: "A position looks like 0/3000148.")
        }
        if let text = target.xid, RecoveryTarget.transactionID(text) == nil {
            refuse("target", "'\(text)' is not a transaction ID", hint: "A transaction ID is a number, such as 1234.")
        }
        if let name = target.name, name.utf8.count > 63 {
            refuse("target", "the name of a restore point has at most 63 bytes")
        }
    }

    // MARK: Timelines

    /// The timelines from the begin of the backup to the one that PostgreSQL will follow; `nil` when there is no way.
    private mutating func followTimelines() throws -> TimelinePath? {
        let start = begin.timeline
        let wanted = try wantedTimeline(start)
        guard wanted != start else { return TimelinePath(along: start) }
        guard let file = inventory.histories[wanted] else {
            let hasWAL = inventory.segments[wanted] != nil || inventory.partials[wanted] != nil
            refuse(
                "timeline",
                "timeline \(wanted) is unknown: its history file is not in the archive",
                hint: hasWAL ? OverlookedTimeline.remedy(wanted, home) : try reachableHint(start)
            )
            return nil
        }
        guard let path = TimelinePath(from: start, to: wanted, history: try history(file)) else {
            refuse(
                "timeline",
                "timeline \(wanted) does not descend from timeline \(start), on which the backup was taken",
                hint: try otherBackupHint(reaching: wanted) ?? reachableHint(start)
            )
            return nil
        }
        if let branch = path.end(of: end.timeline), branch < endLSN {
            refuse(
                "timeline",
                "timeline \(wanted) branches off at \(branch), before the end of the backup at \(endLSN)",
                hint: try otherBackupHint(reaching: wanted) ?? reachableHint(start)
            )
            return nil
        }
        return path
    }

    /// The number behind what the user asked for, or behind PostgreSQL's default.
    private mutating func wantedTimeline(_ start: Timeline) throws -> Timeline {
        switch target.timeline {
        case "current": return plan.info.timeline ?? end.timeline
        case "latest": return newestTimeline(start)
        case .some(let text):
            guard let number = UInt32(text) else { throw Failure("Invalid target timeline '\(text)'") }
            return Timeline(rawValue: number)
        case nil:
            // The default is 'latest' since 12; without recovery settings the timeline is never left.
            let isRecovery = target.isPointInTime || plan.usesGetWAL || plan.request.standbyMode
            return isRecovery && plan.version >= 12_00_00 ? newestTimeline(start) : max(start, end.timeline)
        }
    }

    /// The newest timeline as PostgreSQL finds it: one history file after the other, until one is missing.
    ///
    /// What is overlooked so is told.
    private mutating func newestTimeline(_ start: Timeline) -> Timeline {
        var newest = start
        while newest.rawValue < .max, case let next = Timeline(rawValue: newest.rawValue + 1),
            inventory.histories[next] != nil
        {
            newest = next
        }
        let overlooked = OverlookedTimeline(behind: newest, in: inventory, from: endNumber) { timeline in
            // A history that cannot be read leads nowhere, and is not on the way that is taken.
            (try? canFollow(timeline, from: start)) ?? false
        }
        if let overlooked { findings.append(overlooked.finding(home)) }
        return newest
    }

    private func history(_ file: FilePath) throws -> TimelineHistory {
        do {
            let bytes = try WALReader(home: home).contents(of: file)
            return try TimelineHistory(parsing: String(decoding: bytes, as: UTF8.self))
        } catch let error as TimelineHistory.ParseError {
            let place = error.line > 0 ? "line \(error.line) of " : ""
            throw Failure("invalid timeline history: \(place)\(file)", cause: error)
        }
    }

    /// Whether a timeline with a history leaves that of the backup behind the backup's end.
    private func canFollow(_ timeline: Timeline, from start: Timeline) throws -> Bool {
        guard let file = inventory.histories[timeline],
            let path = TimelinePath(from: start, to: timeline, history: try history(file))
        else { return false }
        return path.end(of: end.timeline).map { $0 >= endLSN } ?? true
    }

    private func reachableHint(_ start: Timeline) throws -> String {
        let others = try inventory.histories.keys.filter { try $0 != start && canFollow($0, from: start) }
        let reachable = [start] + others
        let list = reachable.sorted().map(\.description).joined(separator: ", ")
        return reachable.count == 1
            ? "From this backup only timeline \(list) can be followed: use '--target-tli \(list)'."
            : "From this backup these timelines can be followed with '--target-tli': \(list)."
    }

    /// The newest other backup from which a timeline can be followed.
    private func otherBackupHint(reaching timeline: Timeline) throws -> String? {
        let history = try inventory.histories[timeline].map { try self.history($0) }
        for info in plan.catalog.backups(.completed).reversed() where info.id != plan.info.id {
            guard let start = info.timeline, let infoEnd = info.endLSN else { continue }
            let path =
                start == timeline
                ? TimelinePath(along: start) : history.flatMap { TimelinePath(from: start, to: timeline, history: $0) }
            if let path, path.end(of: start).map({ $0 >= infoEnd }) ?? true {
                return "Timeline \(timeline) can be followed from backup \(info.id)."
            }
        }
        return nil
    }

    // MARK: Consistency

    /// Whether the WAL of the backup itself is there; without it the restored server never becomes consistent.
    private mutating func checkConsistency(_ path: RecoveryPath) -> Bool {
        if path.reaches(endNumber) { return true }
        let reason = path.gapText ?? "WAL file \(firstMissing(path)) is missing"
        let isArriving = path.gap == nil && plan.info.status == .waitingForWALs
        if isArriving {
            findings.append(PlanFinding("WAL", .note, "\(reason): the backup still waits for it"))
        } else {
            refuse(
                "WAL",
                "\(reason); without it the backup cannot become consistent",
                hint: completeBackup().map { "Backup \($0) has all of its WAL." }
            )
        }
        return false
    }

    private func firstMissing(_ path: RecoveryPath) -> String {
        guard let last = path.last else { return begin.description }
        return last.next(size: size)?.description ?? ""
    }

    private func completeBackup() -> String? {
        let others = plan.catalog.backups(.completed).reversed().filter { $0.id != plan.info.id }
        // That another record cannot be judged makes it no advice.
        return others.first { (try? WALCompleteness(of: $0, in: home)) == .complete }?.id
    }
}
