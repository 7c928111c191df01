import Files
import SystemPackage

/// The command line of `barman-wal-restore`.
struct RestoreArguments {
    let common: CommonArguments
    let walName: String
    let destination: FilePath
    let partial: Bool
    /// `gzip` or `bzip2` on the wire.
    let wireCompression: String?
    let keepsCompression: Bool
    let parallel: Int
    let sleepSeconds: Int
    let spool: FilePath
    /// As they were given; the prefetcher gets the same.
    let words: [String]

    /// Reads the words; paths among them are relative to the directory.
    init(_ words: [String], in directory: FilePath = "") throws(ArgumentTable.Ending) {
        let values = try Self.table.parse(words)
        common = CommonArguments(values, in: directory)
        walName = values.positionals[2]
        destination = directory.pushing(FilePath(values.positionals[3]))
        partial = values.flag("partial")
        let compression = values.text("compression")
        wireCompression = compression == "keep" ? nil : compression
        keepsCompression = compression == "keep"
        parallel = max(0, min(values.integer("parallel"), 1024))
        sleepSeconds = max(0, min(values.integer("sleep"), 86_400))
        spool = directory.pushing(FilePath(values.text("spool-dir") ?? "/var/tmp/walrestore"))
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
            CommonArguments.config,
            CommonArguments.test(ignoring: "WAL_NAME and WAL_DEST are"),
        ] + CommonArguments.sharing("the shared connection"),
        positionals: CommonArguments.positionals + [
            .init(name: "WAL_NAME", help: "%f of restore_command"),
            .init(name: "WAL_DEST", help: "%p of restore_command"),
        ]
    )
}
