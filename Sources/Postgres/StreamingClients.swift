public import Notation
public import WAL

/// A client that streams WAL from a server: a row of `pg_stat_replication`.
public struct StreamingClient: Sendable, Equatable {
    /// How far a client is on one of the ways of WAL.
    public enum Stage: String, Sendable, CaseIterable {
        /// Sent over the wire.
        case sent
        /// Written by the client.
        case write
        /// Synced by the client.
        case flush
        /// Replayed by the client.
        case replay
    }

    /// The WAL sender that serves it.
    public let processID: Int32
    /// Who it logged in as.
    public let userName: String?
    /// What it calls itself.
    public let applicationName: String?
    /// Its address; `nil` for a local socket.
    public let address: String?
    /// Its name, if the server knows it.
    public let hostName: String?
    /// Its port.
    public let port: Int64?
    /// Since when it is connected.
    public let startedAt: Timestamp?
    /// The oldest transaction it holds back.
    public let transactionHorizon: String?
    /// `streaming`, `catchup`, `startup`, `backup` or `stopping`.
    public let state: String
    /// How far it is; what is not known is missing.
    public let positions: [Stage: LSN]
    /// Its place among the candidates for synchronous replication; 0 for none.
    public let syncPriority: Int64
    /// `async`, `potential`, `sync` or `quorum`.
    public let syncState: String
    /// The slot it uses, if any.
    public let slotName: String?

    /// True for a client that replays what it gets.
    public var isStandby: Bool { positions[.replay] != nil }
}

extension PostgresServer {
    /// The clients that stream from this server, the most synchronous ones first.
    public func streamingClients() throws(PostgresError) -> [StreamingClient] {
        // PostgreSQL 10 renamed the columns.
        let suffix = try versionNumber() < 100_000 ? "location" : "lsn"
        let answer = try rows(
            """
            SELECT stat.pid, usename, application_name, client_addr, client_hostname, client_port, backend_start,
              stat.backend_xmin, state, sent_\(suffix) AS sent, write_\(suffix) AS write, flush_\(suffix) AS flush,
              replay_\(suffix) AS replay, sync_priority, sync_state, slot_name
            FROM pg_stat_replication AS stat LEFT JOIN pg_replication_slots AS slot ON slot.active_pid = stat.pid
            ORDER BY sync_state DESC, sync_priority
            """
        )
        return answer.values.map { row in
            StreamingClient(Dictionary(zip(answer.columns, row)) { first, _ in first })
        }
    }
}

extension StreamingClient {
    /// Takes a row by the names of its columns.
    init(_ row: [String: String?]) {
        func text(_ column: String) -> String? { row[column] ?? nil }
        processID = text("pid").flatMap { Int32($0) } ?? 0
        userName = text("usename")
        applicationName = text("application_name")
        address = text("client_addr")
        hostName = text("client_hostname")
        port = text("client_port").flatMap { Int64($0) }
        startedAt = text("backend_start").flatMap { Timestamp(catalogText: $0) }
        transactionHorizon = text("backend_xmin")
        state = text("state") ?? ""
        var positions: [Stage: LSN] = [:]
        for stage in Stage.allCases { positions[stage] = text(stage.rawValue).flatMap { LSN($0) } }
        self.positions = positions
        syncPriority = text("sync_priority").flatMap { Int64($0) } ?? 0
        syncState = text("sync_state") ?? ""
        slotName = text("slot_name")
    }
}
