import TestWorld
import Testing

/// A way to take backups, for the matrix of ways, versions and tablespaces; whoever adds a way adds a row.
struct MatrixRow: Sendable, CustomStringConvertible {
    let name: String
    /// What the server's section says, besides how to reach it and how WAL comes.
    let options: [(key: String, value: String)]
    /// What else the command line says.
    var words: [String] = []
    /// The oldest version that has it.
    var oldestVersion = 15
    /// How many incremental backups follow, each on the one before.
    var increments = 0

    var description: String { name }

    /// Whether the server compresses before it sends.
    var compressesOnServer: Bool {
        options.contains { $0.key == "backup_compression_location" && $0.value == "server" }
    }

    /// Whether the files lie in the catalog as they are, so that PostgreSQL's own program can verify them.
    var isPlain: Bool { !options.contains { $0.key == "backup_compression_format" && $0.value == "tar" } }

    static let all: [MatrixRow] = [
        MatrixRow(
            name: "rsync",
            options: [("backup_method", "rsync"), ("ssh_command", "ssh postgres@angus")],
            words: ["--jobs", "2", "--manifest"]
        ),
        MatrixRow(name: "local-rsync", options: [("backup_method", "local-rsync")], words: ["--manifest"]),
        MatrixRow(name: "plain", options: [("backup_method", "postgres")]),
        MatrixRow(name: "tar", options: tar("none")),
        MatrixRow(name: "gzip", options: tar("gzip")),
        MatrixRow(name: "lz4", options: tar("lz4")),
        MatrixRow(name: "zstd", options: tar("zstd") + [("backup_compression_level", "1")]),
        MatrixRow(name: "server zstd", options: tar("zstd") + [("backup_compression_location", "server")]),
        MatrixRow(
            name: "compressed on the wire",
            options: [
                ("backup_method", "postgres"), ("backup_compression", "zstd"), ("backup_compression_format", "plain"),
                ("backup_compression_location", "server"),
            ]
        ),
        MatrixRow(
            name: "chain of four",
            options: [("backup_method", "postgres")],
            oldestVersion: 17,
            increments: 3
        ),
        MatrixRow(
            name: "gpg",
            options: tar("gzip") + [("encryption", "gpg"), ("encryption_key_id", GPGKey.name)]
        ),
    ]

    private static func tar(_ compression: String) -> [(key: String, value: String)] {
        [
            ("backup_method", "postgres"), ("backup_compression", compression), ("backup_compression_format", "tar"),
        ]
    }
}

/// One server under a write load, with everything the rows need beside it.
struct MatrixSite {
    let site: Site
    let tablespaces: [(name: String, directory: String)]
    private var world: World { site.world }
    private var host: BarmanHost { site.host }

    static let oddNames = ["odd tablespace", "ünï'cödé"]

    init(in world: World, version: Int, hasTablespaces: Bool) throws {
        let cluster = try world.cluster(version, named: hasTablespaces ? "data base ü" : "pg")
        let host = try world.barmanHost(
            as: .postgres,
            global: [
                "compression": "gzip", "path_prefix": Scratch.serverPrograms(version),
                "staging_path": world.path("staging"), "local_staging_path": world.path("staging"),
                "staging_location": "local", "encryption_passphrase_command": "echo",
            ]
        )
        try world.makeDirectory("staging", as: .postgres)
        try cluster.configure([
            "archive_mode": "on", "archive_command": "'cp %p \(host.home)/pg/incoming/%f'", "max_wal_size": "256MB",
        ])
        if version >= 17 { try cluster.configure(["summarize_wal": "on"]) }
        site = Site(world: world, cluster: cluster, host: host, sshHost: nil)
        tablespaces =
            hasTablespaces
            ? try MatrixSite.oddNames.map { name in
                // PostgreSQL takes a single quote in a name, but not in a place.
                (name, try world.makeDirectory("\(name.filter { $0 != "'" }) \"place\"", as: .postgres))
            } : []
        try GPGKey.make(in: world, as: .postgres)
        try world.makeKey(of: .postgres)
        try world.sshHosts(["angus": .postgres])[0].authorize(.postgres)
        try use(MatrixRow.all[0])
        try host.barman("check", "pg")
        try cluster.start()
        try cluster.createBackupRole()
        try fill()
        try site.archiveEverything()
    }

    private func fill() throws {
        let cluster = site.cluster
        for (name, directory) in tablespaces {
            try cluster.sql("CREATE TABLESPACE \"\(name)\" LOCATION '\(directory)'")
        }
        try cluster.pgbench(["-i", "-q", "-s", "1", "-n"])
        try cluster.sql(
            "CREATE TABLE ledger AS SELECT i, repeat(md5(i::text), 4) AS note FROM generate_series(1, 20000) i;"
                + " CREATE INDEX ON ledger (i)"
        )
        try cluster.sql("VACUUM ledger")
        for (index, tablespace) in tablespaces.enumerated() {
            try cluster.sql(
                "CREATE TABLE odd\(index) TABLESPACE \"\(tablespace.name)\" AS SELECT i FROM generate_series(1, 5000) i"
            )
        }
    }

    /// Configures the server for a row.
    func use(_ row: MatrixRow) throws {
        let common = """
            [pg]
            description = The matrix
            archiver = on
            backup_options = concurrent_backup
            immediate_checkpoint = true
            conninfo = host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres

            """
        let options = try row.options.map { option in
            // Not every build of a server can compress by zstd.
            let isUnknown = try row.compressesOnServer && option.value == "zstd" && !serverKnowsZstd()
            return "\(option.key) = \(isUnknown ? "gzip" : option.value)\n"
        }.joined()
        try world.write(common + options, to: "\(host.serversDirectory)/pg.conf", as: host.account)
    }

    private func serverKnowsZstd() throws -> Bool {
        try world.run([site.cluster.program("pg_config"), "--configure"]).orThrow().out.contains("--with-zstd")
    }

    /// Takes the backups of a row; returns the one to restore.
    func backUp(_ row: MatrixRow) throws -> String {
        try use(row)
        var id = try site.backup(row.words)
        for number in 0..<row.increments {
            try site.cluster.sql("UPDATE ledger SET note = note || '\(number)' WHERE i % 100 = \(number)")
            id = try site.backup("--incremental", id)
        }
        return id
    }

    /// What must be equal in the source and in what comes back: tables that the load does not touch.
    var contents: String {
        let odd = tablespaces.indices.map { ", (SELECT sum(i) FROM odd\($0))" }.joined()
        return "SELECT count(*), md5(string_agg(note, ',' ORDER BY i))\(odd) FROM ledger"
    }

    /// The four sums that every transaction of the load keeps equal.
    private static let balance = """
        SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
          AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
          AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
        """

    /// The backup is sound for `verify-backup`, and for PostgreSQL's own program where that can read it.
    func expectSound(_ id: String, _ row: MatrixRow) throws {
        #expect(try site.host.info("pg", id, "status") == "DONE", "\(row)")
        let outcome = try host.barman("verify-backup", "pg", id)
        #expect(outcome.status == 0 && outcome.err == "", "\(row): \(outcome)")
        if row.isPlain { try site.expectAcceptedByPostgres(id) }
    }

    /// Restores a backup with one of the programs, starts what came, and compares.
    func expectRestores(_ id: String, _ row: MatrixRow, by program: String, contents expected: String) throws {
        let parent = try world.makeDirectory("restored", as: .postgres)
        defer { Shell.removeTree(parent) }
        let target = "\(parent)/data"
        var words = ["restore", "--target-immediate", "--target-action", "promote"]
        for (index, tablespace) in tablespaces.enumerated() {
            words += ["--tablespace", "\(tablespace.name):\(parent)/ts \(index)"]
        }
        words += ["pg", id, target]
        let outcome = try program == "ours" ? host.barman(words) : host.oracle(words)
        #expect(outcome.status == 0, "\(row), \(program): \(outcome)")
        guard outcome.status == 0 else { return }
        let restored = try world.restoredCluster(target, version: site.cluster.version, as: host.account)
        // The restored server must not send its WAL to where the source sends its own.
        try restored.configure(["archive_mode": "off", "fsync": "off"])
        try restored.start()
        try restored.waitUntilPromoted()
        #expect(try restored.sql(contents) == expected, "\(row), \(program)")
        #expect(try restored.sql(Self.balance) == "t", "\(row), \(program)")
        let check = try world.run(
            [
                restored.program("pg_amcheck"), "--install-missing", "--heapallindexed", "-h", world.path("s"), "-p",
                "\(restored.port)", "-U", "postgres", "-d", "postgres",
            ],
            as: host.account
        )
        #expect(check.status == 0 && check.out.isEmpty, "\(row), \(program): \(check)")
        try restored.stop(mode: "immediate")
    }
}

/// A key in the key ring of an account.
enum GPGKey {
    static let name = "matrix@example.org"

    /// Makes it, without a passphrase unless one is given.
    static func make(in world: World, as account: Account, passphrase: String = "") throws {
        // The agent of the key ring lives until it is told to end.
        world.atEnd { _ = try? world.run(["gpgconf", "--kill", "all"], as: account) }
        try world.run(
            [
                "gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase, "--quick-generate-key",
                name,
                "rsa2048",
                "encr", "never",
            ],
            as: account
        ).orThrow()
    }
}
