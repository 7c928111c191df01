public import WAL

/// A tablespace that lives outside the data directory's own tree.
public struct ServerTablespace: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Its object id.
    public let oid: UInt32
    /// Where it lives on the server.
    public let location: String

    /// Makes one.
    public init(name: String, oid: UInt32, location: String) {
        self.name = name
        self.oid = oid
        self.location = location
    }
}

/// What a backup writes down about the cluster it copies.
public struct ClusterDescription: Sendable {
    /// The version.
    public let version: PostgresVersion
    /// Where the data lives.
    public let dataDirectory: String
    /// The size of a WAL segment.
    public let segmentSize: WALSegmentSize
    /// Where the configuration lives.
    public let configurationFiles: ConfigurationFiles
    /// The tablespaces that live elsewhere.
    public var tablespaces: [ServerTablespace]
    /// `on` or `off`.
    public let dataChecksums: String?
    /// `on` or `off`; `nil` before 17.
    public let summarizeWAL: String?
    /// The size of all tablespaces.
    public let sizeBytes: Int64?
    /// The system identifier.
    public let systemID: String?
}

extension PostgresServer {
    /// What a backup needs to know of the cluster; needs backup privileges.
    public func clusterDescription() throws(PostgresError) -> ClusterDescription {
        let facts = measuredFacts()
        if let failure = facts.failure { throw failure }
        guard facts.hasBackupPrivileges == true else { throw .missingPrivileges(user: conninfo["user"]) }
        guard let version = facts.version, let dataDirectory = facts.dataDirectory,
            let segmentSize = facts.segmentSize
        else { throw .unexpectedReply(to: "the questions about the cluster") }
        return ClusterDescription(
            version: version,
            dataDirectory: dataDirectory,
            segmentSize: segmentSize,
            configurationFiles: facts.configurationFiles,
            tablespaces: try tablespaces(),
            dataChecksums: facts.settings["data_checksums"],
            summarizeWAL: version.number >= 170_000 ? try setting("summarize_wal") : nil,
            sizeBytes: facts.currentSizeBytes,
            systemID: facts.systemID
        )
    }

    /// The tablespaces that live outside the data directory's own tree.
    public func tablespaces() throws(PostgresError) -> [ServerTablespace] {
        let rows = try rows(
            """
            SELECT spcname, oid, pg_tablespace_location(oid) AS location FROM pg_tablespace
            WHERE pg_tablespace_location(oid) != ''
            """
        )
        return rows.values.compactMap { row in
            guard row.count == 3, let name = row[0], let oid = row[1].flatMap({ UInt32($0) }), let location = row[2]
            else { return nil }
            return ServerTablespace(name: name, oid: oid, location: location)
        }
    }

    /// A setting as `SHOW` writes it.
    public func setting(_ name: String) throws(PostgresError) -> String? {
        try rows("SELECT current_setting(\(try literal(name)))").first
    }
}
