import Archive
import Catalog
import Console
import Files
import SystemPackage

/// `put-wal`: takes WAL from a client, on standard input.
enum PutWALCommand {
    static let specification = CommandSpecification(
        name: "put-wal",
        summary: "Take a WAL file as a tar stream on standard input and store it in the incoming directory.",
        options: [.flag("--test", "-t", help: "test that the server can take WAL files")],
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let reactions = ServerReactions(inactive: .refuse, disabled: .refuse)
        guard let home = try context.server(arguments.required("server_name"), reactions) else { return }
        if arguments.flag("test") {
            context.console.info("Ready to accept WAL files for the server \(home.name)")
            return
        }
        let input = try OwnedDescriptor(duplicating: .standardInput, path: "<stdin>")
        let reception = WALReception(home: home, reporter: context.console, origin: context.origin) { answer in
            // A client that does not hear it sends what everybody understands.
            _ = try? FileDescriptor.standardOutput.writeAll(answer.utf8)
        }
        try reception.receive(from: input)
    }
}

extension Context {
    /// What messages of WAL commands end with when the caller came by ssh.
    var origin: String {
        guard let host = environment["SSH_CONNECTION"]?.split(separator: " ").first else { return "" }
        return " (SSH host: \(host))"
    }
}
