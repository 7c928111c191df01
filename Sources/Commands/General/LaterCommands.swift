/// Commands that the table knows with all their arguments while their feature is not there yet.
enum LaterCommands {
    static let cloudWALArchive = CommandSpecification(
        name: "cloud-wal-archive",
        summary: "Send a WAL file to the object store of a server; an archive_command.",
        options: [.value("-p", "--parallel", type: .integer, help: "send up to so many files at once")],
        positionals: [.server, PositionalArgument("wal_path", help: "the %p of archive_command")]
    )
    static let cloudWALRestore = CommandSpecification(
        name: "cloud-wal-restore",
        summary: "Fetch a WAL file from the object store of a server; a restore_command.",
        options: [
            .value("-p", "--parallel", type: .integer, help: "fetch up to so many files at once"),
            .value("--spool-dir", help: "where files fetched ahead wait; default /var/tmp/walrestore"),
        ],
        positionals: [
            .server,
            PositionalArgument("wal_name", help: "the %f of restore_command"),
            PositionalArgument("wal_dest", help: "the %p of restore_command"),
        ]
    )
}
