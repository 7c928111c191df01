import Files
import SystemPackage

/// The command line of `barman-wal-restore`.
struct RestoreArguments {
    let host: BackupHost
    let walName: String
    let destination: FilePath
    let isTest: Bool
    let partial: Bool
    /// `gzip` or `bzip2` on the wire.
    let wireCompression: String?
    let keepsCompression: Bool
    let parallel: Int
    let sleepSeconds: Int
    let spool: FilePath
    let multiplexes: Bool
    let stateDirectory: FilePath
    /// As they were given; the prefetcher gets the same.
    let words: [String]

    init(_ words: [String]) throws(ArgumentTable.Ending) {
        let values = try Self.table.parse(words)
        host = BackupHost(
            host: values.positionals[0],
            user: values.text("user") ?? "barman",
            port: values.text("port"),
            configuration: values.text("config"),
            server: values.positionals[1]
        )
        walName = values.positionals[2]
        destination = FilePath(values.positionals[3])
        isTest = values.flag("test")
        partial = values.flag("partial")
        let compression = values.text("compression")
        wireCompression = compression == "keep" ? nil : compression
        keepsCompression = compression == "keep"
        parallel = max(0, min(values.integer("parallel"), 1024))
        sleepSeconds = max(0, min(values.integer("sleep"), 86_400))
        spool = FilePath(values.text("spool-dir") ?? "/var/tmp/walrestore")
        multiplexes = !values.flag("no-multiplex")
        stateDirectory = values.text("state-dir").map { FilePath($0) } ?? PrivateDirectory.standard
        self.words = words
    }

    /// The options of `get-wal` in the reference's order; a prefetched file is never a partial one.
    func getOptions(peek: Int? = nil, isPrefetch: Bool = false) -> [String] {
        var options: [String] = []
        if let peek { options.append("--peek '\(peek)'") }
        if let wireCompression { options.append("--\(wireCompression)") }
        if keepsCompression { options.append("--keep-compression") }
        if partial, !isPrefetch { options.append("--partial") }
        return options
    }

    /// The options, and the source of help and manual.
    static let table = ArgumentTable(
        program: RestoreProgram.name,
        summary: "A restore_command: fetches a WAL file over ssh from the backup host's get-wal.",
        options: ArgumentTable.common + [
            .init("-s", "--sleep", key: "sleep", .integer, "SECONDS", help: "wait so long after a failure; default 0"),
            .init(
                "-p",
                "--parallel",
                key: "parallel",
                .integer,
                "JOBS",
                help: "keep so many files, with the one asked for, ahead of replay; default 0, none"
            ),
            .init(
                "--spool-dir",
                key: "spool-dir",
                .text,
                "SPOOL_DIR",
                help: "where files fetched ahead wait; default /var/tmp/walrestore"
            ),
            .init(
                "-P",
                "--partial",
                key: "partial",
                .flag("yes"),
                help: "take a partial file if there is no complete one"
            ),
            .init(
                "-z",
                "--gzip",
                key: "compression",
                .flag("gzip"),
                group: "wire",
                help: "send the file as gzip (deprecated)"
            ),
            .init(
                "-j",
                "--bzip2",
                key: "compression",
                .flag("bzip2"),
                group: "wire",
                help: "send the file as bzip2 (deprecated)"
            ),
            .init(
                "--keep-compression",
                key: "compression",
                .flag("keep"),
                group: "wire",
                help: "send the file as it is stored, decompress it here"
            ),
            .init("-c", "--config", key: "config", .text, "CONFIG", help: "configuration file on the backup host"),
            .init(
                "-t",
                "--test",
                key: "test",
                .flag("yes"),
                help: "test the connection and the server's configuration; WAL_NAME and WAL_DEST are ignored"
            ),
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
                help: "private directory for the shared connection; default /var/tmp/barman-wal-UID"
            ),
        ],
        positionals: [
            .init(name: "BARMAN_HOST", help: "the backup host"),
            .init(name: "SERVER_NAME", help: "the server's name there"),
            .init(name: "WAL_NAME", help: "%f of restore_command"),
            .init(name: "WAL_DEST", help: "%p of restore_command"),
        ]
    )
}
