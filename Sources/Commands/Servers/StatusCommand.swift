import Catalog
import Console
import Notation
import Upkeep

/// `status`: how servers and their backups stand.
enum StatusCommand {
    static let specification = CommandSpecification(
        name: "status",
        summary: "Show how servers and their backups stand.",
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .runAll)) { home in
            let entries = try StatusReport.entries(
                of: home,
                server: context.postgres(of: home),
                reporter: context.console
            )
            if context.console.isJSON {
                context.console.set(home.name, json(entries))
            } else {
                let lines = entries.map { "\t\($0.description): \($0.message)" }
                context.console.show(lines: ["Server \(home.name):"] + lines)
            }
        }
    }

    private static func json(_ entries: [StatusEntry]) -> JSONValue {
        .object(
            entries.map { entry in
                let value: JSONValue = .object([
                    ("description", .string(entry.description)), ("message", .string(entry.message)),
                ])
                return (entry.code, value)
            }
        )
    }
}
