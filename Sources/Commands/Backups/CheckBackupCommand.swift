/// `check-backup`: whether all WAL that a backup needs has arrived.
enum CheckBackupCommand {
    static let specification = CommandSpecification(
        name: "check-backup",
        summary: "Check that all WAL a backup needs is archived, and note it in the catalog.",
        positionals: [.server, .backup]
    )
}
