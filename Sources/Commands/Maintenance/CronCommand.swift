import Settings
import Upkeep

/// `cron`: the maintenance of all servers, to be started every minute.
enum CronCommand {
    static let specification = CommandSpecification(
        name: "cron",
        summary: "Do the maintenance of all servers; to be started every minute.",
        options: [.flag("--keep-descriptors", help: "let started programs write to our output")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let configuration = context.configuration
        try CronRun.processConfigurationQueue(configuration.global, reporter: context.console)
        try CronRun(
            configuration: configuration,
            homes: try context.everyServer(ServerReactions(inactive: .skip, disabled: .skip)),
            reporter: context.console,
            keepsDescriptors: arguments.flag("keep_descriptors")
        ).run()
    }
}
