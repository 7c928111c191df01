import Catalog
import Console
import Notation
import Processes
import Settings

/// `list-processes`: what is at work for a server right now, found through the locks that are held.
enum ListProcessesCommand {
    static let specification = CommandSpecification(
        name: "list-processes",
        aliases: ["list-process"],
        summary: "List what is at work for a server right now.",
        positionals: [PositionalArgument("server_name", help: "the server")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let processes = try ServerProcess.list(server: home.name, lockDirectory: home.lockDirectory)
        let console = context.console
        if console.isJSON {
            let list = processes.map {
                JSONValue.object([("pid", .integer(Int64($0.process))), ("name", .string($0.task))])
            }
            console.set(home.name, .array(list))
        } else if processes.isEmpty {
            console.show("No active subprocesses found for server \(home.name).")
        } else {
            console.show("Active subprocesses for server \(home.name):")
            console.show(lines: processes.map { "\($0.process) \($0.task)" })
        }
    }
}
