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
    private let isStateDirectoryGiven: Bool

    /// Takes the values; the directory for state is relative to `directory`.
    init(_ values: ArgumentTable.Values, in directory: FilePath = "") {
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
        isStateDirectoryGiven = values.text("state-dir") != nil
        stateDirectory = directory.pushing(values.text("state-dir").map { FilePath($0) } ?? PrivateDirectory.standard)
    }

    /// The ssh connection that calls share; `nil` when they do not.
    var multiplexing: Multiplexing? {
        // The connection is a process that outlives the call.
        multiplexes && !FirstProcess.isPostmaster ? Multiplexing(to: host, in: stateDirectory) : nil
    }

    /// Warns that the directory that was asked for, or that is needed, cannot be used: the program works without it, and slowly.
    func checkStateDirectory(isNeeded: Bool = false) {
        guard isStateDirectoryGiven || isNeeded, !PrivateDirectory.prepare(stateDirectory) else { return }
        Terminal.error(
            "WARNING: '\(stateDirectory)' is not a directory of this account that nobody else can write to: "
                + "calls share no connection, and nothing is sent ahead\n"
        )
    }

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
