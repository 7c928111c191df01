/// `delete`: removes a backup and the WAL that only it needs.
enum DeleteCommand {
    static let specification = CommandSpecification(
        name: "delete",
        summary: "Delete a backup and the WAL that only it needs.",
        positionals: [.server, .backup]
    )
}
