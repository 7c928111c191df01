/// The role that backups use, and the SQL that makes it one: the least that suffices.
public enum BackupRole {
    /// What is granted to a role that copies files, on a server of that version number.
    public static func grants(to role: String, versionNumber: Int) -> [String] {
        let name = identifier(role)
        let dialect = ServerDialect(versionNumber: versionNumber)
        let isNew = dialect.startBackup == "pg_backup_start"
        var statements = [
            "GRANT EXECUTE ON FUNCTION \(dialect.startBackup)(text, boolean\(isNew ? "" : ", boolean")) TO \(name);",
            "GRANT EXECUTE ON FUNCTION \(dialect.stopBackup)(boolean\(isNew ? "" : ", boolean")) TO \(name);",
            "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO \(name);",
            "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO \(name);",
            "GRANT pg_read_all_settings, pg_read_all_stats TO \(name);",
        ]
        if isNew { statements.append("GRANT pg_checkpoint TO \(name);") }
        return statements
    }

    /// The statement that makes the role; passwords are set with psql's `\password`, never on a command line.
    public static func creation(of role: String, streams: Bool) -> String {
        "CREATE ROLE \(identifier(role)) LOGIN\(streams ? " REPLICATION" : "");"
    }

    /// The SQL condition for a role, named by an expression, having these grants.
    public static func privileges(of role: String, versionNumber: Int) -> String {
        "(" + ServerDialect(versionNumber: versionNumber).backupFunctions(of: role) + ")"
    }

    /// What lets a role stream.
    public static func replication(for role: String) -> String { "ALTER ROLE \(identifier(role)) REPLICATION;" }

    /// What lets a role look at how streaming goes.
    public static func monitoring(to role: String) -> String {
        "GRANT pg_read_all_settings, pg_read_all_stats TO \(identifier(role));"
    }

    /// A name as SQL wants it: in double quotes unless it is plain.
    public static func identifier(_ name: String) -> String {
        let isPlain =
            !name.isEmpty && name.utf8.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } == true
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
        guard !isPlain else { return name }
        return "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A text as a literal of SQL, for statements that are shown to people.
    public static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}
