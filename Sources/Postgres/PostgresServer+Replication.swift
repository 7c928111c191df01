extension PostgresServer {
    /// Opens a connection for one long replication command, apart from the one for questions.
    ///
    /// The server shows it under `applicationName` unless the connection string has a name.
    public func openReplication(
        applicationName: String,
        onNotice: @escaping @Sendable (PostgresNotice) -> Void
    ) throws(PostgresError) -> PostgresSession {
        guard let conninfo = streamingConninfo else {
            throw PostgresError(.invalidConnectionString, message: "no streaming connection is configured")
        }
        let replication = conninfo.forReplication
        let name = replication["application_name"] == nil ? " application_name=\(applicationName)" : ""
        return try PostgresSession(
            conninfo: replication.verbatim + name,
            isInterrupted: interruption,
            onNotice: onNotice
        )
    }
}
