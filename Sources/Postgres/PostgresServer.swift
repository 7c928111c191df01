import Synchronization

/// One PostgreSQL server as configured: its ordinary connection, the replication connection, the primary behind it.
///
/// Connections are opened when first needed, looked at before each use, and opened again when they are gone. All
/// methods may be called from any thread, and wait for each other.
public final class PostgresServer: Sendable {
    /// The ordinary connection string.
    public let conninfo: ConnectionString
    /// The connection string of the replication connection as configured, when one is needed.
    public let streamingConninfo: ConnectionString?
    /// The primary of a standby that is backed up.
    public let primary: PostgresServer?
    /// The physical replication slot that is ours.
    public let slotName: String?

    private let connections: Mutex<Connections>
    let memory = Mutex(Memory())

    private struct Connections: ~Copyable {
        var main: PostgresSession?
        var streaming: PostgresSession?
        /// False between start and stop of a backup, which live and die with their session.
        var mayReconnect = true
        var isInterrupted: @Sendable () -> Bool
        var versionNumber = 0
    }

    /// What was gathered; valid for the life of this object, which is one command.
    struct Memory: Sendable {
        var facts: ServerFacts?
        var streamingFacts: StreamingFacts?
        var archiverFacts: ArchiverFacts?
        var configurationFiles: ConfigurationFiles?
    }

    /// Describes a server; connects to nothing yet.
    ///
    /// `isInterrupted` is asked during every wait.
    public init(
        conninfo: ConnectionString,
        streamingConninfo: ConnectionString? = nil,
        primaryConninfo: ConnectionString? = nil,
        slotName: String? = nil,
        isInterrupted: @escaping @Sendable () -> Bool = { false }
    ) {
        self.conninfo = conninfo
        self.streamingConninfo = streamingConninfo
        self.slotName = slotName
        primary = primaryConninfo.map { PostgresServer(conninfo: $0, isInterrupted: isInterrupted) }
        connections = Mutex(Connections(isInterrupted: isInterrupted))
    }

    /// Says anew what interrupts a wait; the next connections and the next waits of those opened from now on obey it.
    public func setInterruption(_ isInterrupted: @escaping @Sendable () -> Bool) {
        primary?.setInterruption(isInterrupted)
        connections.withLock { $0.isInterrupted = isInterrupted }
    }

    /// What interrupts a wait.
    var interruption: @Sendable () -> Bool {
        connections.withLock { $0.isInterrupted }
    }

    /// Closes all connections; the next question opens them again.
    ///
    /// Does nothing while a backup depends on one.
    public func close() {
        primary?.close()
        connections.withLock { state in
            guard state.mayReconnect else { return }
            state.main = nil
            state.streaming = nil
        }
    }

    /// Closes the replication connection alone.
    public func closeStreaming() {
        connections.withLock { $0.streaming = nil }
    }
}

// MARK: - Asking

extension PostgresServer {
    /// Runs one statement on the ordinary connection.
    public func rows(_ sql: String) throws(PostgresError) -> PostgresRows {
        try withMain { (session) throws(PostgresError) in try session.rows(sql) }
    }

    /// Runs statements as one transaction and returns the rows of those before the first failure, and the failure.
    func partialResults(_ sql: String) throws(PostgresError) -> (results: [PostgresRows], failure: PostgresError?) {
        try withMain { (session) throws(PostgresError) in
            var results: [PostgresRows] = []
            do throws(PostgresError) {
                try session.results(sql) { results.append($0) }
                return (results, nil)
            } catch {
                return (results, error)
            }
        }
    }

    /// libpq's number of the server's version; connects if need be.
    public func versionNumber() throws(PostgresError) -> Int {
        let known = connections.withLock { $0.versionNumber }
        if known != 0 { return known }
        return try withMain { (session) throws(PostgresError) in session.serverVersionNumber }
    }

    /// The names of functions on this server; connects if need be.
    func dialect() throws(PostgresError) -> ServerDialect {
        ServerDialect(versionNumber: try versionNumber())
    }

    /// A text as a literal of SQL; connects if need be.
    func literal(_ text: String) throws(PostgresError) -> String {
        try withMain { (session) throws(PostgresError) in try session.literal(text) }
    }

    /// Whether the open ordinary connection still has another end; asks nothing of the server and does not wait for it.
    public func sessionIsThere() -> Bool {
        connections.withLock { state in
            switch state.main {
            case .some(let session): session.peerIsThere()
            case .none: false
            }
        }
    }

    /// Runs one command of the replication protocol.
    func streamingRows(_ command: String) throws(PostgresError) -> PostgresRows {
        try connections.withLock { (state) throws(PostgresError) -> PostgresRows in
            guard let conninfo = streamingConninfo else {
                throw PostgresError(.invalidConnectionString, message: "no streaming connection is configured")
            }
            switch state.streaming {
            case .some(let session):
                if try Self.answers(session, "IDENTIFY_SYSTEM") { return try session.rows(command) }
            case .none: break
            }
            state.streaming = nil
            let session = try PostgresSession(
                conninfo: conninfo.forReplication.verbatim,
                isInterrupted: state.isInterrupted
            )
            do throws(PostgresError) {
                let rows = try session.rows(command)
                state.streaming = consume session
                return rows
            } catch {
                state.streaming = consume session
                throw error
            }
        }
    }

    /// libpq's number of the version at the other end of the replication connection, once it is open.
    func streamingVersionNumber() -> Int {
        connections.withLock { state in
            switch state.streaming {
            case .some(let session): session.serverVersionNumber
            case .none: 0
            }
        }
    }

    /// From now on a lost connection is an error, until `allowReconnection`.
    func forbidReconnection() {
        connections.withLock { $0.mayReconnect = false }
    }

    /// From now on a lost connection is replaced again.
    func allowReconnection() {
        connections.withLock { $0.mayReconnect = true }
    }

    /// Closes the ordinary connection whatever depends on it, which ends a backup running on it.
    func abandonSession() {
        connections.withLock { state in
            state.main = nil
            state.mayReconnect = true
        }
    }

    /// Asks on an ordinary connection that is alive.
    private func withMain<Answer: Sendable>(
        _ ask: (borrowing PostgresSession) throws(PostgresError) -> Answer
    ) throws(PostgresError) -> Answer {
        try connections.withLock { (state) throws(PostgresError) -> Answer in
            try ensureMain(&state)
            switch state.main {
            case .some(let session): return try ask(session)
            case .none: throw PostgresError(.connectionFailed, message: "no connection")
            }
        }
    }

    /// Sees to it that there is an ordinary connection, and that it answers.
    private func ensureMain(_ state: inout Connections) throws(PostgresError) {
        switch state.main {
        case .some(let session):
            if try Self.answers(session, "SELECT 1") { return }
        case .none: break
        }
        guard state.mayReconnect else {
            throw PostgresError(.reconnectionForbidden, message: "Connection lost, reconnection not allowed")
        }
        state.main = nil
        let session = try PostgresSession(conninfo: conninfo.verbatim, isInterrupted: state.isInterrupted)
        let preparation = Self.preparation(of: session, conninfo)
        if !preparation.isEmpty { _ = try session.rows(preparation) }
        state.versionNumber = session.serverVersionNumber
        state.main = consume session
    }

    /// True when the other end of a session is there; throws only when interrupted.
    private static func answers(
        _ session: borrowing PostgresSession,
        _ probe: String
    ) throws(PostgresError) -> Bool {
        guard session.isOpen else { return false }
        do throws(PostgresError) {
            _ = try session.rows(probe)
            return true
        } catch {
            if error.kind == .interrupted { throw error }
            return false
        }
    }

    /// What a new session needs so that we know each other: our name, and texts we can read.
    private static func preparation(of session: borrowing PostgresSession, _ conninfo: ConnectionString) -> String {
        var statements: [String] = []
        if conninfo["application_name"] == nil { statements.append("SET application_name TO barman") }
        if session.parameter("DateStyle")?.hasPrefix("ISO") != true { statements.append("SET datestyle TO 'ISO'") }
        if session.parameter("client_encoding") != "UTF8" { statements.append("SET client_encoding TO 'UTF8'") }
        return statements.joined(separator: "; ")
    }
}
