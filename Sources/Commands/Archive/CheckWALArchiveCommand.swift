import Catalog
import Console
import Failure
import Notation
import WAL

/// `check-wal-archive`: whether a new server may write into this archive.
enum CheckWALArchiveCommand {
    static let specification = CommandSpecification(
        name: "check-wal-archive",
        summary: "Check that the archive holds no WAL that a new server could clash with.",
        options: [
            .value("--timeline", type: .positiveInteger, help: "mind only WAL of this timeline and later ones")
        ],
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let console = context.console
        if console.isJSON {
            console.set(home.name, .object([]))
        } else {
            console.show("Server \(home.name):")
        }
        if let problem = try problem(in: home, timeline: arguments.integer("timeline")) {
            console.error("WAL archive check failed for server \(home.name): \(problem)")
            return
        }
        let text = "WAL archive check for server \(home.name) passed"
        if console.isJSON {
            console.set(home.name, .string(text))
        } else {
            console.show(" - \(text)")
        }
    }

    /// What speaks against a new server; nil if nothing does.
    private static func problem(in home: ServerHome, timeline: Int?) throws -> String? {
        var foreignName: String?
        var count = 0
        try XlogDatabase(home).forEachLine { line in
            guard let timeline else {
                count += 1
                return false
            }
            guard let file = line.fileName else {
                foreignName = line.name
                return false
            }
            if Int(file.timeline.rawValue) >= timeline { count += 1 }
            return true
        }
        if let foreignName { return "Unexpected file \(foreignName) found in WAL archive" }
        guard count > 0 else { return nil }
        guard let timeline else { return "Expected empty archive" }
        let files = count == 1 ? "file" : "files"
        return "Found \(count) \(files) in WAL archive equal to or newer than timeline \(timeline)"
    }
}
