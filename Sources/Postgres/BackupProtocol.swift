public import Notation
public import WAL

/// Where a server said a backup starts or ends.
public struct BackupPosition: Sendable, Equatable {
    /// The position in the WAL.
    public let lsn: LSN
    /// The timeline.
    public let timeline: Timeline
    /// The server's clock.
    public let timestamp: Timestamp
    /// The content of `backup_label`; only a concurrent stop has it.
    public let backupLabel: String?
}

extension PostgresServer {
    /// The label of a backup: `Barman backup main 20260301T030000`.
    public static func backupLabel(server: String, backupID: String) -> String {
        "Barman backup \(server) \(backupID)"
    }

    /// Starts a concurrent backup.
    ///
    /// From here to its stop the session must live: a lost connection is an error.
    public func startConcurrentBackup(
        label: String,
        immediateCheckpoint: Bool
    ) throws(PostgresError) -> BackupPosition {
        let dialect = try dialect()
        let arguments = "\(try literal(label)), \(immediateCheckpoint ? "TRUE" : "FALSE")"
        let call = dialect.versionNumber >= 150_000 ? "(\(arguments))" : "(\(arguments), FALSE)"
        if dialect.versionNumber >= 140_000 { _ = try rows("SET idle_session_timeout TO 0") }
        forbidReconnection()
        do throws(PostgresError) {
            let rows = try rows(
                """
                SELECT location, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline, now() AS timestamp
                FROM \(dialect.startBackup)\(call) AS location
                """
            )
            return try BackupPosition(rows, "the start of a backup")
        } catch {
            // The statement may have been cut off in the middle: with the session goes whatever it began.
            abandonSession()
            throw error.named("\(dialect.startBackup) command: ")
        }
    }

    /// Stops the concurrent backup of this session; does not wait until the server has archived the WAL it needs.
    ///
    /// After a failure the session is closed, which ends the backup.
    public func stopConcurrentBackup() throws(PostgresError) -> BackupPosition {
        var words = ""
        do throws(PostgresError) {
            let dialect = try dialect()
            if dialect.versionNumber >= 140_000 { _ = try rows("RESET idle_session_timeout") }
            let call = dialect.versionNumber >= 150_000 ? "(FALSE)" : "(FALSE, FALSE)"
            words = "Error issuing \(dialect.stopBackup) command: "
            let rows = try rows(
                """
                SELECT end_row.lsn AS location,
                  (SELECT CASE WHEN pg_is_in_recovery() THEN min_recovery_end_timeline ELSE timeline_id END
                    FROM pg_control_checkpoint(), pg_control_recovery()) AS timeline,
                  end_row.labelfile AS backup_label, now() AS timestamp
                FROM \(dialect.stopBackup)\(call) AS end_row
                """
            )
            let position = try BackupPosition(rows, "the stop of a backup")
            allowReconnection()
            return position
        } catch {
            abandonSession()
            throw error.named(words)
        }
    }

    /// Ends the backup of this session without its result, by closing the session.
    public func abandonConcurrentBackup() {
        abandonSession()
    }

    /// Starts an exclusive backup; PostgreSQL before 15, primaries only.
    public func startExclusiveBackup(
        label: String,
        immediateCheckpoint: Bool
    ) throws(PostgresError) -> BackupPosition {
        let dialect = try exclusiveDialect()
        let rows = try rows(
            """
            SELECT location, (\(dialect.walFileNameOffset)(location)).*, now() AS timestamp
            FROM \(dialect.startBackup)(\(try literal(label)), \(immediateCheckpoint ? "TRUE" : "FALSE")) AS location
            """
        )
        return try BackupPosition(exclusive: rows, "the start of a backup")
    }

    /// Stops the exclusive backup of the server; waits until it has archived the WAL the backup needs.
    public func stopExclusiveBackup() throws(PostgresError) -> BackupPosition {
        let dialect = try exclusiveDialect()
        do throws(PostgresError) {
            let rows = try rows(
                """
                SELECT location, (\(dialect.walFileNameOffset)(location)).*, now() AS timestamp
                FROM \(dialect.stopBackup)() AS location
                """
            )
            return try BackupPosition(exclusive: rows, "the stop of a backup")
        } catch {
            throw PostgresError(
                error.kind,
                message: "Cannot terminate exclusive backup. You might have to manually execute pg_stop_backup "
                    + "on your PostgreSQL server",
                sqlState: error.sqlState
            )
        }
    }

    private func exclusiveDialect() throws(PostgresError) -> ServerDialect {
        let dialect = try dialect()
        guard dialect.versionNumber < 150_000 else {
            let major = PostgresVersion(number: dialect.versionNumber).major
            throw PostgresError(
                .unsupportedVersion,
                message: "exclusive backups not supported on PostgreSQL \(major)"
            )
        }
        guard try !isInRecovery() else {
            throw PostgresError(.isInRecovery, message: "cannot perform exclusive backup on a standby")
        }
        return dialect
    }

    /// Keeps the session of a running backup busy, so that nothing between here and there takes it for dead.
    public func keepAlive() throws(PostgresError) {
        _ = try rows("SELECT 1")
    }
}

extension BackupPosition {
    /// Takes the row of an answer of the concurrent protocol.
    fileprivate init(_ rows: PostgresRows, _ question: String) throws(PostgresError) {
        guard let lsn = rows["location"].flatMap({ LSN($0) }),
            let timeline = rows["timeline"].flatMap({ UInt32($0) }),
            let timestamp = rows["timestamp"].flatMap({ Timestamp(catalogText: $0) })
        else { throw .unexpectedReply(to: question) }
        self.init(
            lsn: lsn,
            timeline: Timeline(rawValue: timeline),
            timestamp: timestamp,
            backupLabel: rows["backup_label"]
        )
    }

    /// Takes the row of an answer of the exclusive protocol: the timeline is in the name of the segment.
    fileprivate init(exclusive rows: PostgresRows, _ question: String) throws(PostgresError) {
        guard let lsn = rows["location"].flatMap({ LSN($0) }),
            let segment = rows["file_name"].flatMap({ WALSegmentName($0) }),
            let timestamp = rows["timestamp"].flatMap({ Timestamp(catalogText: $0) })
        else { throw .unexpectedReply(to: question) }
        self.init(lsn: lsn, timeline: segment.timeline, timestamp: timestamp, backupLabel: nil)
    }
}
