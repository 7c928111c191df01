import Codecs

/// The command line of `barman-wal-archive`.
struct ArchiveArguments {
    let common: CommonArguments
    let walPath: String
    /// The checksum that every backup host understands.
    let algorithm: ChecksumAlgorithm
    /// Whether a cheaper one is offered: not where MD5, or the exact call of the reference, is wanted.
    let offersChecksum: Bool
    let compression: CompressionFormat?
    let level: CodecLevel
    let batch: Int

    init(_ words: [String]) throws(ArgumentTable.Ending) {
        let values = try Self.table.parse(words)
        common = CommonArguments(values)
        walPath = values.positionals[2]
        algorithm = values.flag("md5") ? .md5 : .sha256
        offersChecksum = algorithm == .sha256 && common.multiplexes
        compression = values.text("compression").flatMap { CompressionFormat(rawValue: $0) }
        level = values.text("level").flatMap { CodecLevel($0) } ?? .medium
        batch = max(1, min(values.integer("batch"), 1024))
    }

    /// The options, and the source of help and manual.
    static let table = ArgumentTable(
        program: ArchiveProgram.name,
        summary:
            "An archive_command: sends a WAL file over ssh to the backup host's put-wal, and succeeds when it is safe there.",
        options: ArgumentTable.common + [
            CommonArguments.config,
            CommonArguments.test(ignoring: "WAL_PATH is"),
            .init("--md5", key: "md5", .flag("yes"), help: "use MD5 checksums, for very old backup hosts"),
            .init(
                "-z",
                "--gzip",
                key: "compression",
                .flag("gzip"),
                help: "compress the file as gzip before it is sent"
            ),
            .init("-j", "--bzip2", key: "compression", .flag("bzip2"), help: "compress it as bzip2"),
            .init("--xz", key: "compression", .flag("xz"), help: "compress it as xz"),
            .init("--snappy", key: "compression", .flag("snappy"), help: "compress it as snappy"),
            .init("--zstd", key: "compression", .flag("zstd"), help: "compress it as zstd"),
            .init("--lz4", key: "compression", .flag("lz4"), help: "compress it as lz4"),
            .init(
                "--compression-level",
                key: "level",
                .compressionLevel,
                "COMPRESSION_LEVEL",
                help: "low, medium, high or a number"
            ),
            .init(
                "--batch",
                key: "batch",
                .positiveInteger,
                "FILES",
                help:
                    "send up to so many files that are ready in one go, and answer PostgreSQL's next calls from what the backup host has confirmed; default 1"
            ),
        ] + CommonArguments.sharing("the shared connection and for confirmations"),
        positionals: CommonArguments.positionals + [
            .init(name: "WAL_PATH", help: "%p of archive_command")
        ]
    )
}
