import Catalog
import Console
import Failure
import Notation
import Settings
import Upkeep
import WAL

/// `retention`: what the policy of a server would remove, and from when to when each backup can recover.
enum RetentionCommand {
    static let specification = CommandSpecification(
        name: "retention",
        summary: "Show what the retention policy would remove, and from when to when each backup can recover.",
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .runAll)) { home in
            let report = try RetentionReport(home, reporter: context.console)
            if context.console.isJSON {
                context.console.set(home.name, report.json)
            } else {
                context.console.show(lines: report.lines)
            }
        }
    }
}

/// What is told about the backups of one server.
private struct RetentionReport {
    private struct Entry {
        let info: BackupInfo
        let state: RetentionState?
        let isRemoved: Bool
        let window: RecoveryWindow?
    }

    private let home: ServerHome
    /// Newest first.
    private let entries: [Entry]
    private let plan: DeletionPlan

    init(_ home: ServerHome, reporter: any Reporter) throws {
        self.home = home
        let catalog = try BackupCatalog.load(home)
        var windows = try RecoveryWindows(catalog)
        let judgement = try RetentionJudgement(catalog, now: .now(), reporter: reporter)
        var plan = DeletionPlan(catalog)
        for id in judgement?.obsolete ?? [] { try plan.delete(id, isRetention: true) }
        try plan.measureWAL()
        let removed = Set(plan.steps.map(\.info.id))
        entries = try catalog.all.reversed().map { info in
            Entry(
                info: info,
                state: judgement?.states[info.id],
                isRemoved: removed.contains(info.id),
                window: try windows.window(of: info)
            )
        }
        self.plan = plan
    }

    private var settings: ServerSettings { home.settings }
    private var removedBytes: Int64 { plan.steps.reduce(0) { $0 &+ ($1.info.sizeBytes ?? 0) } }
    private var removedWALCount: Int64 { plan.steps.reduce(0) { $0 + $1.walCount } }
    private var removedWALBytes: Int64 { plan.steps.reduce(0) { $0 &+ $1.walBytes } }

    // MARK: For people

    var lines: [String] {
        let policy =
            settings.retentionPolicy.map { policy in
                "\(policy.canonicalText) (mode: \(settings.retentionPolicyMode), "
                    + "minimum redundancy: \(settings.minimumRedundancy))"
            } ?? "not enforced"
        var lines = ["Server \(home.name):", "\tRetention policy: \(policy)"]
        for entry in entries { lines += self.lines(of: entry) }
        let backups = count(Int64(plan.steps.count), "backup")
        let files = count(removedWALCount, "WAL file")
        lines.append(
            plan.steps.isEmpty
                ? "\tNothing would be removed"
                : "\tWould be removed: \(backups) (\(HumanText.size(removedBytes))), "
                    + "\(files) (\(HumanText.size(removedWALBytes)))"
        )
        return lines
    }

    private func count(_ number: Int64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private func lines(of entry: Entry) -> [String] {
        let info = entry.info
        var line = "\tBackup \(info.id)"
        if let name = info.backupName { line += " '\(name)'" }
        line += ": \(info.status.isCompleted ? entry.state?.rawValue ?? "VALID" : info.status.rawValue)"
        if entry.isRemoved { line += ", would be removed" }
        guard let window = entry.window else { return [line] }
        guard let from = window.from else { return [line, "\t\tcan not recover: \(window.obstacle ?? "")"] }
        var lines = [line]
        for reach in window.reaches {
            lines.append(
                "\t\trecovers from \(from.catalogText) to \(reach.until.catalogText) "
                    + "(timeline \(reach.timeline), last WAL \(reach.lastWAL))"
            )
        }
        if let obstacle = window.obstacle { lines.append("\t\tnot further: \(obstacle)") }
        return lines
    }

    // MARK: For programs

    var json: JSONValue {
        [
            "retention_policy": .optional(settings.retentionPolicy?.canonicalText),
            "retention_policy_mode": .string(settings.retentionPolicyMode),
            "minimum_redundancy": .integer(settings.minimumRedundancy),
            "backups": .array(entries.map(json)),
            "would_remove": [
                "backups": .integer(Int64(plan.steps.count)), "backups_size_bytes": .integer(removedBytes),
                "wal_files": .integer(removedWALCount), "wal_files_size_bytes": .integer(removedWALBytes),
            ],
        ]
    }

    private func json(_ entry: Entry) -> JSONValue {
        let reaches = (entry.window?.reaches ?? []).map { reach -> JSONValue in
            [
                "timeline": .integer(Int64(reach.timeline.rawValue)), "last_wal": .string(reach.lastWAL.description),
                "recoverable_to": .string(reach.until.isoText),
            ]
        }
        return [
            "backup_id": .string(entry.info.id),
            "backup_name": .optional(entry.info.backupName),
            "status": .string(entry.info.status.rawValue),
            "retention_status": .string(entry.state?.rawValue ?? "-"),
            "would_be_removed": .bool(entry.isRemoved),
            "recoverable_from": .optional(entry.window?.from?.isoText),
            "timelines": .array(reaches),
            "obstacle": .optional(entry.window?.obstacle),
        ]
    }
}
