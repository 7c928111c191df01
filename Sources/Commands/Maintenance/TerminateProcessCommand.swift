import Upkeep

/// `terminate-process`: ends a task of a server, found through the lock it holds.
enum TerminateProcessCommand {
    static let specification = CommandSpecification(
        name: "terminate-process",
        summary: "Stop a running task of a server.",
        positionals: [.server, PositionalArgument("task", help: "the task, such as backup or receive-wal")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        try TaskTermination.run(arguments.required("task"), of: home, reporter: context.console)
    }
}
