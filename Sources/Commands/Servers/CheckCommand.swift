/// `check`: whether servers are fit for backups.
enum CheckCommand {
    static let specification = CommandSpecification(
        name: "check",
        summary: "Check that servers are fit for backups; ends with status 1 if one is not.",
        options: [
            .flag("--nagios", help: "answer the way monitoring plugins do"),
            CheckOptions.timeout("TIMEOUT"),
        ],
        positionals: [.servers]
    )
}
