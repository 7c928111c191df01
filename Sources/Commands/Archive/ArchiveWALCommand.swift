import Archive
import Console

/// `archive-wal`: takes waiting WAL files into the archive.
enum ArchiveWALCommand {
    static let specification = CommandSpecification(
        name: "archive-wal",
        summary: "Take the WAL files that wait into the archive.",
        positionals: [.server],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsServer) else { return }
        try WALIntake(home: home, reporter: context.console).run(isExplicit: true)
    }
}
