public import Postgres

/// What a PostgreSQL server says about itself when it is to be backed up.
public struct SetupFacts: Sendable {
    /// libpq's number of the version.
    public var versionNumber = 0
    /// The version as people write it.
    public var versionText = "unknown"
    /// True if the connection is a superuser's.
    public var isSuperuser = false
    /// True for a standby.
    public var isInRecovery = false
    /// Where the data is, if the connection may know it.
    public var dataDirectory: String?
    /// Where postgresql.conf is, if the connection may know it.
    public var configurationFile: String?
    /// Where pg_hba.conf is, if the connection may know it.
    public var accessFile: String?
    /// Settings by name.
    public var settings: [String: String] = [:]
    /// Where the server sees us come from; nil over a socket.
    public var clientAddress: String?
    /// The size of the cluster, if the connection may know it.
    public var sizeBytes: Int64?
    /// The physical slots that exist.
    public var slots: [String] = []
    /// The roles that were asked about: what each may do; a role that does not exist is missing.
    var roles: [String: Role] = [:]

    struct Role: Sendable {
        var isSuperuser: Bool
        var mayStream: Bool
        var hasBackupPrivileges: Bool
    }

    /// Facts of a server that nobody could ask.
    public init() {}

    /// A setting; empty when it is unknown.
    public func setting(_ name: String) -> String { settings[name] ?? "" }
    /// Whether the role exists.
    public func has(role: String) -> Bool { roles[role] != nil }
    /// Whether the role may stream; nil when it does not exist.
    public func mayStream(_ role: String) -> Bool? { roles[role].map { $0.mayStream || $0.isSuperuser } }
    /// Whether the role may do what a backup needs; nil when it does not exist.
    public func hasBackupPrivileges(_ role: String) -> Bool? {
        roles[role].map { $0.hasBackupPrivileges || $0.isSuperuser }
    }
    /// How WAL is shipped now, in words.
    public var archiving: String {
        let mode = setting("archive_mode")
        guard mode == "on" || mode == "always" else { return "off" }
        let command = setting("archive_command")
        return command.isEmpty || command == "(disabled)" ? "on, without a command" : "on, '\(command)'"
    }

    /// Asks the server behind a connection; the roles are those that the plan may use.
    public static func ask(_ server: PostgresServer, about roles: [String]) throws(PostgresError) -> SetupFacts {
        var facts = SetupFacts()
        facts.versionNumber = try server.versionNumber()
        let known = server.measuredFacts()
        if let failure = known.failure, !known.isConnected { throw failure }
        facts.versionText = known.version?.text ?? "\(facts.versionNumber)"
        facts.isSuperuser = known.isSuperuser ?? false
        facts.isInRecovery = known.isInRecovery ?? false
        facts.dataDirectory = known.settings["data_directory"]
        facts.configurationFile = known.configurationFiles.configFile
        facts.accessFile = known.configurationFiles.hbaFile
        facts.sizeBytes = known.currentSizeBytes
        let names = ["wal_level", "max_wal_senders", "max_replication_slots", "archive_mode", "archive_command"]
        for name in names {
            // Some settings are for privileged eyes only.
            let rows = try server.rows("SELECT current_setting('\(name)', true) AS value WHERE \(Self.isVisible(name))")
            if let value = rows["value"] { facts.settings[name] = value }
        }
        facts.clientAddress = try server.rows("SELECT host(inet_client_addr()) AS address")["address"]
        let slots = try server.rows("SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'physical'")
        facts.slots = slots.values.compactMap { $0.first ?? nil }
        for role in Set(roles) { facts.roles[role] = try Self.role(role, on: server, facts.versionNumber) }
        return facts
    }

    /// The SQL condition for a setting being readable, so that asking is no error.
    private static func isVisible(_ name: String) -> String {
        "EXISTS (SELECT 1 FROM pg_settings WHERE name = '\(name)')"
    }

    private static func role(_ name: String, on server: PostgresServer, _ version: Int) throws(PostgresError) -> Role? {
        let literal = BackupRole.literal(name)
        let rows = try server.rows(
            """
            SELECT rolsuper AS superuser, rolreplication AS replication,
              \(BackupRole.privileges(of: "rolname", versionNumber: version)) AS backup
            FROM pg_roles WHERE rolname = \(literal)
            """
        )
        guard !rows.values.isEmpty else { return nil }
        return Role(
            isSuperuser: rows["superuser"] == "t",
            mayStream: rows["replication"] == "t",
            hasBackupPrivileges: rows["backup"] == "t"
        )
    }
}
