/// `status`: how servers and their backups stand.
enum StatusCommand {
    static let specification = CommandSpecification(
        name: "status",
        summary: "Show how servers and their backups stand.",
        positionals: [.servers]
    )
}
