import Archive
import Catalog
import Console
import Failure
import Notation
import WAL

/// `show-backup`: everything about one backup.
enum ShowBackupCommand {
    static let specification = CommandSpecification(
        name: "show-backup",
        aliases: ["show-backups"],
        summary: "Show everything about a backup.",
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .runAll) else { return }
        let backups = try BackupCatalog.load(home)
        let info = try backups.resolve(arguments.required("backup_id"))
        let report = try report(of: info, in: backups, context)
        if context.console.isJSON {
            context.console.set(home.name, report.json)
        } else {
            context.console.show(lines: report.lines)
        }
    }

    private static func childTimelines(of info: BackupInfo, in backups: BackupCatalog) throws -> [UInt32] {
        guard info.status.isCompleted else { return [] }
        let reader = WALReader(home: backups.home)
        return try backups.childTimelines(of: info) { try reader.contents(of: $0) }.map(\.rawValue)
    }

    private static func report(
        of info: BackupInfo,
        in backups: BackupCatalog,
        _ context: Context
    ) throws -> BackupReport {
        let home = backups.home
        let statistics: WALStatistics
        do {
            statistics = try XlogDatabase(home).statistics(of: info, in: backups).get()
        } catch let error as InvalidWALName {
            throw Failure("invalid xlog segment name \(error.quoted)", hint: error.hint)
        }
        // Of one that is not complete nothing is told, nor asked.
        let retention = info.status.isCompleted ? Retention(home) : nil
        let states = try retention?.states(of: backups, now: .now(), reporter: context.console)
        let ancestors = backups.ancestors(of: info)
        return BackupReport(
            info: info,
            wal: statistics,
            retention: states.map { $0[info.id] ?? .none },
            previousID: backups.previous(of: info.id)?.id,
            nextID: backups.next(of: info.id)?.id,
            childTimelines: try childTimelines(of: info, in: backups),
            chain: info.isIncremental ? (ancestors.last?.id ?? info.id, ancestors.count + 1) : nil
        )
    }
}
