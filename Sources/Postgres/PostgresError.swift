/// What went wrong between us and a PostgreSQL server: facts, and the one line a user is shown.
public struct PostgresError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Sendable, Equatable {
        /// The connection string cannot be understood, or libpq refuses it.
        case invalidConnectionString
        /// The server could not be reached or refused us.
        case connectionFailed
        /// A connection that was there is gone.
        case connectionLost
        /// The connection is gone, and a backup depends on it: a new one would not do.
        case reconnectionForbidden
        /// The server answered a statement with an error.
        case statementFailed
        /// The reply is not what the protocol promises.
        case unexpectedReply
        /// The user of the connection lacks the privileges for what was asked.
        case missingPrivileges
        /// The server is a standby, and what was asked needs a primary.
        case isInRecovery
        /// The server is too old or too new for what was asked.
        case unsupportedVersion
        /// The caller asked to stop waiting.
        case interrupted
    }

    /// The kind of trouble.
    public let kind: Kind
    /// The first line of what libpq or the server said, without its severity.
    public let message: String
    /// The SQLSTATE of a failed statement, five characters.
    public let sqlState: String?
    /// What the server adds to its message: a line `DETAIL:  …`, a line `HINT:  …`, as it has them.
    public let remarks: [String]

    /// Makes an error; of a `message` of several lines only the first is kept.
    public init(_ kind: Kind, message: String, sqlState: String? = nil, remarks: [String] = []) {
        self.kind = kind
        self.message = Self.firstLine(of: message)
        self.sqlState = sqlState
        self.remarks = remarks
    }

    /// The message.
    public var description: String { message }

    /// True when the connection does not exist (any more).
    public var isConnectionTrouble: Bool {
        switch kind {
        case .invalidConnectionString, .connectionFailed, .connectionLost, .reconnectionForbidden: true
        default: false
        }
    }

    /// A refusal of the server with the words for what was asked before its message; other trouble as it is.
    func named(_ words: String) -> PostgresError {
        guard kind == .statementFailed else { return self }
        return PostgresError(kind, message: words + message, sqlState: sqlState, remarks: remarks)
    }

    /// The text up to the first line end.
    static func firstLine(of text: String) -> String {
        var line = text.utf8.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        while line.last == UInt8(ascii: " ") { line.removeLast() }
        return String(line) ?? ""
    }

    /// The error for statements that need more privileges than `user` has.
    static func missingPrivileges(user: String?) -> PostgresError {
        PostgresError(
            .missingPrivileges,
            message: "Postgres user '\(user ?? "None")' is missing required privileges "
                + "(see \"Pre-requisites\" section in the Barman documentation)"
        )
    }

    /// The error for a reply without the rows or columns we asked for.
    static func unexpectedReply(to question: String) -> PostgresError {
        PostgresError(.unexpectedReply, message: "unexpected reply of the server to \(question)")
    }
}
