public import Postgres
public import WAL

/// What a server answers to `IDENTIFY_SYSTEM`.
public struct SystemIdentity: Sendable, Equatable {
    /// The system identifier.
    public let systemID: String
    /// The timeline it writes, or follows.
    public let timeline: Timeline
    /// Up to here its WAL is durable.
    public let flushLSN: LSN
}

/// The questions of the replication protocol (PostgreSQL manual, "Streaming Replication Protocol").
extension PostgresSession {
    /// Who the server is.
    public borrowing func identifySystem() throws(PostgresError) -> SystemIdentity {
        let rows = try rows("IDENTIFY_SYSTEM")
        guard let systemID = rows["systemid"], let flushLSN = rows["xlogpos"].flatMap({ LSN($0) }),
            let timeline = rows["timeline"].flatMap({ UInt32($0) })
        else { throw Self.unexpectedReply(to: "IDENTIFY_SYSTEM") }
        return SystemIdentity(systemID: systemID, timeline: Timeline(rawValue: timeline), flushLSN: flushLSN)
    }

    /// The size of a WAL segment; PostgreSQL 10 and later.
    public borrowing func walSegmentSize() throws(PostgresError) -> WALSegmentSize {
        guard let text = try rows("SHOW wal_segment_size").first, let size = WALSegmentSize(setting: text) else {
            throw Self.unexpectedReply(to: "SHOW wal_segment_size")
        }
        return size
    }

    /// The contents of the history file of a timeline; the reasons in it are in whatever encoding they were given.
    public borrowing func historyFile(of timeline: Timeline) throws(PostgresError) -> [UInt8] {
        guard let contents = try bytes(ReplicationCommand.timelineHistory(timeline), "content") else {
            throw Self.unexpectedReply(to: "TIMELINE_HISTORY")
        }
        return contents
    }

    /// The way over timelines to one of them, as the server's history file has it.
    public borrowing func timelinePath(to timeline: Timeline) throws(ReplicationError) -> TimelinePath {
        // The first timeline has no history.
        guard timeline.rawValue > 1 else { return TimelinePath(along: timeline) }
        let text: String
        do throws(PostgresError) {
            text = String(decoding: try historyFile(of: timeline), as: UTF8.self)
        } catch {
            throw .postgres(error)
        }
        do {
            return TimelinePath(to: timeline, history: try TimelineHistory(parsing: text))
        } catch {
            throw .other("the history file of timeline \(timeline) cannot be read (line \(error.line))")
        }
    }

    /// From where a physical slot keeps WAL and on which timeline; `nil` for one never used, and before PostgreSQL 15.
    public borrowing func slotPosition(
        _ slot: String
    ) throws(PostgresError) -> (position: LSN, timeline: Timeline?)? {
        guard serverVersionNumber >= 150_000 else { return nil }
        let rows = try rows(ReplicationCommand.readSlot(slot))
        guard let position = rows["restart_lsn"].flatMap({ LSN($0) }) else { return nil }
        return (position, rows["restart_tli"].flatMap { UInt32($0) }.map { Timeline(rawValue: $0) })
    }

    private static func unexpectedReply(to question: String) -> PostgresError {
        PostgresError(.unexpectedReply, message: "unexpected reply of the server to \(question)")
    }
}

extension WALSegmentSize {
    /// Reads what `SHOW wal_segment_size` answers: `16MB`, `1GB`.
    init?(setting text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit: Int64
        switch text.dropFirst(digits.count) {
        case "MB": unit = 1 << 20
        case "GB": unit = 1 << 30
        case "kB": unit = 1 << 10
        default: return nil
        }
        guard let count = Int64(digits), count <= 1 << 30 else { return nil }
        self.init(bytes: count * unit)
    }
}
