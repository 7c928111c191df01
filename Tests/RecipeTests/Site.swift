import TestWorld
import Testing

/// One PostgreSQL server, `pg`, and a backup host that archives its WAL: what most tests start from.
struct Site {
    let world: World
    let cluster: Cluster
    let host: BarmanHost
    /// The server's ssh host, when it is reached by ssh.
    let sshHost: SSHHost?

    /// The backup host is the PostgreSQL host, `backup_method = local-rsync`, everything as user `postgres`.
    static func local(
        in world: World,
        version: Int = 15,
        named name: String = "pg",
        segmentMegabytes: Int = 16,
        options: KeyValuePairs<String, String> = [:]
    ) throws -> Site {
        let cluster = try world.cluster(version, named: name, segmentMegabytes: segmentMegabytes)
        let host = try world.barmanHost(as: .postgres, global: ["compression": "gzip"])
        try host.addServer(
            "pg",
            [
                "description": "The test's server", "backup_method": "local-rsync", "archiver": "on",
                "backup_options": "concurrent_backup", "immediate_checkpoint": "true",
                "conninfo": "host=127.0.0.1 port=\(cluster.port) user=barman dbname=postgres",
            ],
            options
        )
        try cluster.configure([
            "archive_mode": "on", "archive_command": "'rsync -a %p \(host.home)/pg/incoming/%f'",
        ])
        return try Site(world: world, cluster: cluster, host: host, sshHost: nil).start()
    }

    /// The server is reached as `ssh postgres@angus` by user `barman`, `backup_method = rsync`.
    static func overSSH(
        in world: World,
        version: Int = 15,
        named name: String = "pg",
        options: KeyValuePairs<String, String> = [:]
    ) throws -> Site {
        let sshHosts = try world.sshHosts(["angus": .postgres, "malcolm": .barman])
        for account in [Account.postgres, .barman] { try world.makeKey(of: account) }
        try sshHosts[0].authorize(.barman)
        try sshHosts[1].authorize(.postgres)
        let cluster = try world.cluster(version, named: name)
        let host = try world.barmanHost(as: .barman, global: ["compression": "gzip"])
        host.environment = cluster.addressEnvironment
        try host.addServer(
            "pg",
            [
                "description": "The test's server", "backup_method": "rsync", "archiver": "on",
                "backup_options": "concurrent_backup", "immediate_checkpoint": "true",
                "ssh_command": "ssh postgres@angus", "conninfo": "host=angus user=barman dbname=postgres",
            ],
            options
        )
        try cluster.configure([
            "archive_mode": "on", "archive_command": "'rsync -a %p barman@malcolm:\(host.home)/pg/incoming/%f'",
        ])
        return try Site(world: world, cluster: cluster, host: host, sshHost: sshHosts[0]).start()
    }

    /// The server sends its backups over the replication protocol; the backup host has no program of PostgreSQL in its path.
    static func streaming(
        in world: World,
        version: Int = 17,
        segmentMegabytes: Int = 16,
        hostName: String = "backup-host",
        options: KeyValuePairs<String, String> = [:]
    ) throws -> Site {
        let cluster = try world.cluster(version, segmentMegabytes: segmentMegabytes)
        let host = try world.barmanHost(as: .postgres, named: hostName, global: ["compression": "gzip"])
        try host.addServer(
            "pg",
            [
                "description": "The test's server", "backup_method": "postgres", "archiver": "on",
                "immediate_checkpoint": "true",
                "conninfo": "host=127.0.0.1 port=\(cluster.port) user=barman dbname=postgres",
            ],
            options
        )
        try cluster.configure([
            "archive_mode": "on", "archive_command": "'cp %p \"\(host.home)/pg/incoming/%f\"'",
        ])
        if version >= 17 { try cluster.configure(["summarize_wal": "on"]) }
        return try Site(world: world, cluster: cluster, host: host, sshHost: nil).start()
    }

    /// Starts the server, makes the directories, archives a first segment.
    private func start() throws -> Site {
        // The check makes the directories that the archive_command writes to, before that fails for want of them.
        try host.barman("check", "pg")
        try cluster.start()
        try cluster.createBackupRole()
        try archiveEverything()
        return self
    }

    /// Closes the current segment and waits until every closed one has left PostgreSQL.
    @discardableResult
    func switchWAL() throws -> String {
        let name = try cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
        let isShipped = try Shell.wait(seconds: 30) {
            try cluster.sql("SELECT coalesce(last_archived_wal >= '\(name)', false) FROM pg_stat_archiver") == "t"
        }
        guard isShipped else { throw WorldError("\(name) was not shipped:\n\(try world.read(cluster.logFile))") }
        return name
    }

    /// Brings everything written so far into the archive.
    func archiveEverything() throws {
        try switchWAL()
        try host.barman("archive-wal", "pg").orThrow()
    }

    /// Takes a backup, archives what it needs, and returns its identifier; it is DONE.
    func backup(_ options: String...) throws -> String { try backup(options) }

    /// The same with the words in an array.
    func backup(_ options: [String]) throws -> String {
        try waitForFreshIdentifier()
        try host.barman(["backup", "pg", "--wait", "--wait-timeout", "60"] + options).orThrow()
        return try #require(host.backupIDs("pg").last)
    }

    /// Identifiers are seconds: the next backup must not begin in the second of the last.
    func waitForFreshIdentifier() throws {
        guard let last = host.backupIDs("pg").last else { return }
        _ = try Shell.wait(seconds: 3) { try world.run(["date", "+%Y%m%dT%H%M%S"]).out > last + "\n" }
    }

    /// A table of this many rows, known to the tests as `ledger`.
    func createLedger(rows: Int, tablespace: String? = nil) throws {
        let place = tablespace.map { " TABLESPACE \($0)" } ?? ""
        try cluster.sql(
            """
            CREATE TABLE ledger (id integer, note text)\(place);
            INSERT INTO ledger SELECT i, md5(i::text) FROM generate_series(1, \(rows)) i;
            """
        )
    }

    /// Starts a server on a restored directory, returns what a query says there, and stops it.
    func answer(_ query: String, in dataDirectory: String, promoted: Bool = true) throws -> String {
        let restored = try world.restoredCluster(dataDirectory, version: cluster.version, as: host.account)
        try restored.start()
        if promoted { try restored.waitUntilPromoted() }
        let answer = try restored.sql(query)
        try restored.stop(mode: "immediate")
        return answer
    }
}

extension BarmanHost {
    /// A server of the usual options and some more.
    func addServer(
        _ name: String,
        _ options: KeyValuePairs<String, String>,
        _ more: KeyValuePairs<String, String>
    ) throws {
        let text = (Array(options) + Array(more)).map { "\($0) = \($1)\n" }.joined()
        try world.write("[\(name)]\n" + text, to: "\(serversDirectory)/\(name).conf", as: account)
    }
}
