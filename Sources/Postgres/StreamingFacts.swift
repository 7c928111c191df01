import Synchronization
public import WAL

/// What a server says about itself on the replication connection.
///
/// What could not be learnt is `nil`.
public struct StreamingFacts: Sendable {
    /// Why there is no connection.
    public internal(set) var connectionError: String?
    /// True when the server's version streams.
    public internal(set) var isSupported: Bool?
    /// True for a replication connection, false for one that answered otherwise (a pooler, for example).
    public internal(set) var isStreaming: Bool?
    /// The system identifier.
    public internal(set) var systemID: String?
    /// The timeline the server is on.
    public internal(set) var timeline: Timeline?
    /// The flush position.
    public internal(set) var flushLSN: LSN?
    /// False when the server is too old for us.
    public internal(set) var isVersionSupported: Bool?
    /// The version at the other end.
    public internal(set) var version: PostgresVersion?
}

extension PostgresServer {
    /// What the server says on the replication connection; asked once, then remembered; `nil` when none is configured.
    public func streamingFacts() -> StreamingFacts? {
        guard streamingConninfo != nil else { return nil }
        if let known = memory.withLock({ $0.streamingFacts }) { return known }
        var facts = StreamingFacts()
        do throws(PostgresError) {
            let rows = try streamingRows("IDENTIFY_SYSTEM")
            facts.isStreaming = true
            facts.systemID = rows["systemid"]
            facts.timeline = rows["timeline"].flatMap { UInt32($0) }.map { Timeline(rawValue: $0) }
            facts.flushLSN = rows["xlogpos"].flatMap { LSN($0) }
        } catch {
            switch error.kind {
            case .statementFailed: facts.isStreaming = false
            default: facts.connectionError = error.message
            }
        }
        if facts.isStreaming != nil {
            let version = PostgresVersion(number: streamingVersionNumber())
            facts.version = version
            facts.isSupported = version.number >= 90200
            facts.isVersionSupported = version.isSupported
        }
        let gathered = facts
        memory.withLock { $0.streamingFacts = gathered }
        return gathered
    }

    /// Creates a physical replication slot.
    public func createReplicationSlot(_ name: String) throws(PostgresError) {
        _ = try streamingRows("CREATE_REPLICATION_SLOT \(Self.quotedSlotName(name)) PHYSICAL")
        forgetFacts()
    }

    /// Drops a physical replication slot.
    public func dropReplicationSlot(_ name: String) throws(PostgresError) {
        _ = try streamingRows("DROP_REPLICATION_SLOT \(Self.quotedSlotName(name))")
        forgetFacts()
    }

    /// A slot name as the replication grammar wants it: an identifier in double quotes.
    public static func quotedSlotName(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// Forgets what was gathered, so that the next question asks the server.
    public func forgetFacts() {
        memory.withLock { $0 = Memory() }
    }
}
