import Catalog
import Upkeep

/// `delete`: removes a backup and the WAL that only it needs.
enum DeleteCommand {
    static let specification = CommandSpecification(
        name: "delete",
        summary: "Delete a backup and the WAL that only it needs.",
        options: [.flag("--dry-run", help: "tell what would be deleted, and delete nothing")],
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        let catalog = try BackupCatalog.load(home)
        let info = try catalog.resolve(arguments.required("backup_id"))
        let deletion = BackupDeletion(home: home, reporter: context.console)
        try arguments.flag("dry_run") ? deletion.preview(info) : deletion.run(info, in: catalog)
    }
}
