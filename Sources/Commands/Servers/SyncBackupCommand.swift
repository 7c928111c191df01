import Upkeep

/// `sync-backup`: copies a backup from the primary node to this passive one.
enum SyncBackupCommand {
    static let specification = CommandSpecification(
        name: "sync-backup",
        summary: "Copy a backup from the primary node to this passive one.",
        positionals: [.server, PositionalArgument("backup_id", help: "ID of the backup")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        try BackupSync(home: home, reporter: context.console).run(arguments.required("backup_id"))
    }
}
