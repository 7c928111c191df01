import Archive
import Catalog
import Failure
import Files
import Notation
import Settings
import SystemPackage
import WAL

/// Whether the WAL of a recovery leads to its target.
///
/// Since release 13 a server does not start when its WAL ends before the target: for a time that means that a later transaction
/// must have ended.
struct TargetCheck {
    private let home: ServerHome
    private let plan: RestorePlan
    private let target: RecoveryTarget
    private let path: RecoveryPath
    /// Where the backup ends.
    private let end: LSN

    private(set) var findings: [PlanFinding] = []
    /// The record at which recovery stops at the latest, when it was looked for and found.
    private(set) var stop: WALStop?

    /// Prepares the check; nothing is read yet.
    init(home: ServerHome, plan: RestorePlan, target: RecoveryTarget, path: RecoveryPath, end: LSN) {
        self.home = home
        self.plan = plan
        self.target = target
        self.path = path
        self.end = end
    }

    private mutating func refuse(_ subject: String, _ reason: String, hint: String? = nil) {
        findings.append(PlanFinding(subject, .refused, reason, hint: hint))
    }

    private static let everythingHint = "Leave the target out to recover everything that is there."

    /// Looks for the target in the WAL, as far as it must be looked for.
    mutating func run() throws {
        let lsn = target.lsn.flatMap { LSN($0) }
        if let lsn, lsn < end {
            return refuse(
                "target",
                "the requested target LSN \(lsn) is before the end of the backup at \(end)",
                hint: Alternatives(plan.catalog).hint(lsn: lsn)
                    ?? "The earliest position that this backup can be recovered to is \(end)."
            )
        }
        guard !target.immediate, !plan.request.standbyMode else { return }
        if let gap = path.gap, let lsn,
            gap.first.number(size: path.segmentSize) > lsn.segmentNumber(size: path.segmentSize)
        {
            return
        }
        let search = StopSearch(home: home, path: path, from: plan.info.beginLSN ?? LSN(rawValue: 0))
        let outcome = try look(search)
        if case .found(let stop) = outcome { return accept(stop) }
        if let gap = path.gapText, let reachable = path.last {
            let edge = max(end, reachable.startLSN(size: path.segmentSize))
            return refuse(
                "WAL",
                "\(gap); recovery would end there, at \(path.end?.description ?? "its begin")",
                hint: "What comes before it can be reached: for example with '--target-lsn \(edge)'."
            )
        }
        if let lsn { return try checkPosition(lsn, search) }
        switch outcome {
        case .missing(let evidence): refuseMissing(evidence)
        case .unknown: try judgeByFileTime()
        case .found, nil: break
        }
    }

    /// Reads the WAL for what has no place in it; `nil` when there is nothing to look for.
    private mutating func look(_ search: StopSearch) throws -> StopSearch.Outcome? {
        guard target.time != nil || target.name != nil || target.xid != nil else { return nil }
        do {
            return try search.stop(for: target)
        } catch let failure as Failure where !RestoreError.isInterruption(failure.cause ?? failure) {
            refuse("WAL", "it cannot be read: \(failure.message)", hint: failure.hint)
            return nil
        }
    }

    // MARK: Found

    private mutating func accept(_ stop: WALStop) {
        if stop.position < end, target.time == nil {
            return refuse(
                "target",
                "\(stop.text) is at \(stop.position), before the end of the backup at \(end)",
                hint: Alternatives(plan.catalog).hint(lsn: stop.position)
            )
        }
        self.stop = stop
        findings.append(PlanFinding("target", .good, "in the WAL: \(stop.text) at \(stop.position), \(stop.time)"))
    }

    // MARK: Not found

    private mutating func checkPosition(_ lsn: LSN, _ search: StopSearch) throws {
        if let edge = end(of: path), lsn >= edge {
            return refuse(
                "target",
                "the requested target LSN \(lsn) is beyond the end of the archived WAL at \(edge)",
                hint: Self.everythingHint
            )
        }
        guard let last = path.partial?.segment ?? path.last, lsn >= last.startLSN(size: path.segmentSize),
            let record = try search.lastRecord(), lsn > record
        else { return }
        refuse(
            "target",
            "the requested target LSN \(lsn) is beyond the last record of the archived WAL, which begins at \(record)",
            hint: Self.everythingHint
        )
    }

    /// The position that is surely not reached.
    private func end(of path: RecoveryPath) -> LSN? {
        guard let partial = path.partial else { return path.end }
        return LSN(ofSegment: partial.segment.number(size: path.segmentSize) + 1, size: path.segmentSize)
    }

    private mutating func refuseMissing(_ evidence: StopSearch.Evidence) {
        let newest = evidence.newest.map { "the last transaction in it ended at \($0.time)" }
        let reason: String
        var hint = Self.everythingHint
        if let time = target.time {
            reason =
                newest.map { "the requested target time \(time) is not before the end of the archived WAL: \($0)" }
                ?? "the requested target time \(time) cannot be reached: no transaction ended in the archived WAL"
        } else if let xid = target.xid {
            reason = "the archived WAL does not hold the end of transaction \(xid)" + (newest.map { "; " + $0 } ?? "")
        } else {
            reason = "the archived WAL does not hold the restore point '\(target.name ?? "")'"
            if !evidence.names.isEmpty {
                let names = evidence.names.map { "'\($0)'" }.joined(separator: ", ")
                hint = "The restore points in it are: \(names)."
            }
        }
        guard plan.version >= 13_00_00 else {
            // Up to 12, recovery that runs out of WAL before its target just ends.
            return findings.append(PlanFinding("target", .note, reason + "; recovery goes to the end of the WAL"))
        }
        refuse("target", reason, hint: hint)
    }

    /// WAL that was not looked through to the end, or cannot be: a file is not older than what is in it, but for clocks that differ.
    private mutating func judgeByFileTime() throws {
        if let time = target.time, plan.version >= 13_00_00, let edge = try newestFileTime(),
            time.secondsSinceEpoch > edge.secondsSinceEpoch + Self.clockSeconds
        {
            return refuse(
                "target",
                "the requested target time \(time) is after the end of the archived WAL, whose newest file is of \(edge)",
                hint: Self.everythingHint
            )
        }
        let what =
            target.time != nil ? "a record of this time" : target.xid != nil ? "this transaction" : "this restore point"
        findings.append(
            PlanFinding("target", .note, "whether the archived WAL holds \(what) cannot be known beforehand")
        )
    }

    /// How far the clocks that wrote records and files may have been apart: a zone that was set wrong is a common mistake.
    private static let clockSeconds: Int64 = 24 * 3600

    /// When the last written file on the way was written; `nil` when one of them was not found.
    private func newestFileTime() throws -> Timestamp? {
        let archive = WALArchive(home)
        var files = path.segments.map { archive.path(of: $0) }
        if let partial = path.partial { files.append(partial.path) }
        var newest: Int64?
        for file in files {
            // What still waits in a queue has no file in the archive; then nothing is known.
            guard let status = try FileSystem.statusIfPresent(of: file) else { return nil }
            newest = max(newest ?? .min, status.modifiedSeconds)
        }
        return newest.map { Timestamp(secondsSinceEpoch: $0 &+ 1).inLocalZone() }
    }
}

/// Other backups that can do what this one cannot.
struct Alternatives {
    private let catalog: BackupCatalog

    init(_ catalog: BackupCatalog) {
        self.catalog = catalog
    }

    /// The newest backup that ended before a time.
    func hint(time: Timestamp) -> String? {
        let found = catalog.backups(.completed).reversed().first { $0.endTime.map { $0 <= time } ?? false }
        return found.map { "Backup \($0.id) ended before it." }
    }

    /// The newest backup that ended before a position.
    func hint(lsn: LSN) -> String? {
        let found = catalog.backups(.completed).reversed().first { $0.endLSN.map { $0 <= lsn } ?? false }
        return found.map { "Backup \($0.id) ended before it." }
    }
}
