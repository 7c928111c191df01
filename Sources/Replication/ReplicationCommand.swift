import Postgres
public import WAL

/// The texts of replication commands (PostgreSQL manual, "Streaming Replication Protocol").
public enum ReplicationCommand {
    /// Starts the stream of a timeline at a position, through a slot if there is one.
    public static func startReplication(slot: String?, at position: LSN, timeline: Timeline) -> String {
        let place = slot.map { "SLOT \(PostgresServer.quotedSlotName($0)) " } ?? ""
        return "START_REPLICATION \(place)PHYSICAL \(position) TIMELINE \(timeline)"
    }

    /// Asks for the history file of a timeline.
    public static func timelineHistory(_ timeline: Timeline) -> String {
        "TIMELINE_HISTORY \(timeline)"
    }

    /// Asks for the state of a slot; from PostgreSQL 15.
    public static func readSlot(_ name: String) -> String {
        "READ_REPLICATION_SLOT \(PostgresServer.quotedSlotName(name))"
    }
}
