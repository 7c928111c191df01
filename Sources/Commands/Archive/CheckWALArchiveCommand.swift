/// `check-wal-archive`: whether a new server may write into this archive.
enum CheckWALArchiveCommand {
    static let specification = CommandSpecification(
        name: "check-wal-archive",
        summary: "Check that the archive holds no WAL that a new server could clash with.",
        options: [
            .value("--timeline", type: .positiveInteger, help: "mind only WAL of this timeline and later ones")
        ],
        positionals: [.server]
    )
}
