/// One row of `check`: what was looked at, and what came of it.
public struct CheckResult: Sendable, Equatable {
    /// What was looked at, as printed: `wal_level`, `backup maximum age`.
    public let label: String
    /// Whether it is as it should be.
    public let isOK: Bool
    /// What goes into the parentheses behind the verdict.
    public let hint: String?
    /// Lines below the row, two tabs deep: the messages of a faulty configuration.
    public let lines: [String]

    /// Makes a row; an empty hint is none.
    public init(_ label: String, isOK: Bool, hint: String? = nil, lines: [String] = []) {
        self.label = label
        self.isOK = isOK
        self.hint = hint.flatMap { $0.isEmpty ? nil : $0 }
        self.lines = lines
    }

    /// The key in JSON: the label in lower case, blanks and hyphens as underscores, no dots.
    public var key: String {
        var bytes: [UInt8] = []
        for byte in label.lowercased().utf8 {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "-"): bytes.append(UInt8(ascii: "_"))
            case UInt8(ascii: "."): break
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What `check` found out about one server.
public struct CheckReport: Sendable, Equatable {
    /// The name of the server.
    public let server: String
    /// False for a server that barman does not work on.
    public let isActive: Bool
    /// The rows, in the order of looking.
    public internal(set) var results: [CheckResult] = []
    /// The size of the newest backup, for performance data.
    public internal(set) var newestBackupBytes: Int64 = 0
    /// The size of the WAL after the newest backup, for performance data.
    public internal(set) var walBytes: Int64 = 0

    /// Begins a report without rows.
    public init(server: String, isActive: Bool) {
        self.server = server
        self.isActive = isActive
    }

    /// Adds a row.
    public mutating func add(_ result: CheckResult) { results.append(result) }

    /// The rows that failed.
    public var failures: [CheckResult] { results.filter { !$0.isOK } }

    /// True when at least one row failed.
    public var hasFailed: Bool { results.contains { !$0.isOK } }
}
