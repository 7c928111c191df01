import Catalog
import Console
import Failure
import Notation

/// `keep`: protects a backup from deletion, ends that, or tells.
enum KeepCommand {
    static let specification = CommandSpecification(
        name: "keep",
        summary: "Protect a backup from deletion and retention, or end that.",
        options: [
            .flag("-r", "--release", help: "end the protection"),
            .flag("-s", "--status", help: "tell whether the backup is protected"),
            .value(
                "--target",
                choices: ["full", "standalone"],
                help: "protect it with all WAL after it, or with what makes it consistent"
            ),
        ],
        positionals: [.server, .backup],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let target = arguments.text("target").flatMap(KeepTarget.init)
        guard arguments.flag("status") || arguments.flag("release") || target != nil else {
            throw Failure("one of the arguments -r/--release -s/--status --target is required")
        }
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        let info = try BackupCatalog.load(home).resolve(arguments.required("backup_id"))
        let annotations = Annotations(home)
        if arguments.flag("status") {
            show(try annotations.keepTarget(of: info.id), of: home, context)
        } else if arguments.flag("release") {
            try annotations.release(info.id)
        } else if let target {
            try annotations.keep(info, target)
        }
    }

    private static func show(_ target: KeepTarget?, of home: ServerHome, _ context: Context) {
        let text = target?.rawValue ?? "nokeep"
        if context.console.isJSON {
            let status: JSONValue = .object([("description", "Keep"), ("message", .string(text))])
            context.console.set(home.name, .object([("keep_status", status)]))
        } else {
            context.console.show(lines: ["Server \(home.name):", "\tKeep: \(text)"])
        }
    }
}
