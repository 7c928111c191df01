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

    private static let usage = """
        usage: barman-wal-restore [-h] [-V] [-U USER] [--port PORT] [-s SECONDS]
                                  [-p JOBS] [--spool-dir SPOOL_DIR] [-P]
                                  [-z | -j | --keep-compression] [-c CONFIG] [-t]
                                  [--no-multiplex] [--state-dir STATE_DIR]
                                  BARMAN_HOST SERVER_NAME WAL_NAME WAL_DEST

        """

    private static let help =
        usage + """

            A restore_command: fetches a WAL file over ssh from the backup host's get-wal.

            positional arguments:
              BARMAN_HOST           the backup host
              SERVER_NAME           the server's name there
              WAL_NAME              %f of restore_command
              WAL_DEST              %p of restore_command

            options:
              -h, --help            print this help and end
              -V, --version         print the version and end
              -U USER, --user USER  ssh user on the backup host; default barman
              --port PORT           ssh port of the backup host
              -s SECONDS, --sleep SECONDS
                                    wait so long after a failure; default 0
              -p JOBS, --parallel JOBS
                                    keep so many files, with the one asked for, ahead of
                                    replay; default 0, none
              --spool-dir SPOOL_DIR
                                    where files fetched ahead wait; default
                                    /var/tmp/walrestore
              -P, --partial         take a partial file if there is no complete one
              -z, --gzip            send the file as gzip (deprecated)
              -j, --bzip2           send the file as bzip2 (deprecated)
              --keep-compression    send the file as it is stored, decompress it here
              -c CONFIG, --config CONFIG
                                    configuration file on the backup host
              -t, --test            test the connection and the server's configuration;
                                    WAL_NAME and WAL_DEST are ignored
              --no-multiplex        do not share one ssh connection between calls
              --state-dir STATE_DIR
                                    private directory for the shared connection; default
                                    /var/tmp/barman-wal-UID

            """

    private static let table = ArgumentTable(
        program: RestoreProgram.name,
        usage: usage,
        help: help,
        options: [
            ArgumentTable.Option(flags: ["-h", "--help"], key: "help", kind: .help),
            ArgumentTable.Option(flags: ["-V", "--version"], key: "version", kind: .version),
            ArgumentTable.Option(flags: ["-U", "--user"], key: "user", kind: .text),
            ArgumentTable.Option(flags: ["--port"], key: "port", kind: .text),
            ArgumentTable.Option(flags: ["-s", "--sleep"], key: "sleep", kind: .integer),
            ArgumentTable.Option(flags: ["-p", "--parallel"], key: "parallel", kind: .integer),
            ArgumentTable.Option(flags: ["--spool-dir"], key: "spool-dir", kind: .text),
            ArgumentTable.Option(flags: ["-P", "--partial"], key: "partial", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["-z", "--gzip"], key: "compression", kind: .flag("gzip"), group: "wire"),
            ArgumentTable.Option(flags: ["-j", "--bzip2"], key: "compression", kind: .flag("bzip2"), group: "wire"),
            ArgumentTable.Option(
                flags: ["--keep-compression"],
                key: "compression",
                kind: .flag("keep"),
                group: "wire"
            ),
            ArgumentTable.Option(flags: ["-c", "--config"], key: "config", kind: .text),
            ArgumentTable.Option(flags: ["-t", "--test"], key: "test", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["--no-multiplex"], key: "no-multiplex", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["--state-dir"], key: "state-dir", kind: .text),
        ],
        positionals: ["BARMAN_HOST", "SERVER_NAME", "WAL_NAME", "WAL_DEST"]
    )
}
