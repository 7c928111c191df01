import Catalog
import Console
import Notation
import Settings

/// `list-servers`: the configured servers and the state each is in.
enum ListServersCommand {
    static let specification = CommandSpecification(
        name: "list-servers",
        aliases: ["list-server"],
        summary: "List the configured servers.",
        options: [.flag("--minimal", help: "names only")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let isMinimal = arguments.flag("minimal")
        for home in try context.everyServer(.runAll) {
            let text = description(of: home)
            if context.console.isJSON {
                context.console.set(home.name, .object([("description", .string(text))]))
            } else {
                context.console.show(text.isEmpty || isMinimal ? home.name : "\(home.name) - \(text)")
            }
        }
    }

    private static func description(of home: ServerHome) -> String {
        let settings = home.settings
        var text = settings.description ?? ""
        if !settings.isActive {
            text += " (inactive)"
        } else if settings.isDisabled {
            text += " (WARNING: disabled)"
        }
        if settings.isPassive { text += " (Passive)" }
        return text
    }
}
