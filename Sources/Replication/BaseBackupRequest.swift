/// What a server is asked for with BASE_BACKUP (PostgreSQL manual, "Streaming Replication Protocol").
public struct BaseBackupRequest: Sendable, Equatable {
    /// Compression that the server does before it sends; from PostgreSQL 15 on.
    public struct Compression: Sendable, Equatable {
        /// `gzip`, `lz4` or `zstd`.
        public var method: String
        /// In the scale of the method; `nil` for its default.
        public var level: Int64?
        /// Threads of the server; `nil` for its default.
        public var workers: Int64?

        /// Makes one.
        public init(method: String, level: Int64? = nil, workers: Int64? = nil) {
            self.method = method
            self.level = level
            self.workers = workers
        }

        /// `level=3,workers=2`; empty for the defaults.
        var detail: String {
            [level.map { "level=\($0)" }, workers.map { "workers=\($0)" }].compactMap { $0 }.joined(separator: ",")
        }
    }

    /// What `backup_label` says about who took the backup.
    public var label: String
    /// Whether the checkpoint at the start is made at once.
    public var isFastCheckpoint = false
    /// The rates that the server takes, in kilobytes a second (PostgreSQL manual, "Streaming Replication Protocol", MAX_RATE).
    public static let possibleRates: ClosedRange<Int64> = 32...1_048_576
    /// Kilobytes a second at most, one of `possibleRates`.
    public var rateLimitKilobytes: Int64?
    /// Whether the archive of the data directory gets a file `tablespace_map`, for who does not unpack it.
    public var hasTablespaceMap = false
    /// The algorithm of the checksums in the manifest; the server makes no manifest before 13.
    public var manifestChecksums = "CRC32C"
    /// Whether the server waits at the end until its archive has the WAL that the backup needs; it looks once a second.
    public var waitsForArchiving = true
    /// Compression by the server.
    public var compression: Compression?
    /// Whether only what changed since the manifest that was sent before is wanted; from 17 on.
    public var isIncremental = false

    /// Asks for everything, plain, with a manifest and without WAL.
    public init(label: String) {
        self.label = label
    }

    /// The command in the syntax of a server; `serverVersion` is libpq's number.
    public func command(serverVersion: Int) throws(BaseBackupError) -> String {
        let isModern = serverVersion >= 150_000
        if compression != nil, !isModern { throw .unsupported("compression on the server needs PostgreSQL 15") }
        if isIncremental, serverVersion < 170_000 {
            throw .unsupported("an incremental backup needs PostgreSQL 17")
        }
        var options = ["LABEL \(Self.quoted(label))"]
        if isFastCheckpoint { options.append(isModern ? "CHECKPOINT 'fast'" : "FAST") }
        if let rateLimitKilobytes { options.append("MAX_RATE \(rateLimitKilobytes)") }
        if hasTablespaceMap { options.append("TABLESPACE_MAP") }
        if !waitsForArchiving { options.append(isModern ? "WAIT 'false'" : "NOWAIT") }
        if serverVersion >= 130_000 {
            options += ["MANIFEST 'yes'", "MANIFEST_CHECKSUMS \(Self.quoted(manifestChecksums))"]
        }
        if isIncremental { options.append("INCREMENTAL") }
        guard isModern else { return "BASE_BACKUP " + options.joined(separator: " ") }
        options.append("TARGET 'client'")
        if let compression {
            options.append("COMPRESSION \(Self.quoted(compression.method))")
            if !compression.detail.isEmpty { options.append("COMPRESSION_DETAIL \(Self.quoted(compression.detail))") }
        }
        return "BASE_BACKUP (" + options.joined(separator: ", ") + ")"
    }

    /// A text of the replication grammar: quotes are doubled, backslashes mean nothing.
    static func quoted(_ text: String) -> String {
        var quoted = "'"
        for scalar in text.unicodeScalars {
            if scalar == "'" { quoted.unicodeScalars.append("'") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }
}
