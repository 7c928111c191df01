import Upkeep

/// `sync-wals`: copies WAL files from the primary node to this passive one.
enum SyncWALsCommand {
    static let specification = CommandSpecification(
        name: "sync-wals",
        summary: "Copy WAL files from the primary node to this passive one.",
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        try WALSync(home: home, reporter: context.console).run()
    }
}
