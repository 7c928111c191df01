/// A libpq connection string, understood as far as needed to know what was given in it.
///
/// The parsing is naive on purpose: blank-separated tokens, each split at its first `=`; no quotes, no URI. libpq gets the
/// text as it stands. The description masks the text, which may hold a password.
public struct ConnectionString: Sendable, Equatable, CustomStringConvertible {
    /// The text as configured.
    public let verbatim: String
    private let pairs: [String: String]

    /// Takes a configured text; throws when a token has no `=`.
    public init(_ text: String) throws(PostgresError) {
        var pairs: [String: String] = [:]
        for token in text.split(whereSeparator: \.isWhitespace) {
            guard let equals = token.firstIndex(of: "=") else {
                throw PostgresError(
                    .invalidConnectionString,
                    message: "Cannot connect to postgres: \"\(text)\" is not a valid connection string"
                )
            }
            pairs[String(token[..<equals])] = String(token[token.index(after: equals)...])
        }
        verbatim = text
        self.pairs = pairs
    }

    /// Makes one from pairs that are known.
    private init(pairs: [String: String]) {
        self.pairs = pairs
        verbatim = pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { "\($0.key)=\($0.value)" }
            .joined(separator: " ")
    }

    /// The value of a keyword, `host` for example; `nil` when it was not given.
    public subscript(keyword: String) -> String? { pairs[keyword] }

    /// The string for the replication protocol: sorted by keyword, with `replication`, `options` and `dbname` forced.
    public var forReplication: ConnectionString {
        var forced = pairs
        forced["replication"] = "true"
        forced["options"] = "-cdatestyle=iso"
        forced["dbname"] = "replication"
        return ConnectionString(pairs: forced)
    }

    /// The string for the replication protocol, with an application name unless it has one already.
    public func forReplication(as applicationName: String) -> ConnectionString {
        var forced = forReplication.pairs
        if forced["application_name"] == nil { forced["application_name"] = applicationName }
        return ConnectionString(pairs: forced)
    }

    /// The text for `--dbname=` of a client program, which is given a name and an empty search path unless set already.
    public func text(forClient applicationName: String) -> String {
        var text = verbatim
        if pairs["application_name"] == nil { text += " application_name=\(applicationName)" }
        if pairs["options"] == nil { text += " options=-csearch_path=" }
        return text
    }

    /// The keywords that were given, without their values.
    public var description: String {
        "ConnectionString(" + pairs.keys.sorted().joined(separator: " ") + ")"
    }
}
