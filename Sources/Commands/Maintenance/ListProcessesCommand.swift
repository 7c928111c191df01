import Catalog
import Console
import Files
import Notation
import Settings
import SystemPackage

/// `list-processes`: what is at work for a server right now, found through the locks that are held.
enum ListProcessesCommand {
    static let specification = CommandSpecification(
        name: "list-processes",
        aliases: ["list-process"],
        summary: "List what is at work for a server right now.",
        positionals: [PositionalArgument("server_name", help: "the server")],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let processes = try processes(of: home)
        let console = context.console
        if console.isJSON {
            let list = processes.map {
                JSONValue.object([("pid", .integer(Int64($0.pid))), ("name", .string($0.task))])
            }
            console.set(home.name, .array(list))
        } else if processes.isEmpty {
            console.show("No active subprocesses found for server \(home.name).")
        } else {
            console.show("Active subprocesses for server \(home.name):")
            console.show(lines: processes.map { "\($0.pid) \($0.task)" })
        }
    }

    /// The tasks whose locks tell that somebody works.
    private static let tasks = ["archive-wal", "backup", "cron", "receive-wal", "sync-backup", "sync-wal"]

    private static func processes(of home: ServerHome) throws -> [(pid: Int32, task: String)] {
        let (start, end) = (".\(home.name)-", ".lock")
        var processes: [(pid: Int32, task: String)] = []
        for name in try FileSystem.names(in: home.lockDirectory) {
            guard name.hasPrefix(start), name.hasSuffix(end), name.utf8.count > start.utf8.count + end.utf8.count
            else { continue }
            let middle = name.dropFirst(start.count).dropLast(end.count)
            let parts = middle.split(separator: "-", maxSplits: 1)
            let isOfBackup = parts.count == 2 && BackupCatalog.isBackupID(String(parts[0])) && parts[1] == "sync-backup"
            let task = isOfBackup ? "sync-backup" : String(middle)
            guard tasks.contains(task), isOfBackup || task != "sync-backup" else { continue }
            if let pid = try FileLock.holder(of: home.lockDirectory.appending(name)) { processes.append((pid, task)) }
        }
        return processes
    }
}
