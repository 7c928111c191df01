import Synchronization
public import WAL

/// What a server says about itself on the ordinary connection.
///
/// What could not be learnt is `nil`.
public struct ServerFacts: Sendable {
    /// Why gathering stopped, or never began.
    public internal(set) var failure: PostgresError?
    /// True when there is a connection.
    public internal(set) var isConnected = false
    /// The version.
    public internal(set) var version: PostgresVersion?
    /// True for a superuser.
    public internal(set) var isSuperuser: Bool?
    /// True when the user may do all that a backup needs.
    public internal(set) var hasBackupPrivileges: Bool?
    /// True when the user may read all settings and statistics.
    public internal(set) var hasMonitoringPrivileges: Bool?
    /// True for a standby.
    public internal(set) var isInRecovery: Bool?
    /// The settings that were visible, as `SHOW` writes them.
    public internal(set) var settings: [String: String] = [:]
    /// The settings that were visible, in their base units.
    var rawSettings: [String: String] = [:]
    /// Where the configuration lives.
    public internal(set) var configurationFiles = ConfigurationFiles()
    /// The write position of a primary, the replay position of a standby.
    public internal(set) var currentLSN: LSN?
    /// The segment a primary is writing.
    public internal(set) var currentSegment: WALSegmentName?
    /// The size of all tablespaces; known only to a user with backup privileges, and to `measuredFacts`.
    public internal(set) var currentSizeBytes: Int64?
    /// Our replication slot, if it is configured and exists.
    public internal(set) var replicationSlot: ReplicationSlot?
    /// The entries of `synchronous_standby_names`.
    public internal(set) var synchronousStandbyNames: [String]?
    /// The system identifier in the control file.
    public internal(set) var systemID: String?

    /// Facts of a server that nobody could ask.
    public init() {}

    /// Where the data lives; known only to a user with backup privileges.
    public var dataDirectory: String? { hasBackupPrivileges == true ? settings["data_directory"] : nil }
    /// `minimal`, `replica` or `logical`.
    public var walLevel: String? { settings["wal_level"] }
    /// The size of a WAL segment.
    public var segmentSize: WALSegmentSize? {
        segmentSizeBytes.flatMap { WALSegmentSize(bytes: $0) }
    }
    /// False when the server is too old for us; `nil` without a connection.
    public var isVersionSupported: Bool? { isConnected ? version?.isSupported : nil }

    /// Whether commits wait, or may come to wait, for a receiver of this name; `nil` without a connection.
    ///
    /// PostgreSQL compares names without regard to case.
    public func countsAsSynchronous(_ applicationName: String) -> Bool? {
        synchronousStandbyNames.map { Self.count(applicationName, in: $0) }
    }

    fileprivate static func count(_ applicationName: String, in standbyNames: [String]) -> Bool {
        standbyNames.contains { $0 == "*" || $0.lowercased() == applicationName.lowercased() }
    }

    var segmentSizeBytes: Int64? {
        guard let setting = rawSettings["wal_segment_size"].flatMap({ Int64($0) }) else { return nil }
        guard let version, version.number < 110_000 else { return setting }
        // Before 11 the setting counts blocks.
        guard let block = rawSettings["wal_block_size"].flatMap({ Int64($0) }) else { return nil }
        let (bytes, overflow) = setting.multipliedReportingOverflow(by: block)
        return overflow ? nil : bytes
    }
}

/// A physical replication slot.
public struct ReplicationSlot: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// True while somebody streams from it.
    public let isActive: Bool
    /// The oldest WAL it holds back; `nil` until it was first used.
    public let restartLSN: LSN?
    /// True when the server has given it up, for it held back more than `max_slot_wal_keep_size`.
    public let isLost: Bool
}

/// Where a server's configuration lives, as far as the user may know it.
public struct ConfigurationFiles: Sendable, Equatable {
    /// `postgresql.conf`.
    public internal(set) var configFile: String?
    /// `pg_hba.conf`.
    public internal(set) var hbaFile: String?
    /// `pg_ident.conf`.
    public internal(set) var identFile: String?
    /// Other files that settings come from.
    public internal(set) var includedFiles: [String] = []
}

// MARK: - Gathering

extension PostgresServer {
    /// What the server says about itself; asked once, then remembered.
    ///
    /// Never throws: see `failure`.
    public func facts() -> ServerFacts {
        if let known = memory.withLock({ $0.facts }) { return known }
        let facts = gatherFacts()
        memory.withLock { $0.facts = facts }
        return facts
    }

    /// The same with the size of all tablespaces, for which the server looks at every file it has.
    public func measuredFacts() -> ServerFacts {
        var facts = facts()
        guard facts.failure == nil, facts.isVersionSupported == true, facts.currentSizeBytes == nil else {
            return facts
        }
        do throws(PostgresError) {
            facts.currentSizeBytes = try rows(ServerFacts.size(try dialect()))["size"].flatMap { Int64($0) }
        } catch {
            facts.failure = error
        }
        let measured = facts
        memory.withLock { $0.facts = measured }
        return measured
    }

    /// Whether commits wait, or may come to wait, for a receiver of this name as the server is set now; connects if need be.
    public func countsAsSynchronous(_ applicationName: String) throws(PostgresError) -> Bool {
        let setting = try rows("SHOW synchronous_standby_names").first ?? ""
        return ServerFacts.count(applicationName, in: ServerFacts.standbyNames(setting))
    }

    private func gatherFacts() -> ServerFacts {
        var facts = ServerFacts()
        do throws(PostgresError) {
            let dialect = try dialect()
            facts.isConnected = true
            facts.version = PostgresVersion(number: try versionNumber())
            guard facts.version?.isSupported == true else { return facts }
            var statements = ServerFacts.statements(dialect)
            if let slotName {
                statements.insert((Self.slotQuestion(dialect, try literal(slotName)), ServerFacts.readSlot), at: 0)
            }
            // One round trip; the first failure ends the statements after it, and what is known stays known.
            let (results, failure) = try partialResults(statements.map(\.sql).joined(separator: ";\n"))
            for (rows, statement) in zip(results, statements) { statement.read(&facts, rows) }
            facts.failure = failure
        } catch {
            facts.failure = error
        }
        return facts
    }

    /// The state of a physical replication slot.
    static func slotQuestion(_ dialect: ServerDialect, _ literal: String) -> String {
        """
        SELECT slot_name, active, restart_lsn, \(dialect.slotIsLost) AS lost FROM pg_replication_slots
        WHERE slot_type = 'physical' AND slot_name = \(literal)
        """
    }
}

extension ServerFacts {
    /// A question and what to do with its answer.
    typealias Statement = (sql: String, read: @Sendable (inout ServerFacts, PostgresRows) -> Void)

    /// The questions of `facts`.
    static func statements(_ dialect: ServerDialect) -> [Statement] {
        [
            (privileges(dialect), readPrivileges),
            ("SELECT version() AS version, pg_is_in_recovery() AS in_recovery", readVersion),
            (settings(dialect), readSettings),
            (ConfigurationFiles.includedQuestion, readIncludedFiles),
            (position(dialect), readPosition),
            ("SELECT system_identifier::text AS systemid FROM pg_control_system()", { $0.systemID = $1["systemid"] }),
        ]
    }

    private static func privileges(_ dialect: ServerDialect) -> String {
        """
        SELECT usesuper AS superuser, \(dialect.backupPrivileges) AS backup, \(dialect.monitoringPrivileges) AS monitoring
        FROM pg_user WHERE usename = CURRENT_USER
        """
    }

    private static func settings(_ dialect: ServerDialect) -> String {
        // The view leaves out what the user may not see, where SHOW would fail.
        """
        SELECT name, setting, current_setting(name) AS shown FROM pg_settings WHERE name IN (
          'data_directory', 'wal_level', 'hot_standby', 'max_wal_senders', 'data_checksums', 'max_replication_slots',
          'wal_compression', '\(dialect.walKeepSetting)', 'archive_timeout', 'checkpoint_timeout', 'wal_segment_size',
          'wal_block_size', 'synchronous_standby_names', 'config_file', 'hba_file', 'ident_file')
        """
    }

    private static func position(_ dialect: ServerDialect) -> String {
        """
        SELECT location, CASE WHEN standby THEN NULL ELSE \(dialect.walFileName)(location) END AS file_name
        FROM (SELECT standby, CASE WHEN standby THEN \(dialect.lastReplayLSN)() ELSE \(dialect.currentLSN)() END AS location
          FROM pg_is_in_recovery() AS standby) AS here
        """
    }

    fileprivate static func size(_ dialect: ServerDialect) -> String {
        """
        SELECT CASE WHEN \(dialect.backupPrivileges) THEN
          (SELECT sum(pg_tablespace_size(oid)) FROM pg_tablespace) END AS size
        FROM pg_user WHERE usename = CURRENT_USER
        """
    }

    @Sendable private static func readPrivileges(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        facts.isSuperuser = rows.flag("superuser")
        facts.hasBackupPrivileges = rows.flag("backup")
        facts.hasMonitoringPrivileges = rows.flag("monitoring")
    }

    @Sendable private static func readVersion(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        facts.isInRecovery = rows.flag("in_recovery")
        if let number = facts.version?.number, let words = rows["version"] {
            facts.version = PostgresVersion(number: number, serverWords: words)
        }
    }

    @Sendable private static func readSettings(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        for row in rows.values {
            guard row.count == 3, let name = row[0], let setting = row[1], let shown = row[2] else { continue }
            facts.rawSettings[name] = setting
            facts.settings[name] = shown
        }
        facts.configurationFiles.configFile = facts.rawSettings["config_file"]
        facts.configurationFiles.hbaFile = facts.rawSettings["hba_file"]
        facts.configurationFiles.identFile = facts.rawSettings["ident_file"]
        facts.synchronousStandbyNames = facts.rawSettings["synchronous_standby_names"].map(standbyNames)
    }

    @Sendable private static func readIncludedFiles(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        facts.configurationFiles.includedFiles = rows.values.compactMap { $0.first ?? nil }
    }

    @Sendable private static func readPosition(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        facts.currentLSN = rows["location"].flatMap { LSN($0) }
        facts.currentSegment = rows["file_name"].flatMap { WALSegmentName($0) }
    }

    @Sendable fileprivate static func readSlot(_ facts: inout ServerFacts, _ rows: PostgresRows) {
        facts.replicationSlot = ReplicationSlot(rows)
    }

    /// The names in `synchronous_standby_names`, of its list in parentheses if it has one: split at commas, blanks and
    /// quotes around each dropped.
    static func standbyNames(_ setting: String) -> [String] {
        var list = setting[...]
        if let open = setting.firstIndex(of: "("), let close = setting.lastIndex(of: ")"), open < close {
            list = setting[setting.index(after: open)..<close]
        }
        return list.split(separator: ",", omittingEmptySubsequences: false).map { name in
            String(trimmed(trimmed(name, \.isWhitespace), { $0 == "\"" }))
        }
    }

    private static func trimmed(_ text: Substring, _ isWrapping: (Character) -> Bool) -> Substring {
        var inner = text.drop(while: isWrapping)
        while let last = inner.last, isWrapping(last) { inner.removeLast() }
        return inner
    }
}

extension ReplicationSlot {
    /// Takes the first row of an answer to `slotQuestion`.
    init?(_ rows: PostgresRows) {
        guard let name = rows["slot_name"], let isActive = rows.flag("active") else { return nil }
        self.init(
            name: name,
            isActive: isActive,
            restartLSN: rows["restart_lsn"].flatMap { LSN($0) },
            isLost: rows.flag("lost") == true
        )
    }
}

extension ConfigurationFiles {
    /// Which files but the main one settings come from.
    static let includedQuestion = """
        SELECT DISTINCT sourcefile AS included_file FROM pg_settings
        WHERE sourcefile IS NOT NULL
          AND sourcefile NOT IN (SELECT setting FROM pg_settings WHERE name = 'config_file')
        ORDER BY 1
        """
}

extension PostgresRows {
    /// A boolean of the first row.
    func flag(_ column: String) -> Bool? {
        switch self[column] {
        case "t": true
        case "f": false
        default: nil
        }
    }
}
