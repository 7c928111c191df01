import Catalog
import Upkeep

/// `delete`: removes a backup and the WAL that only it needs.
enum DeleteCommand {
    static let specification = CommandSpecification(
        name: "delete",
        summary: "Delete a backup and the WAL that only it needs.",
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        let info = try BackupCatalog.load(home).resolve(arguments.required("backup_id"))
        try BackupDeletion(home: home, reporter: context.console).run(info)
    }
}
