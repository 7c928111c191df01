import Catalog
import Failure
import Files
import Notation

/// `list-processes`: what is at work for a server right now, found through the locks that are held.
enum ListProcessesCommand {
    static let specification = CommandSpecification(
        name: "list-processes",
        aliases: ["list-process"],
        summary: "List what is at work for a server right now.",
        positionals: [PositionalArgument("server_name", help: "the server")]
    )
}
