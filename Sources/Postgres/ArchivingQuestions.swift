extension PostgresServer {
    /// Whether the server archives the WAL of a backup that was taken from it, so that its end is worth waiting for.
    ///
    /// As PostgreSQL has it: a primary unless `archive_mode` is `off`, a standby only when it is `always` (PostgreSQL manual,
    /// "Backup Control Functions").
    public func archivesBackups() throws(PostgresError) -> Bool {
        let rows = try rows(
            """
            SELECT CASE WHEN pg_is_in_recovery() THEN current_setting('archive_mode') = 'always'
              ELSE current_setting('archive_mode') <> 'off' END AS archives
            """
        )
        guard let answer = rows.flag("archives") else { throw .unexpectedReply(to: "archive_mode") }
        return answer
    }

    /// The file that the server archived last, not always the newest one; `nil` when there was none.
    public func lastArchivedFile() throws(PostgresError) -> String? {
        try rows("SELECT last_archived_wal FROM pg_stat_archiver").first
    }

    /// Whether the server keeps the mark that it has archived a file; `nil` when the user may not ask.
    ///
    /// The server reads the whole directory of marks, which can be long. `name` is the name of a WAL file.
    public func isMarkedAsArchived(_ name: String) throws(PostgresError) -> Bool? {
        do throws(PostgresError) {
            return try rows("SELECT count(*) > 0 AS done FROM pg_ls_archive_statusdir() WHERE name = '\(name).done'")
                .flag("done")
        } catch {
            // ERRCODE_INSUFFICIENT_PRIVILEGE (PostgreSQL manual, "PostgreSQL Error Codes").
            guard error.sqlState == "42501" else { throw error }
            return nil
        }
    }
}
