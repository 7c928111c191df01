import Catalog
import Failure
import Settings
import Upkeep

/// `config-switch`: lays a model over the configuration of a server, or takes it away.
enum ConfigSwitchCommand {
    static let specification = CommandSpecification(
        name: "config-switch",
        summary: "Lay a model over the configuration of a server, or take it away.",
        options: [.flag("--reset", help: "take the active model away")],
        positionals: [.server, PositionalArgument("model_name", .optional, help: "the model")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let modelName = arguments.text("model_name")
        let isReset = arguments.flag("reset")
        guard isReset || modelName != nil else {
            throw Failure("Either a model name or '--reset' flag need to be given")
        }
        guard let home = try context.server(arguments.required("server_name"), .runAll) else { return }
        do {
            if isReset {
                try ActiveModel.reset(for: home.settings, reporter: context.console)
            } else if let modelName {
                guard let model = try context.serverList().models[modelName] else {
                    throw Failure("Unknown model '\(modelName)'")
                }
                guard try ActiveModel.choose(model, for: home.settings, reporter: context.console) else { return }
            }
        } catch {
            throw error as? Failure ?? Failure("\(error)", kind: .exception, cause: error)
        }
        try ReceiverRestart.run(home, reporter: context.console)
    }
}
