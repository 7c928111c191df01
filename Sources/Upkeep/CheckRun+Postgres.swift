import Catalog
import Postgres
import Replication
import Settings
import WAL

extension CheckRun {
    /// The rows about the running server.
    func checkPostgres(_ sheet: CheckSheet) throws {
        try sheet.begin("PostgreSQL")
        let facts = server?.facts() ?? ServerFacts()
        let isUsable = facts.isConnected && facts.isVersionSupported == true
        var hint: String?
        if facts.isVersionSupported == false, let version = facts.version {
            hint = "unsupported version: PostgreSQL server is too old (\(version.text) < 9.6.0)"
        }
        sheet.add("PostgreSQL", isUsable, hint)
        if isUsable, let server { try checkConnections(sheet, server, facts) }

        if let wal = walServer {
            try checkWALServer(sheet, wal)
            try checkSlot(sheet, wal.facts(), suffix: Self.walSuffix)
        } else {
            try checkSlot(sheet, facts, suffix: "")
        }
    }

    /// The rows that matter to who streams WAL from the server.
    func checkStreamingSource(_ sheet: CheckSheet) throws {
        try sheet.begin("PostgreSQL")
        guard let server, case let facts = server.facts(), facts.isConnected else {
            return sheet.add("PostgreSQL", false)
        }
        try checkMonitoring(sheet, facts, suffix: "")
        try checkStreaming(sheet, server, suffix: "")
        try checkLevel(sheet, facts, suffix: "")
        try checkIdentity(sheet, server: server, suffix: "")
    }

    static var walSuffix: String { " (WAL streaming)" }

    private func checkConnections(_ sheet: CheckSheet, _ server: PostgresServer, _ facts: ServerFacts) throws {
        try sheet.begin("superuser or standard user with backup privileges")
        switch facts.hasBackupPrivileges {
        case true?: sheet.add("superuser or standard user with backup privileges", true)
        case false?:
            sheet.add(
                "no access to backup functions",
                false,
                "privileges for PostgreSQL backup functions are required (see documentation)"
            )
        case nil: break
        }
        try checkStreaming(sheet, server, suffix: "")
        try checkLevel(sheet, facts, suffix: "")
        if home.settings.primaryConninfo != nil { try checkStandby(sheet, server, facts) }
    }

    func checkStreaming(_ sheet: CheckSheet, _ server: PostgresServer, suffix: String) throws {
        let label = "PostgreSQL streaming\(suffix)"
        guard server.streamingConninfo != nil else { return }
        try sheet.begin(label)
        let streaming = server.streamingFacts()
        sheet.add(label, streaming?.isStreaming == true, streaming?.connectionError)
    }

    func checkLevel(_ sheet: CheckSheet, _ facts: ServerFacts, suffix: String) throws {
        let label = "wal_level\(suffix)"
        try sheet.begin(label)
        let isEnough = facts.walLevel != "minimal"
        sheet.add(label, isEnough, isEnough ? nil : "please set it to a higher level than 'minimal'")
    }

    private func checkStandby(_ sheet: CheckSheet, _ server: PostgresServer, _ facts: ServerFacts) throws {
        try sheet.begin("PostgreSQL server is standby")
        guard facts.isInRecovery == true, let primary = server.primary else {
            return sheet.add(
                "PostgreSQL server is standby",
                false,
                "conninfo should point to a standby server if primary_conninfo is set"
            )
        }
        sheet.add("PostgreSQL server is standby", true)

        try sheet.begin("Primary server is not a standby")
        let primaryFacts = primary.facts()
        // One that does not answer fails the next row.
        let isPrimary = primaryFacts.isInRecovery != true
        sheet.add(
            "Primary server is not a standby",
            isPrimary,
            isPrimary ? nil : "primary_conninfo should point to a primary server, not a standby"
        )

        try sheet.begin("Primary and standby have same system ID")
        let isSame = primaryFacts.systemID != nil && primaryFacts.systemID == facts.systemID
        sheet.add(
            "Primary and standby have same system ID",
            isSame,
            isSame
                ? nil
                : "primary_conninfo and conninfo should point to primary and standby servers "
                    + "which share the same system identifier"
        )
    }

    private func checkWALServer(_ sheet: CheckSheet, _ wal: PostgresServer) throws {
        let facts = wal.facts()
        try checkMonitoring(sheet, facts, suffix: Self.walSuffix)
        try checkStreaming(sheet, wal, suffix: Self.walSuffix)
        if facts.isConnected { try checkLevel(sheet, facts, suffix: Self.walSuffix) }
        try checkIdentity(sheet, server: wal, suffix: Self.walSuffix)
    }

    private func checkMonitoring(_ sheet: CheckSheet, _ facts: ServerFacts, suffix: String) throws {
        let label = "has monitoring privileges\(suffix)"
        try sheet.begin(label)
        if facts.hasMonitoringPrivileges == true {
            sheet.add(label, true)
        } else {
            sheet.add(
                "no access to monitoring functions",
                false,
                "privileges for PostgreSQL monitoring functions are required (see documentation)"
            )
        }
    }

    private func checkSlot(_ sheet: CheckSheet, _ facts: ServerFacts, suffix: String) throws {
        let slot = facts.replicationSlot
        let label = "replication slot\(suffix)"
        guard let name = home.settings.slotName else { return }
        try sheet.begin(label)
        guard home.settings.streamingArchiver else {
            guard let slot, slot.restartLSN != nil else { return }
            let state = slot.isActive ? "active" : "initialised"
            return sheet.add(
                label,
                true,
                "WARNING: slot '\(name)' is \(state) but not required by the current config"
            )
        }
        guard let slot else {
            return sheet.add(
                label,
                false,
                "replication slot '\(name)' doesn't exist. "
                    + "Please execute 'barman receive-wal --create-slot \(home.name)'"
            )
        }
        guard !slot.isLost else { return sheet.add(label, false, "slot '\(name)' \(Self.lostSlot)") }
        guard slot.restartLSN != nil else {
            return sheet.add(label, false, "slot '\(name)' not initialised: is 'receive-wal' running?")
        }
        guard slot.isActive else {
            return sheet.add(label, false, "slot '\(name)' not active: is 'receive-wal' running?")
        }
        let problem = takenByAnother(slot, facts.segmentSize)
        sheet.add(label, problem == nil, problem)
    }

    /// What speaks for another receiver on our slot: the server has been told that WAL is safe which is not here.
    private func takenByAnother(_ slot: ReplicationSlot, _ size: WALSegmentSize?) -> String? {
        // A directory that cannot be read, or has no WAL, proves nothing.
        guard let size, let position = slot.restartLSN,
            let here = try? StreamingDirectory(home.streamingWALsDirectory, segmentSize: size)
                .resumePoints().points.first,
            position.rawValue > here.position.rawValue &+ size.bytes
        else { return nil }
        return "slot '\(slot.name)' is at \(position), the WAL in \(home.streamingWALsDirectory) ends before: "
            + Self.strangerQuestion
    }

    /// What is said of a slot that the server has given up.
    static let lostSlot = "is lost: the server has removed WAL that had not been received"
    static let strangerQuestion = "does another receiver use the slot?"
}
