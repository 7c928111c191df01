/// One line of `status`.
public struct StatusEntry: Sendable, Equatable {
    /// The key in JSON: `pg_version`.
    public let code: String
    /// What a person reads before the colon: `PostgreSQL version`.
    public let description: String
    /// What comes after it.
    public let message: String

    /// Makes a line.
    public init(_ code: String, _ description: String, _ message: String) {
        self.code = code
        self.description = description
        self.message = message
    }
}
