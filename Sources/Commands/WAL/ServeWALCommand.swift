import Console
import Failure
import Processes
import Settings

/// `serve-wal`: the forced command of an ssh key that may send and fetch WAL of some servers, and nothing else.
///
/// What the other side typed arrives in `SSH_ORIGINAL_COMMAND`. It is taken apart here, read with the table of commands, and
/// compared with what is allowed; no shell and no other program ever sees it.
enum ServeWALCommand {
    static let specification = CommandSpecification(
        name: "serve-wal",
        summary: "Serve put-wal and get-wal of these servers, and nothing else, as the forced command of an ssh key.",
        options: [
            .value("--only", choices: ["put-wal", "get-wal"], help: "serve this one alone")
        ],
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let text = context.environment["SSH_ORIGINAL_COMMAND"] else {
            throw Failure(
                "serve-wal is the forced command of an ssh key: there is no request in SSH_ORIGINAL_COMMAND",
                hint: #"authorized_keys: restrict,command="barman serve-wal SERVER" KEY"#
            )
        }
        let gate = WALGate(
            servers: Set(arguments.list("server_name")),
            commands: arguments.text("only").map { [$0] } ?? ["put-wal", "get-wal"],
            configurationFile: context.configuration.global.configurationFile
        )
        let request: WALGate.Request
        do throws(WALGate.Refusal) {
            request = try gate.request(in: text)
        } catch {
            // The request is shown as data: control characters in a log are somebody's attack.
            let shown = PrintableText.of(text, limit: 200)
            context.console.log(.warning, "barman", "serve-wal refused \(shown)\(context.origin): \(error.reason)")
            throw Failure("serve-wal: \(error.reason)")
        }
        try request.run(context, request.arguments)
    }
}

/// What a key may ask for.
struct WALGate {
    let servers: Set<String>
    let commands: Set<String>
    let configurationFile: String

    /// A request that is allowed.
    struct Request {
        let run: @Sendable (Context, ParsedArguments) throws -> Void
        let arguments: ParsedArguments
    }

    /// Why a request is not allowed; says nothing that only this host knows.
    struct Refusal: Error, Equatable {
        let reason: String
    }

    /// The longest request that is looked at; a real one has some hundred bytes.
    private static let limitBytes = 4096

    /// Reads a request as the clients write it: `barman [--config='FILE'] put-wal SERVER`.
    func request(in text: String) throws(Refusal) -> Request {
        guard text.utf8.count <= Self.limitBytes else { throw Refusal(reason: "the request is too long") }
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw Refusal(reason: "the request has control characters")
        }
        let words: [String]
        do {
            words = try ShellWords.split(text)
        } catch {
            throw Refusal(reason: "the request can not be read: \(error)")
        }
        guard words.first == "barman" else { throw Refusal(reason: "only barman's put-wal and get-wal are served") }
        let invocation: Invocation
        do {
            invocation = try Invocation(parsing: Array(words.dropFirst()), columns: 80)
        } catch {
            throw Refusal(reason: "the request is no command of barman")
        }
        return try checked(invocation)
    }

    private func checked(_ invocation: Invocation) throws(Refusal) -> Request {
        guard let command = invocation.command, commands.contains(command.name), let run = command.run else {
            throw Refusal(reason: "only \(commands.sorted().joined(separator: " and ")) may be asked for")
        }
        let isPlain =
            invocation.colour == nil && invocation.logLevel == nil && !invocation.isQuiet && !invocation.showsDebug
            && !invocation.isJSON
        guard isPlain else { throw Refusal(reason: "no global option but the configuration file is allowed") }
        if let file = invocation.configurationFile, file != configurationFile {
            throw Refusal(reason: "another configuration file may not be used")
        }
        guard servers.contains(invocation.arguments.required("server_name")) else {
            throw Refusal(reason: "this key is for other servers")
        }
        guard invocation.arguments.text("output_directory") == nil else {
            throw Refusal(reason: "files go to standard output only")
        }
        return Request(run: run, arguments: invocation.arguments)
    }
}

/// Text from outside as one line of a log.
enum PrintableText {
    /// At most so many characters, in quotes, those that do not print as `?`.
    static func of(_ text: String, limit: Int) -> String {
        let shown = text.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }
        return "'" + shown.joined() + "'" + (text.unicodeScalars.count > limit ? "…" : "")
    }
}
