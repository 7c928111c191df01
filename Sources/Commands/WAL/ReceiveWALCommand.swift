import Catalog
import Console
import Failure
import Postgres
import Settings
import Upkeep

/// `receive-wal`: receives WAL from PostgreSQL by streaming replication.
enum ReceiveWALCommand {
    static let specification = CommandSpecification(
        name: "receive-wal",
        summary: "Receive WAL from PostgreSQL by streaming replication.",
        options: [
            .flag("--stop", help: "stop the running receiver"),
            .flag("--reset", help: "make the receiver start again at the server's present position"),
            .flag("--create-slot", help: "create the replication slot"),
            .flag("--if-not-exists", help: "with --create-slot: a slot that exists is no error"),
            .flag("--drop-slot", help: "drop the replication slot"),
        ],
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let stops = arguments.flag("stop")
        let resets = arguments.flag("reset")
        let isRun = !["stop", "reset", "create_slot", "drop_slot"].contains(where: arguments.flag)
        let reactions = ServerReactions(inactive: isRun ? .skip : .run, disabled: .refuse)
        guard let configured = try context.server(arguments.required("server_name"), reactions) else { return }
        let home = context.forWALStreaming(configured)
        if stops, resets { throw Failure("--stop and --reset options are not compatible") }
        if stops { return try TaskTermination.run("receive-wal", of: home, reporter: context.console) }
        let server = context.postgres(of: home, evenIfInactive: true)
        let slots = ReplicationSlots(home: home, server: server, reporter: context.console)
        if arguments.flag("create_slot") {
            return try slots.create(ifNotExists: arguments.flag("if_not_exists"))
        }
        if arguments.flag("drop_slot") { return try slots.drop() }
        let receiver = ReceiveWALRun(
            home: home,
            server: server,
            reporter: context.console,
            environment: context.environment
        )
        if resets { try receiver.reset() } else { try receiver.start() }
    }
}

extension Context {
    /// The server with the connections of the host that its WAL is streamed from; that they are others is told.
    func forWALStreaming(_ home: ServerHome) -> ServerHome {
        let (settings, announcement) = home.settings.forWALStreaming()
        guard let announcement else { return home }
        console.info(announcement)
        return ServerHome(settings: settings, global: home.global)
    }
}
