import Codecs
import SystemPackage

/// The command line of `barman-wal-archive`.
struct ArchiveArguments {
    let host: BackupHost
    let walPath: String
    let isTest: Bool
    let algorithm: ChecksumAlgorithm
    let compression: CompressionFormat?
    let level: CodecLevel
    let batch: Int
    let multiplexes: Bool
    let stateDirectory: FilePath

    init(_ words: [String]) throws(ArgumentTable.Ending) {
        let values = try Self.table.parse(words)
        host = BackupHost(
            host: values.positionals[0],
            user: values.text("user") ?? "barman",
            port: values.text("port"),
            configuration: values.text("config"),
            server: values.positionals[1]
        )
        walPath = values.positionals[2]
        isTest = values.flag("test")
        algorithm = values.flag("md5") ? .md5 : .sha256
        compression = values.text("compression").flatMap { CompressionFormat(rawValue: $0) }
        level = values.text("level").flatMap { CodecLevel($0) } ?? .medium
        batch = max(1, min(values.integer("batch"), 1024))
        multiplexes = !values.flag("no-multiplex")
        stateDirectory = values.text("state-dir").map { FilePath($0) } ?? PrivateDirectory.standard
    }

    private static let usage = """
        usage: barman-wal-archive [-h] [-V] [-U USER] [--port PORT] [-c CONFIG] [-t]
                                  [--md5] [-z] [-j] [--xz] [--snappy] [--zstd] [--lz4]
                                  [--compression-level COMPRESSION_LEVEL]
                                  [--batch FILES] [--no-multiplex]
                                  [--state-dir STATE_DIR]
                                  BARMAN_HOST SERVER_NAME WAL_PATH

        """

    private static let help =
        usage + """

            An archive_command: sends a WAL file over ssh to the backup host's put-wal, and
            succeeds when it is safe there.

            positional arguments:
              BARMAN_HOST           the backup host
              SERVER_NAME           the server's name there
              WAL_PATH              %p of archive_command

            options:
              -h, --help            print this help and end
              -V, --version         print the version and end
              -U USER, --user USER  ssh user on the backup host; default barman
              --port PORT           ssh port of the backup host
              -c CONFIG, --config CONFIG
                                    configuration file on the backup host
              -t, --test            test the connection and the server's configuration;
                                    WAL_PATH is ignored
              --md5                 use MD5 checksums, for very old backup hosts
              -z, --gzip            compress the file as gzip before it is sent
              -j, --bzip2           compress it as bzip2
              --xz                  compress it as xz
              --snappy              compress it as snappy
              --zstd                compress it as zstd
              --lz4                 compress it as lz4
              --compression-level COMPRESSION_LEVEL
                                    low, medium, high or a number
              --batch FILES         send up to so many files that are ready in one go, and
                                    answer PostgreSQL's next calls from what the backup host
                                    has confirmed; default 1
              --no-multiplex        do not share one ssh connection between calls
              --state-dir STATE_DIR
                                    private directory for the shared connection and for
                                    confirmations; default /var/tmp/barman-wal-UID

            """

    private static let table = ArgumentTable(
        program: ArchiveProgram.name,
        usage: usage,
        help: help,
        options: [
            ArgumentTable.Option(flags: ["-h", "--help"], key: "help", kind: .help),
            ArgumentTable.Option(flags: ["-V", "--version"], key: "version", kind: .version),
            ArgumentTable.Option(flags: ["-U", "--user"], key: "user", kind: .text),
            ArgumentTable.Option(flags: ["--port"], key: "port", kind: .text),
            ArgumentTable.Option(flags: ["-c", "--config"], key: "config", kind: .text),
            ArgumentTable.Option(flags: ["-t", "--test"], key: "test", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["--md5"], key: "md5", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["-z", "--gzip"], key: "compression", kind: .flag("gzip")),
            ArgumentTable.Option(flags: ["-j", "--bzip2"], key: "compression", kind: .flag("bzip2")),
            ArgumentTable.Option(flags: ["--xz"], key: "compression", kind: .flag("xz")),
            ArgumentTable.Option(flags: ["--snappy"], key: "compression", kind: .flag("snappy")),
            ArgumentTable.Option(flags: ["--zstd"], key: "compression", kind: .flag("zstd")),
            ArgumentTable.Option(flags: ["--lz4"], key: "compression", kind: .flag("lz4")),
            ArgumentTable.Option(flags: ["--compression-level"], key: "level", kind: .compressionLevel),
            ArgumentTable.Option(flags: ["--batch"], key: "batch", kind: .positiveInteger),
            ArgumentTable.Option(flags: ["--no-multiplex"], key: "no-multiplex", kind: .flag("yes")),
            ArgumentTable.Option(flags: ["--state-dir"], key: "state-dir", kind: .text),
        ],
        positionals: ["BARMAN_HOST", "SERVER_NAME", "WAL_PATH"]
    )
}
