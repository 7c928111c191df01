/// A version of a PostgreSQL server, as libpq numbers it and as people write it.
public struct PostgresVersion: Sendable, Equatable {
    /// libpq's number: 150020 for 15.20, 90624 for 9.6.24.
    public let number: Int
    /// The text: `15.20`, `9.6.24`, `18beta1`.
    public let text: String

    /// The oldest server we can back up.
    public static let oldestSupportedNumber = 90600

    /// A version of which number and text are known.
    public init(number: Int, text: String) {
        self.number = number
        self.text = text
    }

    /// A version of which libpq told the number alone.
    public init(number: Int) {
        self.number = number
        text =
            number < 100_000
            ? "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
            : "\(number / 10_000).\(number % 10_000)"
    }

    /// A version with the text taken from what `SELECT version()` answers; `nil` if that has no second word.
    public init?(number: Int, serverWords: String) {
        let words = serverWords.split(separator: " ")
        guard words.count > 1 else { return nil }
        self.number = number
        let version = String(words[1])
        text = words[0] == "EnterpriseDB" ? Self.withoutLastComponent(version) : version
    }

    /// True for 9.6 and later.
    public var isSupported: Bool { number >= Self.oldestSupportedNumber }

    /// The major version: `15` of 15.20, `9.6` of 9.6.24, `18` of 18beta1.
    public var major: String { Self.major(of: text) }

    /// The major version in a version text.
    public static func major(of text: String) -> String {
        let end = text.utf8.lastIndex { !Self.isDigit($0) && $0 != UInt8(ascii: ".") }
        if end != nil {
            // A pre-release suffix such as `beta1` counts as the last component.
            return String(text.utf8.prefix { Self.isDigit($0) || $0 == UInt8(ascii: ".") }) ?? text
        }
        return withoutLastComponent(text)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func withoutLastComponent(_ text: String) -> String {
        guard let dot = text.utf8.lastIndex(of: UInt8(ascii: ".")) else { return text }
        return String(text[..<dot])
    }
}

/// What SQL functions are called on a server of some version.
struct ServerDialect: Sendable {
    /// libpq's version number; the newest names are used when it is unknown.
    let versionNumber: Int

    /// Takes a version number; 0 means unknown.
    init(versionNumber: Int) {
        self.versionNumber = versionNumber == 0 ? .max : versionNumber
    }

    private var saysWAL: Bool { versionNumber >= 100_000 }
    private var hasNewBackupNames: Bool { versionNumber >= 150_000 }

    var startBackup: String { hasNewBackupNames ? "pg_backup_start" : "pg_start_backup" }
    var stopBackup: String { hasNewBackupNames ? "pg_backup_stop" : "pg_stop_backup" }
    var switchWAL: String { saysWAL ? "pg_switch_wal" : "pg_switch_xlog" }
    var walFileName: String { saysWAL ? "pg_walfile_name" : "pg_xlogfile_name" }
    var walFileNameOffset: String { saysWAL ? "pg_walfile_name_offset" : "pg_xlogfile_name_offset" }
    var currentLSN: String { saysWAL ? "pg_current_wal_lsn" : "pg_current_xlog_location" }
    var currentInsertLSN: String { saysWAL ? "pg_current_wal_insert_lsn" : "pg_current_xlog_insert_location" }
    var lastReplayLSN: String { saysWAL ? "pg_last_wal_replay_lsn" : "pg_last_xlog_replay_location" }
    var slotIsLost: String { versionNumber >= 130_000 ? "wal_status = 'lost'" : "false" }
    var walKeepSetting: String { versionNumber >= 130_000 ? "wal_keep_size" : "wal_keep_segments" }

    /// The SQL condition for the user having what a backup needs.
    var backupPrivileges: String {
        guard saysWAL else { return "usesuper" }
        return "usesuper OR (\(backupFunctions(of: "CURRENT_USER")))"
    }

    /// The SQL condition for a role, named by an expression, having been granted what a backup needs.
    func backupFunctions(of role: String) -> String {
        let execute =
            hasNewBackupNames
            ? """
            has_function_privilege(\(role), 'pg_backup_start(text,bool)', 'EXECUTE')
            AND has_function_privilege(\(role), 'pg_backup_stop(bool)', 'EXECUTE')
            """
            : """
            has_function_privilege(\(role), 'pg_start_backup(text,bool,bool)', 'EXECUTE')
            AND (has_function_privilege(\(role), 'pg_stop_backup()', 'EXECUTE')
              OR has_function_privilege(\(role), 'pg_stop_backup(bool,bool)', 'EXECUTE'))
            """
        return """
            \(monitoringRoles(of: role)) AND \(execute)
              AND has_function_privilege(\(role), 'pg_switch_wal()', 'EXECUTE')
              AND has_function_privilege(\(role), 'pg_create_restore_point(text)', 'EXECUTE')
            """
    }

    /// The SQL condition for the user being allowed to read settings and statistics.
    var monitoringPrivileges: String {
        saysWAL ? "usesuper OR \(monitoringRoles(of: "CURRENT_USER"))" : "usesuper"
    }

    /// The SQL condition for the user being allowed to order a checkpoint; the role exists from PostgreSQL 15.
    var checkpointPrivileges: String {
        hasNewBackupNames ? "usesuper OR pg_has_role(CURRENT_USER, 'pg_checkpoint', 'USAGE')" : "usesuper"
    }

    private func monitoringRoles(of role: String) -> String {
        """
        (pg_has_role(\(role), 'pg_monitor', 'USAGE')
          OR (pg_has_role(\(role), 'pg_read_all_settings', 'USAGE')
            AND pg_has_role(\(role), 'pg_read_all_stats', 'USAGE')))
        """
    }
}
