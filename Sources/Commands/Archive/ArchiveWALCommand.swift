/// `archive-wal`: takes waiting WAL files into the archive.
enum ArchiveWALCommand {
    static let specification = CommandSpecification(
        name: "archive-wal",
        summary: "Take the WAL files that wait into the archive.",
        positionals: [.server]
    )
}
