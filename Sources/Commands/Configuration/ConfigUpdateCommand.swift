import Console
import Failure
import Files
import Notation
import Settings
import SystemPackage
import Upkeep

/// `config-update`: changes options of servers and models.
enum ConfigUpdateCommand {
    static let specification = CommandSpecification(
        name: "config-update",
        summary: "Change options of servers and models.",
        positionals: [PositionalArgument("json_changes", help: "the changes, as JSON")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let changes: JSONValue
        do {
            changes = try JSONValue(parsing: Array(arguments.required("json_changes").utf8))
        } catch {
            throw Failure("\(error)", kind: .exception)
        }
        let configuration = context.configuration
        let path = configuration.global.lockDirectory.appending(".config-update.lock")
        let lock: FileLock
        do {
            lock = try FileLock.acquire(path)
        } catch .busy {
            throw Failure(path.string, kind: .exception)
        } catch {
            throw Failure("\(error)", kind: .exception, cause: error)
        }
        defer { lock.release() }
        // Where nothing is asked for, servers that cannot be read do not matter.
        let isEmpty = changes.arrayValue?.isEmpty ?? false
        let update =
            try isEmpty
            ? nil
            : ConfigurationUpdate(changes, for: configuration, context.serverList(), reporter: context.console)
        var queue = try ChangeQueue(configuration, reporter: context.console)
        let changed = try queue.process(adding: update)
        guard !changed.isEmpty else { return }
        let known = Set(try context.serverList().names)
        for name in changed where known.contains(name) {
            do {
                guard let home = try context.server(name, ServerReactions(inactive: .skip)) else { continue }
                try ReceiverRestart.run(home, reporter: context.console)
            } catch let failure as Failure {
                context.console.report(failure)
            }
        }
    }
}
