import Notation
import Postgres
import Synchronization
import TestWorld
import Testing
import WAL

/// Questions to a real server.
@Suite struct ServerTests {
    /// Runs a test on a running server with the role `barman`.
    private func withServer(
        _ version: Int = 15,
        _ settings: KeyValuePairs<String, String> = [:],
        _ body: (World, Cluster) throws -> Void
    ) throws {
        try World.with { world in
            let cluster = try world.cluster(version)
            try cluster.configure(settings)
            try cluster.start()
            try cluster.createBackupRole()
            try body(world, cluster)
        }
    }

    private func conninfo(_ cluster: Cluster, user: String = "barman") throws -> ConnectionString {
        try ConnectionString("host=127.0.0.1 port=\(cluster.port) user=\(user) dbname=postgres")
    }

    private func value(_ key: String, _ values: [LiveValue]) -> String? {
        values.first { $0.key == key }?.consoleText
    }

    @Test(arguments: [15, 17, 18])
    func `a server tells all about itself to a user with just the privileges of a backup`(version: Int) throws {
        try withServer(version, ["archive_mode": "on", "archive_command": "'true'"]) { _, cluster in
            let main = try conninfo(cluster)
            let server = PostgresServer(conninfo: main, streamingConninfo: main)
            #expect(server.facts().currentSizeBytes == nil)
            let facts = server.measuredFacts()
            #expect(facts.failure == nil)
            #expect(facts.isSuperuser == false)
            #expect(facts.hasBackupPrivileges == true)
            #expect(facts.hasMonitoringPrivileges == true)
            #expect(facts.isInRecovery == false)
            #expect(facts.dataDirectory == cluster.dataDirectory)
            #expect(facts.version?.major == "\(version)")
            #expect(facts.segmentSize == .standard)
            #expect(facts.configurationFiles.configFile == "\(cluster.dataDirectory)/postgresql.conf")
            #expect((facts.currentSizeBytes ?? 0) > 1 << 20)
            let live = server.liveValues(withFileArchiver: true)
            #expect(value("streaming", live) == "True")
            #expect(value("streaming_systemid", live) == value("postgres_systemid", live))
            #expect(value("archive_mode", live) == "on")
            #expect(value("is_archiving", live) == "True")
            #expect(value("wal_keep_size", live) == "0")
            #expect(value("replication_slot", live) == "None")
        }
    }

    @Test func `a user without privileges learns less and may not switch WAL`() throws {
        try withServer { _, cluster in
            try cluster.sql("CREATE ROLE nobody LOGIN")
            let main = try conninfo(cluster, user: "nobody")
            let server = PostgresServer(conninfo: main, streamingConninfo: main)
            let facts = server.measuredFacts()
            #expect(facts.failure == nil)
            #expect(facts.hasBackupPrivileges == false)
            #expect(facts.dataDirectory == nil)
            #expect(facts.currentSizeBytes == nil)
            #expect(facts.configurationFiles.configFile == nil)
            #expect(facts.walLevel == "replica")
            #expect(server.streamingFacts()?.isStreaming == nil)
            #expect(server.streamingFacts()?.connectionError?.contains("FATAL:  ") == true)
            let error = #expect(throws: PostgresError.self) { try server.switchWAL() }
            #expect(error?.kind == .missingPrivileges)
            #expect(error?.message.hasPrefix("Postgres user 'nobody' is missing required privileges") == true)
            #expect(throws: PostgresError.self) { try server.checkpoint() }
        }
    }

    @Test func `a server that is not there gives the first line of the reason and empty answers`() throws {
        let main = try ConnectionString("host=127.0.0.1 port=1 user=x dbname=x")
        let server = PostgresServer(conninfo: main, streamingConninfo: main, slotName: "s")
        #expect(server.facts().failure?.kind == .connectionFailed)
        #expect(server.facts().failure?.message.contains("\n") == false)
        let live = server.liveValues(withFileArchiver: true)
        #expect(
            live.filter { $0.key != "connection_error" }.allSatisfy { $0.consoleText == "None" && $0.json == .null }
        )
        #expect(value("connection_error", live)?.contains("port 1 failed: Connection refused") == true)
        #expect(live.map(\.key).contains("current_lsn") == false)
    }

    @Test(arguments: [15, 17, 18])
    func `a backup starts, ends with its label and leaves the session free to reconnect`(version: Int) throws {
        try withServer(version) { _, cluster in
            // A date style and a zone of the role must not change what we read.
            try cluster.sql(
                "ALTER ROLE barman SET datestyle TO 'German'; ALTER ROLE barman SET timezone TO 'Asia/Kolkata'"
            )
            let server = PostgresServer(conninfo: try conninfo(cluster))
            let label = PostgresServer.backupLabel(server: "it's", backupID: "20260301T030000")
            let start = try server.startConcurrentBackup(label: label, immediateCheckpoint: true)
            #expect(start.timeline == Timeline(rawValue: 1))
            #expect(start.timestamp.utcOffsetSeconds == 19_800)
            #expect(abs(start.timestamp.seconds(since: .now())) < 60)
            try server.keepAlive()
            let stop = try server.stopConcurrentBackup()
            #expect(stop.lsn > start.lsn)
            #expect(stop.backupLabel?.contains("START WAL LOCATION: \(start.lsn) ") == true)
            #expect(stop.backupLabel?.contains("LABEL: Barman backup it's 20260301T030000\n") == true)
            #expect(try server.createRestorePoint("barman_20260301T030000") != nil)
            try cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'barman'")
            #expect(try server.isInRecovery() == false)
        }
    }

    @Test func `between start and stop a lost session is an error, and leaves no backup behind`() throws {
        try withServer { _, cluster in
            let server = PostgresServer(conninfo: try conninfo(cluster))
            _ = try server.startConcurrentBackup(label: "x", immediateCheckpoint: true)
            try cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'barman'")
            for _ in 0..<2 {
                let error = #expect(throws: PostgresError.self) { try server.keepAlive() }
                #expect(error?.message == "Connection lost, reconnection not allowed")
            }
            let error = #expect(throws: PostgresError.self) { try server.stopConcurrentBackup() }
            #expect(error?.kind == .reconnectionForbidden)
            // The failed stop gave the session up: the next backup may begin.
            _ = try server.startConcurrentBackup(label: "y", immediateCheckpoint: true)
            _ = try server.stopConcurrentBackup()
            let refusal = #expect(throws: PostgresError.self) { try server.stopConcurrentBackup() }
            #expect(refusal?.message == "Error issuing pg_backup_stop command: backup is not in progress")
            #expect(refusal?.remarks == ["HINT:  Did you call pg_backup_start()?"])
        }
    }

    @Test func `a stop does not wait for the archive, which can be asked instead`() throws {
        try withServer(15, ["archive_mode": "on", "archive_command": "'test -e go'"]) { _, cluster in
            let server = PostgresServer(conninfo: try conninfo(cluster))
            #expect(try server.archivesBackups())
            _ = try server.startConcurrentBackup(label: "x", immediateCheckpoint: true)
            let stop = try server.stopConcurrentBackup()
            let segment = WALSegmentName(containing: stop.lsn, timeline: stop.timeline, size: .standard).description
            #expect(try server.lastArchivedFile() == nil)
            // The role that takes backups may not see the marks.
            #expect(try server.isMarkedAsArchived(segment) == nil)
            try cluster.sql("GRANT pg_monitor TO barman")
            #expect(try server.isMarkedAsArchived(segment) == false)
            try Shell.write([], to: "\(cluster.dataDirectory)/go")
            try cluster.sql("SELECT pg_create_restore_point('x'); SELECT pg_switch_wal()")
            let isArchived = try Shell.wait(seconds: 70) { try server.isMarkedAsArchived(segment) == true }
            #expect(isArchived)
            // The archiver may have gone on to the next one meanwhile.
            #expect(try server.lastArchivedFile().map { $0.prefix(24) >= segment } == true)
            try cluster.configure(["archive_mode": "off"])
            try cluster.restart()
            #expect(try !server.archivesBackups())
        }
    }

    @Test func `a long statement ends when the program is asked to end`() throws {
        try withServer { _, cluster in
            let stop = Mutex(false)
            let server = PostgresServer(conninfo: try conninfo(cluster), isInterrupted: { stop.withLock { $0 } })
            #expect(try server.rows("SELECT 1").first == "1")
            stop.withLock { $0 = true }
            let error = #expect(throws: PostgresError.self) { try server.rows("SELECT pg_sleep(60)") }
            #expect(error?.kind == .interrupted)
            stop.withLock { $0 = false }
            #expect(try server.rows("SELECT 2").first == "2")
        }
    }

    @Test(arguments: [15, 17, 18])
    func `a switch closes a segment with something in it and only that`(version: Int) throws {
        try withServer(version) { _, cluster in
            let server = PostgresServer(conninfo: try conninfo(cluster))
            try cluster.sql("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
            let segment = try server.currentPosition().segment
            #expect(try server.switchWAL() == segment.map(WALSwitchOutcome.closed))
            #expect(try server.switchWAL() == .notNeeded)
            try server.checkpoint()
            #expect(try server.switchWAL() != .notNeeded)
        }
    }

    @Test func `a statement that fails tells its message and its SQLSTATE`() throws {
        try withServer { _, cluster in
            let server = PostgresServer(conninfo: try conninfo(cluster))
            let error = #expect(throws: PostgresError.self) { try server.rows("SELECT * FROM nowhere") }
            #expect(error?.sqlState == "42P01")
            #expect(error?.message == "relation \"nowhere\" does not exist")
            #expect(try server.rows("SELECT NULL, 'a' || chr(233)").values == [[nil, "aé"]])
        }
    }

    @Test func `a replication slot is made, seen and dropped`() throws {
        try withServer { _, cluster in
            let main = try conninfo(cluster)
            let server = PostgresServer(conninfo: main, streamingConninfo: main, slotName: "a_slot")
            #expect(server.facts().replicationSlot == nil)
            try server.createReplicationSlot("a_slot")
            let slot = server.facts().replicationSlot
            #expect(slot?.name == "a_slot")
            #expect(slot?.isActive == false)
            #expect(slot?.restartLSN == nil)
            #expect(
                value("replication_slot", server.liveValues(withFileArchiver: false))
                    == "Record(slot_name='a_slot', active=False, restart_lsn=None)"
            )
            try server.dropReplicationSlot("a_slot")
            #expect(server.facts().replicationSlot == nil)
        }
    }

    @Test func `the cluster of a backup is described with its tablespaces`() throws {
        try withServer(17) { world, cluster in
            let place = try world.makeDirectory("space", as: cluster.account)
            try cluster.sql("CREATE TABLESPACE fast LOCATION '\(place)'")
            let server = PostgresServer(conninfo: try conninfo(cluster))
            let description = try server.clusterDescription()
            #expect(description.tablespaces.map(\.name) == ["fast"])
            #expect(description.tablespaces.first?.location == place)
            #expect(description.summarizeWAL == "off")
            #expect(description.dataDirectory == cluster.dataDirectory)
        }
    }
}
