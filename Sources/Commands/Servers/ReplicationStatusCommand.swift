import Catalog
import Console
import Failure
import Notation
import Postgres
import Settings
import Upkeep

/// `replication-status`: the clients that stream from a server, and how far they are.
enum ReplicationStatusCommand {
    static let specification = CommandSpecification(
        name: "replication-status",
        summary: "Show the clients that stream from a server, and how far they are.",
        options: [
            .flag("--minimal", help: "one line for each client"),
            .value("--target", choices: ["all", "hot-standby", "wal-streamer"], help: "which clients to show"),
            .value(
                "--source",
                choices: ["backup-host", "wal-host"],
                help: "ask through the connection for backups or the one for WAL"
            ),
        ],
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let target = arguments.text("target") ?? "all"
        try context.forEach(context.servers(arguments.list("server_name"), .needsPrimaryNode)) { home in
            guard let answer = try answer(home, target, arguments, context) else { return }
            let isMinimal = arguments.flag("minimal")
            if context.console.isJSON {
                context.console.set(home.name, answer.json(isMinimal: isMinimal))
            } else {
                context.console.show(lines: isMinimal ? answer.minimalLines : answer.lines)
            }
        }
    }

    /// Asks the server; nil when it does not answer, which has been said.
    private static func answer(
        _ home: ServerHome,
        _ target: String,
        _ arguments: ParsedArguments,
        _ context: Context
    ) throws -> StreamingClientsAnswer? {
        var home = home
        if arguments.text("source") == "wal-host" {
            home = context.forWALStreaming(home)
        }
        let server = context.postgres(of: home)
        let facts = server?.facts() ?? ServerFacts()
        guard let server, facts.isConnected else {
            context.console.set(home.name, .object([]))
            let reason = facts.failure.map { "\($0)" }
            context.console.error("\(Failure("Unable to connect to server \(home.name)", hint: reason))")
            return nil
        }
        if facts.hasMonitoringPrivileges == false {
            throw Failure(
                "Postgres user '\(server.conninfo["user"] ?? "None")' is missing required privileges "
                    + "(see \"Pre-requisites\" section in the Barman documentation)",
                kind: .exception
            )
        }
        let clients: [StreamingClient]
        do {
            clients = try server.streamingClients()
        } catch {
            throw Failure("\(error)", kind: .exception, cause: error)
        }
        let isWanted: (StreamingClient) -> Bool =
            switch target {
            case "hot-standby": { $0.isStandby }
            case "wal-streamer": { !$0.isStandby }
            default: { _ in true }
            }
        return StreamingClientsAnswer(
            server: home.name,
            target: target,
            currentLSN: facts.currentLSN,
            clients: clients.filter(isWanted)
        )
    }
}
