import Catalog
import Console
import Notation

/// `list-backups`: the backups of servers, newest first.
enum ListBackupsCommand {
    static let specification = CommandSpecification(
        name: "list-backups",
        aliases: ["list-backup"],
        summary: "List the backups of servers.",
        options: [.flag("--minimal", help: "IDs only")],
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .runAll)) { home in
            let backups = try BackupCatalog.load(home)
            if arguments.flag("minimal") {
                showIDs(of: backups, context)
            } else {
                try show(backups, context)
            }
        }
    }

    private static func showIDs(of backups: BackupCatalog, _ context: Context) {
        let ids = Array(backups.ids.reversed())
        if context.console.isJSON {
            context.console.set(backups.home.name, .array(ids.map(JSONValue.string)))
        } else {
            context.console.show(lines: ids)
        }
    }

    private static func show(_ backups: BackupCatalog, _ context: Context) throws {
        let home = backups.home
        let statistics = try XlogDatabase(home).statistics(of: backups.all, in: backups)
        let states =
            try Retention(home)?.states(of: backups, now: .now(), reporter: context.console) ?? [:]
        var entries: [JSONValue] = []
        var lines: [String] = []
        for info in backups.all.reversed() {
            let entry = BackupListEntry(info, wal: statistics[info.id], retention: states[info.id])
            if let problem = entry.problem {
                // Lines before the complaint come out before it.
                context.console.show(lines: lines)
                lines = []
                context.console.error(problem.description)
            }
            if context.console.isJSON {
                entries.append(entry.json)
            } else {
                lines.append(entry.line(server: home.name))
            }
        }
        if context.console.isJSON {
            context.console.set(home.name, .array(entries))
        } else {
            context.console.show(lines: lines)
        }
    }
}

/// One backup as `list-backups` shows it.
struct BackupListEntry {
    private let info: BackupInfo
    private let sizeBytes: Int64
    private let walSizeBytes: Int64
    private let retention: RetentionState?
    /// What is wrong with the list of WAL, if it kept us from counting.
    let problem: InvalidWALName?

    init(_ info: BackupInfo, wal: Result<WALStatistics, InvalidWALName>?, retention: RetentionState?) {
        self.info = info
        self.retention = retention
        var ownWALBytes: Int64 = 0
        var laterWALBytes: Int64 = 0
        var problem: InvalidWALName?
        switch wal {
        case .success(let statistics):
            ownWALBytes = statistics.sizeBytes
            laterWALBytes = statistics.untilNextSizeBytes
        case .failure(let error): problem = error
        case nil: break
        }
        sizeBytes = (info.sizeBytes ?? 0) &+ ownWALBytes
        walSizeBytes = laterWALBytes
        self.problem = problem
    }

    /// The state worth showing: none for a valid backup.
    private var shownRetention: RetentionState? {
        retention == .valid || retention == RetentionState.none ? nil : retention
    }

    func line(server: String) -> String {
        var text = "\(server) \(info.id)"
        if let name = info.backupName { text += " '\(name)'" }
        text += " - \(info.type.letter)"
        guard info.status.isCompleted else { return "\(text) - \(info.status.rawValue)" }
        text += " - \(info.endTime?.ctimeText ?? "None")"
        text += " - Size: \(HumanText.size(sizeBytes)) - WAL Size: \(HumanText.size(walSizeBytes))"
        if info.status == .waitingForWALs { text += " - \(info.status.rawValue)" }
        if let retention = shownRetention { text += " - \(retention.rawValue)" }
        return text
    }

    var json: JSONValue {
        var members: [(key: String, value: JSONValue)] = [("backup_id", .string(info.id))]
        if let name = info.backupName { members.append(("backup_name", .string(name))) }
        members.append(("backup_type", .string(info.type.rawValue)))
        members.append(("status", .string(info.status.rawValue)))
        guard info.status.isCompleted else { return .object(members) }
        members += [
            ("end_time", .optional(info.endTime?.ctimeText)),
            ("end_time_timestamp", .optional(info.endTime?.epochText)),
            ("size", .string(HumanText.size(sizeBytes))),
            ("size_bytes", .integer(sizeBytes)),
            ("wal_size", .string(HumanText.size(walSizeBytes))),
            ("wal_size_bytes", .integer(walSizeBytes)),
            ("retention_status", .string((shownRetention ?? .none).rawValue)),
        ]
        return .object(members)
    }
}
