public import Notation

/// What a drill found out; stored as one line of JSON.
public struct DrillRecord: Sendable {
    /// How long each part took.
    public struct Phases: Sendable {
        /// Copying backup and WAL to the scratch directory.
        public var copySeconds: Double?
        /// From the start of the server to the end of recovery.
        public var replaySeconds: Double?
        /// All checks.
        public var checkSeconds: Double?
    }

    /// What was looked at.
    public struct Counts: Sendable {
        /// Databases that connections are allowed to.
        public var databases = 0
        /// Tables, their TOAST and materialised views.
        public var tables = 0
        /// B-tree indexes.
        public var indexes = 0
        /// Assertions of the user.
        public var assertions = 0
        /// Databases without the extension amcheck: their tables were only read, their indexes not looked at.
        public var databasesWithoutAmcheck = 0
    }

    /// The server.
    public var server: String
    /// The backup; empty when none was found.
    public var backup: String
    /// When the drill began.
    public var startTime: Timestamp
    /// What recovery stopped at, in words.
    public var target = "latest"
    /// The version of the server that ran.
    public var serverVersion: String?
    /// How long it took.
    public var phases = Phases()
    /// What was looked at.
    public var counts = Counts()
    /// Bytes that were copied.
    public var copiedBytes: Int64 = 0
    /// The newest commit that recovery replayed.
    public var newestCommit: Timestamp?
    /// How old that was when the drill began.
    public var newestCommitAgeSeconds: Double?
    /// What is wrong; nothing when the drill passed.
    public var defects: [String] = []

    init(server: String, backup: String, startTime: Timestamp) {
        self.server = server
        self.backup = backup
        self.startTime = startTime
    }

    /// Whether nothing was wrong.
    public var hasPassed: Bool { defects.isEmpty }

    /// The record as it is stored and printed.
    public var json: JSONValue {
        .object([
            ("server", .string(server)),
            ("backup_id", .string(backup)),
            ("start_time", .string(startTime.catalogText)),
            ("target", .string(target)),
            ("passed", .bool(hasPassed)),
            ("defects", .array(defects.map(JSONValue.string))),
            ("postgresql_version", .optional(serverVersion)),
            ("copy_seconds", Self.number(phases.copySeconds)),
            ("replay_seconds", Self.number(phases.replaySeconds)),
            ("check_seconds", Self.number(phases.checkSeconds)),
            ("copied_bytes", .integer(copiedBytes)),
            ("newest_commit", .optional(newestCommit?.catalogText)),
            ("newest_commit_age_seconds", Self.number(newestCommitAgeSeconds)),
            ("databases", .integer(Int64(counts.databases))),
            ("tables", .integer(Int64(counts.tables))),
            ("indexes", .integer(Int64(counts.indexes))),
            ("assertions", .integer(Int64(counts.assertions))),
            ("databases_without_amcheck", .integer(Int64(counts.databasesWithoutAmcheck))),
        ])
    }

    /// Whole milliseconds: what is read again is what was written.
    private static func number(_ value: Double?) -> JSONValue {
        value.map { .double(($0 * 1000).rounded() / 1000) } ?? .null
    }
}

/// What is known of a drill of the past.
public struct PastDrill: Sendable {
    /// The backup.
    public let backup: String
    /// When it began.
    public let startTime: Timestamp
    /// What was wrong; nothing when it passed.
    public let defects: [String]
    /// How long the copy took, and what it copied.
    public let copySeconds: Double?
    /// What was copied.
    public let copiedBytes: Int64
    /// Whether the record is as a drill wrote it.
    public let isAuthentic: Bool

    init?(_ json: JSONValue, isAuthentic: Bool) {
        guard let start = json["start_time"]?.stringValue.flatMap({ Timestamp(catalogText: $0) }),
            let backup = json["backup_id"]?.stringValue
        else { return nil }
        self.backup = backup
        startTime = start
        defects = (json["defects"]?.arrayValue ?? []).compactMap(\.stringValue)
        if case .double(let seconds)? = json["copy_seconds"] { copySeconds = seconds } else { copySeconds = nil }
        copiedBytes = json["copied_bytes"]?.integerValue ?? 0
        self.isAuthentic = isAuthentic
    }

    /// Whether nothing was wrong, and the record can be believed.
    public var hasPassed: Bool { defects.isEmpty && isAuthentic }

    /// `passed`, `FAILED (…)`.
    public var verdict: String {
        guard isAuthentic else { return "FAILED (the record was not written by a drill)" }
        return defects.first.map { "FAILED (\($0))" } ?? "passed"
    }
}
