import Settings
import Upkeep

/// `cron`: the maintenance of all servers, to be started every minute.
enum CronCommand {
    static let specification = CommandSpecification(
        name: "cron",
        summary: "Do the maintenance of all servers; to be started every minute.",
        options: [
            .flag("--keep-descriptors", help: "let started programs write to our output"),
            .flag("--dry-run", help: "tell what would be started and deleted, and do nothing"),
        ],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let reactions = ServerReactions(inactive: .skip, disabled: .skip)
        if arguments.flag("dry_run") {
            try CronRun(
                configuration: context.configuration,
                homes: try context.everyServer(reactions),
                reporter: context.console
            ).preview()
            return
        }
        var context = context
        if try CronRun.processConfigurationQueue(context.configuration, reporter: context.console) {
            context = try context.reloaded()
        }
        try CronRun(
            configuration: context.configuration,
            homes: try context.everyServer(reactions).map(context.forWALStreaming),
            reporter: context.console,
            keepsDescriptors: arguments.flag("keep_descriptors")
        ).run()
    }
}
