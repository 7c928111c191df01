/// `switch-wal`: makes PostgreSQL close its current WAL file.
enum SwitchWALCommand {
    static let specification = CommandSpecification(
        name: "switch-wal",
        aliases: ["switch-xlog"],
        summary: "Make PostgreSQL close its current WAL file, so that it can be archived.",
        options: [
            .flag("--force", help: "issue a checkpoint first, so that there is something to close"),
            .flag("--archive", help: "wait until a WAL file is archived"),
            .value(
                "--archive-timeout",
                type: .nonNegativeInteger,
                metavar: "TIMEOUT",
                help: "give up waiting after so many seconds; default 30, 0 waits for ever"
            ),
        ],
        positionals: [.servers]
    )
}
