import Catalog
import Console
import Failure
import Settings

/// `rebuild-xlogdb`: makes the list of archived WAL anew from the files that are there.
enum RebuildXlogdbCommand {
    static let specification = CommandSpecification(
        name: "rebuild-xlogdb",
        summary: "Make the list of archived WAL anew from the files that are there.",
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let console = context.console
        try context.forEach(context.servers(arguments.list("server_name"), .needsServer)) { home in
            console.info("Rebuilding xlogdb for server \(home.name)")
            let count = try XlogDatabase(home).rebuild(reporter: LogOnly(console))
            console.info(
                "Done rebuilding xlogdb for server \(home.name) (history: \(count.histories), "
                    + "backup_labels: \(count.backupLabels), wal_file: \(count.segments))"
            )
        }
    }
}
