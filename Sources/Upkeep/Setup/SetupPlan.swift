import Postgres

/// How a server is to be backed up: what its configuration file says, and what PostgreSQL needs for it.
public struct SetupPlan: Sendable {
    /// How base backups are taken.
    public enum Method: String, Sendable, CaseIterable {
        /// Over the replication protocol.
        case postgres
        /// By rsync over ssh.
        case rsync
        /// By rsync on the same host.
        case localRsync = "local-rsync"
    }

    /// How WAL comes.
    public enum WALWay: String, Sendable, CaseIterable {
        /// Over a replication connection, with a slot.
        case streaming
        /// By PostgreSQL's archive_command.
        case archive
        /// Both.
        case both
    }

    /// The name of the server.
    public let name: String
    /// The ordinary connection string.
    public var conninfo: String
    /// How backups are taken.
    public var method = Method.postgres
    /// How WAL comes.
    public var walWay = WALWay.streaming
    /// The replication connection string; nil: the ordinary one.
    public var streamingConninfo: String?
    /// How files are reached.
    public var sshCommand: String?
    /// The replication slot.
    public var slot = "barman"
    /// Which backups are kept; nil: all.
    public var retentionPolicy: String?
    /// What this host is called by the PostgreSQL host.
    public var backupHost: String
    /// The account of barman here.
    public let account: String
    /// Where WAL of the server arrives here.
    public let incomingDirectory: String

    /// Begins a plan.
    public init(name: String, conninfo: String, backupHost: String, account: String, incomingDirectory: String) {
        self.name = name
        self.conninfo = conninfo
        self.backupHost = backupHost
        self.account = account
        self.incomingDirectory = incomingDirectory
    }

    /// True if anything goes over the replication protocol.
    public var streams: Bool { method == .postgres || walWay != .archive }
    /// True if PostgreSQL ships WAL itself.
    public var archives: Bool { walWay != .streaming }
    /// True if WAL is received.
    public var receives: Bool { walWay != .archive }

    // MARK: The configuration file

    /// The file of the server, whole.
    public var configuration: String {
        var lines = [
            "; Written by 'barman setup \(name)'. Options: barman(5).", "[\(name)]",
            "description = \"PostgreSQL server \(name)\"", "conninfo = \(Self.valueText(conninfo))",
            "backup_method = \(method.rawValue)",
        ]
        if method == .rsync, let sshCommand { lines.append("ssh_command = \(Self.valueText(sshCommand))") }
        if method != .postgres { lines += ["backup_options = concurrent_backup", "reuse_backup = link"] }
        if streams, let streamingConninfo { lines.append("streaming_conninfo = \(Self.valueText(streamingConninfo))") }
        if receives { lines += ["streaming_archiver = on", "slot_name = \(slot)", "create_slot = auto"] }
        lines.append("archiver = \(archives ? "on" : "off")")
        if let retentionPolicy { lines.append("retention_policy = \(retentionPolicy)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A value as the file wants it: a percent sign means something there.
    private static func valueText(_ text: String) -> String {
        text.map { $0 == "%" ? "%%" : String($0) }.joined()
    }

    // MARK: What PostgreSQL needs

    /// The role of the ordinary connection.
    public var role: String { Self.user(of: conninfo) ?? account }
    /// The role of the replication connection.
    public var streamingRole: String { streamingConninfo.map { Self.user(of: $0) ?? account } ?? role }

    private static func user(of text: String) -> String? {
        // A text that is no list of pairs has been refused before.
        (try? ConnectionString(text))?["user"]
    }

    /// The SQL that a superuser runs, one statement an element: what the server lacks, as far as it could be asked.
    public func statements(for facts: SetupFacts) -> [String] {
        var statements: [String] = []
        if !facts.has(role: role) {
            statements.append(BackupRole.creation(of: role, streams: streams && streamingRole == role))
        } else if streams, streamingRole == role, facts.mayStream(role) == false {
            statements.append(BackupRole.replication(for: role))
        }
        if facts.hasBackupPrivileges(role) != true {
            statements += BackupRole.grants(to: role, versionNumber: facts.versionNumber)
        }
        if streams, streamingRole != role {
            if !facts.has(role: streamingRole) {
                statements.append(BackupRole.creation(of: streamingRole, streams: true))
            } else if facts.mayStream(streamingRole) == false {
                statements.append(BackupRole.replication(for: streamingRole))
            }
        }
        return statements
    }

    /// One setting of the server that has to change.
    public struct ServerSetting: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// The value it should have.
        public let value: String
        /// True if only a restart makes it count.
        public let needsRestart: Bool
        /// What it is now.
        public let present: String

        /// As a line of postgresql.conf.
        public var line: String { "\(name) = \(BackupRole.literal(value))" }
        /// As SQL.
        public var statement: String { "ALTER SYSTEM SET \(name) = \(BackupRole.literal(value));" }
    }

    /// What has to change in postgresql.conf.
    public func settings(for facts: SetupFacts) -> [ServerSetting] {
        var settings: [ServerSetting] = []
        func want(_ name: String, _ value: String, restart: Bool, unless isFine: (String) -> Bool) {
            let present = facts.setting(name)
            guard !isFine(present) else { return }
            settings.append(ServerSetting(name: name, value: value, needsRestart: restart, present: present))
        }
        want("wal_level", "replica", restart: true) { $0 != "minimal" }
        if streams {
            want("max_wal_senders", "10", restart: true) { Int($0).map { $0 >= 3 } ?? true }
        }
        if receives {
            want("max_replication_slots", "10", restart: true) { Int($0).map { $0 >= 1 } ?? true }
        }
        if archives {
            want("archive_mode", "on", restart: true) { ["on", "always"].contains($0) }
            want("archive_command", archiveCommand, restart: false) { $0 == archiveCommand || ships($0) }
        }
        return settings
    }

    /// Whether a command already brings WAL to this server's name here.
    private func ships(_ command: String) -> Bool {
        command.contains(incomingDirectory) || command.contains("barman-wal-archive") && command.contains(" \(name) ")
    }

    /// What ships WAL to this host.
    public var archiveCommand: String {
        method == .localRsync
            ? "rsync -a %p \(incomingDirectory)/%f"
            : "barman-wal-archive --user \(account) \(backupHost) \(name) %p"
    }

    /// The lines of pg_hba.conf that let the roles in from this host.
    public func accessLines(for facts: SetupFacts) -> [String] {
        let place =
            facts.clientAddress.map { "\($0)/\($0.contains(":") ? 128 : 32)" }
            ?? (method == .localRsync ? "127.0.0.1/32" : "ADDRESS_OF_\(backupHost)/32")
        let ordinary = "host  \(database)  \(role)  \(place)  scram-sha-256"
        return streams ? [ordinary, "host  replication  \(streamingRole)  \(place)  scram-sha-256"] : [ordinary]
    }

    private var database: String { (try? ConnectionString(conninfo))?["dbname"] ?? "postgres" }
}
