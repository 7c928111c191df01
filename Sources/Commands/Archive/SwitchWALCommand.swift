import Archive
import Catalog
import Console

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
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .needsServer)) { home in
            guard let server = context.postgres(of: home) else {
                context.console.error("Unable to perform pg_switch_wal for server '\(home.name)'.")
                return
            }
            try WALSwitch(home: home, postgres: server, reporter: context.console).run(
                force: arguments.flag("force"),
                archive: arguments.flag("archive"),
                timeoutSeconds: arguments.integer("archive_timeout").map(Int64.init) ?? 30
            )
        }
    }
}
