public import Failure
public import Files
public import Notation
public import Settings

/// Where a backup stands with the retention policy; the raw values are those of reports.
public enum RetentionState: String, Sendable, CaseIterable {
    /// Needed.
    case valid = "VALID"
    /// No longer needed; `cron` deletes it.
    case obsolete = "OBSOLETE"
    /// Needed only so that enough backups remain; never deleted.
    case potentiallyObsolete = "OBSOLETE*"
    /// Protected, with all WAL from it on.
    case keepFull = "KEEP:FULL"
    /// Protected, with the WAL that makes it consistent.
    case keepStandalone = "KEEP:STANDALONE"
    /// Not judged.
    case none = "-"
}

/// Judges backups by a retention policy (configuration.md 13).
public struct Retention: Sendable {
    /// The policy.
    public let policy: RetentionPolicy
    /// How many backups must remain.
    public let minimumRedundancy: Int64

    /// Makes a judge.
    public init(policy: RetentionPolicy, minimumRedundancy: Int64) {
        self.policy = policy
        self.minimumRedundancy = minimumRedundancy
    }

    /// The judge of a server; nil when no policy is enforced there.
    public init?(_ home: ServerHome) {
        guard let policy = home.settings.retentionPolicy else { return nil }
        self.init(policy: policy, minimumRedundancy: home.settings.minimumRedundancy)
    }

    /// The state of every backup but empty ones, by id; decisions go to the log.
    public func states(
        of catalog: BackupCatalog,
        now: Timestamp,
        reporter: any Reporter
    ) throws(FileError) -> [String: RetentionState] {
        let annotations = Annotations(catalog.home)
        return try states(of: catalog, now: now, reporter: reporter) { id throws(FileError) in
            try annotations.keepTarget(of: id)
        }
    }

    /// The state of every backup but empty ones, by id; `keep` tells what a backup is kept for.
    public func states(
        of catalog: BackupCatalog,
        now: Timestamp,
        reporter: any Reporter,
        keep: (String) throws(FileError) -> KeepTarget?
    ) throws(FileError) -> [String: RetentionState] {
        var judgement = Judgement(catalog: catalog, retention: self, now: now, reporter: reporter)
        for id in catalog.ids.reversed() {
            guard let info = catalog[id], info.status != .empty, !info.isIncremental else { continue }
            judgement.judge(info, keep: info.status == .done ? try keep(id) : nil)
        }
        return judgement.states
    }
}

/// Goes from the newest backup to the oldest and remembers what it needs of those it has seen.
private struct Judgement {
    let catalog: BackupCatalog
    let retention: Retention
    let reporter: any Reporter
    /// The start of the recovery window, when there is one.
    let windowStart: Timestamp?
    /// How many backups a redundancy policy keeps.
    let redundancy: Int64
    var states: [String: RetentionState] = [:]
    /// How many complete backups have been judged, or, with a window, how many of them were found needed.
    private var count: Int64 = 0
    /// Whether a backup older than the window has been seen: it protects the window's start.
    private var reachedWindowStart = false
    /// Whether one had been seen before the backup at hand.
    private var isBeyondWindow = false

    init(catalog: BackupCatalog, retention: Retention, now: Timestamp, reporter: any Reporter) {
        self.catalog = catalog
        self.retention = retention
        self.reporter = reporter
        windowStart = retention.policy.windowSeconds.map { now.adding(seconds: -$0) }
        guard case .redundancy(let wanted) = retention.policy else {
            redundancy = 0
            return
        }
        redundancy = max(wanted, retention.minimumRedundancy)
        if redundancy > wanted {
            reporter.log(
                .warning,
                "barman.retention_policies",
                "Retention policy redundancy (\(wanted)) is lower than the required minimum redundancy "
                    + "(\(redundancy)). Enforce \(redundancy)."
            )
        }
    }

    mutating func judge(_ info: BackupInfo, keep: KeepTarget?) {
        let state: RetentionState
        if info.status != .done {
            state = .none
        } else if let windowStart {
            state = judgeByWindow(info, keep, windowStart)
        } else {
            state = keepState(keep) ?? (count < redundancy ? .valid : .obsolete)
            count += 1
        }
        states[info.id] = state
        if !info.children.isEmpty {
            let inherited = inheritedState(state)
            for descendant in catalog.descendants(of: info) { states[descendant.id] = inherited }
        }
    }

    private mutating func judgeByWindow(
        _ info: BackupInfo,
        _ keep: KeepTarget?,
        _ windowStart: Timestamp
    ) -> RetentionState {
        // The reference takes the backup that protects the window's start for one beyond it when it judges its incremental backups, and
        // so deletes what is still needed.
        isBeyondWindow = reachedWindowStart
        if !reachedWindowStart {
            count += 1
            if let end = info.endTime, end < windowStart { reachedWindowStart = true }
            return keepState(keep) ?? .valid
        }
        let isSpared = count < retention.minimumRedundancy
        if isSpared { count += 1 }
        let text = "backup \(info.id) for server \(catalog.home.name)"
        if let kept = keepState(keep) {
            log(.info, "Keeping obsolete \(text) (older than \(windowStart)) due to keep status: \(kept.rawValue)")
            return kept
        }
        if isSpared {
            let reason = "due to minimum redundancy requirements (\(retention.minimumRedundancy))"
            log(.warning, "Keeping obsolete \(text) (older than \(windowStart)) \(reason)")
            return .potentiallyObsolete
        }
        log(.info, "Reporting \(text) as OBSOLETE (older than \(windowStart))")
        return .obsolete
    }

    private func inheritedState(_ state: RetentionState) -> RetentionState {
        switch state {
        case .keepFull: .valid
        case .keepStandalone where windowStart != nil: isBeyondWindow ? .obsolete : .valid
        case .keepStandalone: count > redundancy ? .obsolete : .valid
        default: state
        }
    }

    private func keepState(_ keep: KeepTarget?) -> RetentionState? {
        switch keep {
        case .full: .keepFull
        case .standalone: .keepStandalone
        case nil: nil
        }
    }

    private func log(_ level: LogLevel, _ text: String) {
        reporter.log(level, "barman.retention_policies", text)
    }
}
