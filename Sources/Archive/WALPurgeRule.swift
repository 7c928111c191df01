public import Catalog
import Failure
public import Files
import Settings
public import WAL

/// Which WAL stays when a backup goes (wal-archiving.md 13.1).
public struct WALPurgeRule: Sendable, Equatable {
    /// Everything whose name is not less than this stays; `nil` when nothing stays for that reason.
    public let firstNeeded: String?
    /// Timelines of which everything stays.
    public let protectedTimelines: Set<Timeline>
    /// Segments that stay, from and to.
    public let protectedRanges: [ClosedRange<String>]

    /// Makes a rule.
    public init(
        firstNeeded: String?,
        protectedTimelines: Set<Timeline> = [],
        protectedRanges: [ClosedRange<String>] = []
    ) {
        self.firstNeeded = firstNeeded
        self.protectedTimelines = protectedTimelines
        self.protectedRanges = protectedRanges
    }

    /// The rule for the deletion of a backup; `nil` when an older backup needs the WAL, or what the next one needs is not known.
    ///
    /// `isRetention`: the deletion is one by policy, which steps over older backups that are kept `standalone` and protects
    /// the WAL that makes them consistent; a deletion by command leaves all WAL alone then. What a backup needs that is being taken or
    /// copied stays, and so does that of a newer one that begins before the next: that of a standby which lagged behind.
    public init?(deleting info: BackupInfo, in catalog: BackupCatalog, isRetention: Bool) throws(FileError) {
        var ranges: [ClosedRange<String>] = []
        var older = catalog.previous(of: info.id)
        while let backup = older {
            let isStandalone = try Annotations(catalog.home).keepTarget(of: backup.id) == .standalone
            guard isStandalone, isRetention else { return nil }
            if let begin = backup.beginWAL, let end = backup.endWAL, begin <= end { ranges.append(begin...end) }
            older = catalog.previous(of: backup.id)
        }
        let isConcurrent = catalog.home.settings.backupOptions.contains(.concurrentBackup)
        let others = catalog.backups([.started, .waitingForWALs, .done, .syncing]).filter { $0.id != info.id }
        guard let limit = catalog.next(of: info.id) ?? (isConcurrent ? info : nil) else {
            let unfinished = others.filter { !$0.status.isCompleted }
            self.init(firstNeeded: unfinished.compactMap(\.beginWAL).min(), protectedRanges: ranges)
            return
        }
        // What a backup needs that stays and does not say where it begins is not known.
        if limit.beginWAL == nil, limit.id != info.id { return nil }
        var first = limit.beginWAL
        var timelines = Set(others.compactMap(\.timeline))
        if let timeline = limit.timeline { timelines.remove(timeline) }
        for other in others where other.timeline == limit.timeline {
            guard let begin = other.beginWAL, first.map({ begin < $0 }) ?? true else { continue }
            // Older complete ones are kept for themselves alone; the loop above has their ranges.
            if other.status.isCompleted, other.id < info.id { continue }
            first = begin
        }
        self.init(firstNeeded: first, protectedTimelines: timelines, protectedRanges: ranges)
    }

    /// What is to be done with one file.
    public enum Verdict: Sendable, Equatable {
        /// It stays.
        case keep
        /// It goes.
        case remove
        /// Its name is not that of a WAL file.
        case invalid
    }

    /// Whether a name is 24 hexadecimal digits.
    private static func isSegment(_ name: String) -> Bool {
        let digits = name.utf8
        guard digits.count == 24 else { return false }
        for byte in digits {
            let isDigit = byte &- UInt8(ascii: "0") <= 9 || (byte | 0x20) &- UInt8(ascii: "a") <= 5
            guard isDigit else { return false }
        }
        return true
    }

    /// Decides about a file by its name.
    public func verdict(on name: String) -> Verdict {
        // Nearly all lines of a list are segments that stay.
        if let firstNeeded, name >= firstNeeded, Self.isSegment(name) { return .keep }
        guard let fileName = WALFileName(name) else { return .invalid }
        if case .history = fileName { return .keep }
        if protectedTimelines.contains(fileName.timeline) { return .keep }
        if let firstNeeded, name >= firstNeeded { return .keep }
        guard !protectedRanges.isEmpty else { return .remove }
        let compared: String
        if case .backupLabel = fileName { compared = String(name.prefix(24)) } else { compared = name }
        return protectedRanges.contains { $0.contains(compared) } ? .keep : .remove
    }
}
