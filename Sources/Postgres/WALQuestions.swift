public import Notation
public import WAL

/// A position in the WAL of a server and what its file is called there.
public struct WALPosition: Sendable, Equatable {
    /// The position.
    public let lsn: LSN
    /// The segment that holds it; a standby does not tell.
    public let segment: WALSegmentName?
    /// Where in the segment it lies.
    public let offset: UInt32?
    /// The server's clock.
    public let timestamp: Timestamp
}

/// What came of the wish to close the current segment.
public enum WALSwitchOutcome: Sendable, Equatable {
    /// This segment was closed.
    case closed(WALSegmentName)
    /// Nothing had been written since the last switch.
    case notNeeded
}

extension PostgresServer {
    /// True for a standby.
    public func isInRecovery() throws(PostgresError) -> Bool {
        guard let answer = try rows("SELECT pg_is_in_recovery() AS standby").flag("standby") else {
            throw .unexpectedReply(to: "pg_is_in_recovery()")
        }
        return answer
    }

    /// The write position of a primary, the replay position of a standby.
    public func currentPosition() throws(PostgresError) -> WALPosition {
        let dialect = try dialect()
        let answer =
            try isInRecovery()
            ? try rows(
                """
                SELECT location, NULL AS file_name, NULL AS file_offset, CURRENT_TIMESTAMP AS timestamp
                FROM \(dialect.lastReplayLSN)() AS location
                """
            )
            : try rows(
                """
                SELECT location, (\(dialect.walFileNameOffset)(location)).*, CURRENT_TIMESTAMP AS timestamp
                FROM \(dialect.currentLSN)() AS location
                """
            )
        guard let lsn = answer["location"].flatMap({ LSN($0) }),
            let timestamp = answer["timestamp"].flatMap({ Timestamp(catalogText: $0) })
        else { throw .unexpectedReply(to: "the current position") }
        return WALPosition(
            lsn: lsn,
            segment: answer["file_name"].flatMap { WALSegmentName($0) },
            offset: answer["file_offset"].flatMap { UInt32($0) },
            timestamp: timestamp
        )
    }

    /// Makes the server close its current segment, so that it gets archived; a standby sends the wish to its primary.
    ///
    /// Throws `missingPrivileges` without backup privileges, `isInRecovery` on a standby whose primary is not known.
    public func switchWAL() throws(PostgresError) -> WALSwitchOutcome {
        if let primary { return try primary.switchWAL() }
        let dialect = try dialect()
        guard try hasPrivileges(dialect.backupPrivileges) else { throw .missingPrivileges(user: conninfo["user"]) }
        guard try !isInRecovery() else {
            throw PostgresError(.isInRecovery, message: "the server is in recovery")
        }
        let closing = try segmentToClose(dialect)
        _ = try rows("SELECT \(dialect.walFileName)(\(dialect.switchWAL)())")
        let after = try rows("SELECT \(dialect.walFileName)(\(dialect.currentInsertLSN)())").first
        guard let next = after.flatMap({ WALSegmentName($0) }) else {
            throw .unexpectedReply(to: "the insert position")
        }
        return closing < next ? .closed(closing) : .notNeeded
    }

    /// The segment that a switch now would close.
    private func segmentToClose(_ dialect: ServerDialect) throws(PostgresError) -> WALSegmentName {
        let rows = try rows(
            """
            SELECT (\(dialect.walFileNameOffset)(location)).*,
              (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS size
            FROM \(dialect.currentInsertLSN)() AS location
            """
        )
        guard let name = rows["file_name"].flatMap({ WALSegmentName($0) }) else {
            throw .unexpectedReply(to: "the insert position")
        }
        // From 17 on a position on a boundary is named after the segment that begins there, which has nothing in it.
        if dialect.versionNumber >= 170_000, rows["file_offset"] == "0",
            let size = rows["size"].flatMap({ Int64($0) }).flatMap({ WALSegmentSize(bytes: $0) }),
            let previous = name.previous(size: size)
        {
            return previous
        }
        return name
    }

    /// Orders a checkpoint; throws `missingPrivileges` when the user may not.
    public func checkpoint() throws(PostgresError) {
        if let primary { return try primary.checkpoint() }
        guard try hasPrivileges(dialect().checkpointPrivileges) else {
            throw PostgresError(
                .missingPrivileges,
                message: "Barman switch-wal --force requires superuser rights or the 'pg_checkpoint' role"
            )
        }
        _ = try rows("CHECKPOINT")
    }

    /// Creates a named restore point and returns its position; a standby cannot, which is no error: `nil`.
    public func createRestorePoint(_ name: String) throws(PostgresError) -> LSN? {
        guard try !isInRecovery() else { return nil }
        return try rows("SELECT pg_create_restore_point(\(try literal(name)))").first.flatMap { LSN($0) }
    }

    /// Answers a condition over the row of the current user.
    func hasPrivileges(_ condition: String) throws(PostgresError) -> Bool {
        try rows("SELECT \(condition) AS granted FROM pg_user WHERE usename = CURRENT_USER").flag("granted") ?? false
    }
}
