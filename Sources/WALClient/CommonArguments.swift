import SystemPackage

/// What the command lines of both programs beside PostgreSQL have in common.
struct CommonArguments {
    /// The backup host and the server there.
    let host: BackupHost
    /// Whether only the connection is tested.
    let isTest: Bool
    /// Whether calls share one ssh connection.
    let multiplexes: Bool
    /// The private directory of what outlives a call.
    let stateDirectory: FilePath

    init(_ values: ArgumentTable.Values) {
        multiplexes = !values.flag("no-multiplex")
        host = BackupHost(
            host: values.positionals[0],
            user: values.text("user") ?? "barman",
            port: values.text("port"),
            configuration: values.text("config"),
            server: values.positionals[1],
            isWatched: multiplexes
        )
        isTest = values.flag("test")
        stateDirectory = values.text("state-dir").map { FilePath($0) } ?? PrivateDirectory.standard
    }

    /// The ssh connection that calls share; `nil` when they do not.
    var multiplexing: Multiplexing? { multiplexes ? Multiplexing(to: host, in: stateDirectory) : nil }

    // MARK: Options

    static let config = ArgumentTable.Option(
        "-c",
        "--config",
        key: "config",
        .text,
        "CONFIG",
        help: "configuration file on the backup host"
    )

    /// `--test`; `ignored` are the arguments that then do not count.
    static func test(ignoring ignored: String) -> ArgumentTable.Option {
        .init(
            "-t",
            "--test",
            key: "test",
            .flag("yes"),
            help: "test the connection and the server's configuration; \(ignored) ignored"
        )
    }

    /// The options about the shared connection; the directory is for `contents`.
    static func sharing(_ contents: String) -> [ArgumentTable.Option] {
        [
            .init(
                "--no-multiplex",
                key: "no-multiplex",
                .flag("yes"),
                help: "do not share one ssh connection between calls"
            ),
            .init(
                "--state-dir",
                key: "state-dir",
                .text,
                "STATE_DIR",
                help: "private directory for \(contents); default /var/tmp/barman-wal-UID"
            ),
        ]
    }

    static let positionals: [ArgumentTable.Positional] = [
        .init(name: "BARMAN_HOST", help: "the backup host"),
        .init(name: "SERVER_NAME", help: "the server's name there"),
    ]
}
