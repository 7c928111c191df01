import Catalog
import Upkeep

/// `check-backup`: whether all WAL that a backup needs has arrived.
enum CheckBackupCommand {
    static let specification = CommandSpecification(
        name: "check-backup",
        summary: "Check that all WAL a backup needs is archived, and note it in the catalog.",
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let info = try BackupCatalog.load(home).resolve(arguments.required("backup_id"))
        try BackupValidation(home: home, reporter: context.console).run(info)
    }
}
