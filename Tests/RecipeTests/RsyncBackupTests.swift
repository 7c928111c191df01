import TestWorld
import Testing

/// Backups by rsync come back whole: whatever the version, the layout and what the server does meanwhile.
@Suite struct RsyncBackupTests {
    struct Cell: Sendable, CustomTestStringConvertible {
        let method: String
        let version: Int
        let hasTablespaces: Bool

        var testDescription: String {
            "\(method), PostgreSQL \(version), \(hasTablespaces ? "two odd tablespaces" : "no tablespace")"
        }
    }

    static let cells = ["rsync", "local-rsync"].flatMap { method in
        [15, 17, 18].flatMap { version in
            [false, true].map { Cell(method: method, version: version, hasTablespaces: $0) }
        }
    }

    @Test(arguments: cells)
    func `a backup under write load is restored by both programs`(cell: Cell) throws {
        try World.with { world in
            let name = cell.hasTablespaces ? "data base ü" : "pg"
            let site =
                try cell.method == "rsync"
                ? Site.overSSH(in: world, version: cell.version, named: name)
                : Site.local(in: world, version: cell.version, named: name)
            let spaces = cell.hasTablespaces ? try site.createOddTablespaces() : []
            try site.cluster.pgbench(["-i", "-q", "-s", "1"] + spaces.prefix(1).map { "--tablespace=\($0.name)" })
            try site.createLedger(rows: 1000, tablespace: spaces.last.map { "\"\($0.name)\"" })
            let load = try site.cluster.startLoad()
            let words = ["backup", "pg", "--manifest"] + (cell.hasTablespaces ? ["--jobs", "2"] : [])
            let outcome = try site.host.barman(words)
            #expect(outcome.status == 0, "\(outcome)")
            #expect(load.isRunning)
            load.end()
            let id = try #require(site.host.backupIDs("pg").last)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            try site.host.barman("check-backup", "pg", id).orThrow()
            #expect(try site.host.info("pg", id, "status") == "DONE")
            #expect(try site.host.barman("verify-backup", "pg", id).status == 0)
            try site.expectAcceptedByPostgres(id)
            for restorer in Site.Restorer.allCases {
                #expect(try site.restoredContents(of: id, by: restorer, spaces: spaces) == expected)
            }
        }
    }

    @Test func `a backup from a standby while the primary writes`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 17)
            try site.cluster.pgbench(["-i", "-q", "-s", "1"])
            try site.createLedger(rows: 100)
            let standby = try site.startStandby()
            try site.host.addServer(
                "pg",
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "immediate_checkpoint": "true",
                    "conninfo": "host=127.0.0.1 port=\(standby.port) user=barman dbname=postgres",
                    "primary_conninfo": "host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres",
                ]
            )
            let load = try site.cluster.startLoad()
            let outcome = try site.host.barman("backup", "pg")
            #expect(outcome.status == 0, "\(outcome)")
            load.end()
            let id = try #require(site.host.backupIDs("pg").last)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            try site.host.barman("check-backup", "pg", id).orThrow()
            #expect(try site.host.info("pg", id, "status") == "DONE")
            #expect(try site.host.info("pg", id, "pgdata") == standby.dataDirectory)
            #expect(try site.restoredContents(of: id, by: .ours) == expected)
        }
    }

    @Test func `databases come and go, tables are rewritten, cut and grown during the copy`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 18)
            try site.cluster.pgbench(["-i", "-q", "-s", "1"])
            try site.createLedger(rows: 5000)
            try site.cluster.sql("CREATE TABLE grown (line text); CREATE TABLE cut AS SELECT * FROM ledger")
            let psql = "\(site.cluster.program("psql")) -qX -h \(world.path("s")) -p \(site.cluster.port) -U postgres"
            try world.write(
                """
                for i in $(seq 1000); do
                    \(psql) -c 'CREATE DATABASE brief' -c 'VACUUM FULL ledger' -c 'TRUNCATE cut' \
                        -c 'INSERT INTO cut SELECT * FROM ledger' \
                        -c "INSERT INTO grown SELECT repeat('x', 1000) FROM generate_series(1, 2000)" \
                        -c 'CREATE TABLE t'$i' AS SELECT * FROM ledger' -c 'DROP DATABASE brief' || exit
                done
                """,
                to: "storm",
                mode: 0o755
            )
            let storm = try world.start(["bash", world.path("storm")], as: .postgres)
            // About four seconds, in which the storm goes round several times.
            let outcome = try site.host.barman("backup", "pg", "--bwlimit", "12000")
            #expect(storm.isRunning)
            storm.end()
            #expect(outcome.status == 0, "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            #expect(try site.restoredContents(of: id, by: .ours) == expected)
        }
    }

    @Test func `thousands of tables: unchanged files are linked or copied from the backup before`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 17, segmentMegabytes: 64)
            try site.cluster.pgbench(["-i", "-q", "-s", "1"])
            try site.createLedger(rows: 100)
            try site.cluster.sql(
                """
                DO $$ BEGIN FOR i IN 1..5000 LOOP EXECUTE format('CREATE TABLE many_%s (id int)', i);
                IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$;
                """
            )
            try site.cluster.sql("CHECKPOINT")
            let first = try site.backup()
            try site.cluster.sql("INSERT INTO ledger VALUES (0, 'later'); CHECKPOINT")
            let linked = try site.backup("--reuse-backup", "link", "--jobs", "2")
            let copied = try site.backup("--reuse-backup", "copy")
            func files(_ id: String, _ condition: String) throws -> Int {
                let text = try world.shell("find '\(site.host.home)/pg/base/\(id)/data' -type f \(condition) | wc -l")
                    .out
                return Int(text.filter(\.isNumber)) ?? -1
            }
            let all = try files(linked, "")
            #expect(all > 5000)
            #expect(try files(linked, "-links 2") > all - 200)
            #expect(try files(linked, "-links 1") > 0)
            #expect(try files(copied, "-links +1") == 0)
            #expect(try files(copied, "") == all)
            #expect(try files(first, "-links 1") < 200)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            for id in [linked, copied] {
                #expect(try site.restoredContents(of: id, by: .ours) == expected)
            }
        }
    }

    @Test func `hooks, a name, waiting and keeping`() throws {
        try World.with { world in
            let site = try Site.local(
                in: world,
                named: "empty cluster",
                options: [
                    "pre_backup_script": "sh -c 'echo pre $BARMAN_STATUS $BARMAN_BACKUP_ID >> \(world.path("hooks"))'",
                    "post_backup_script":
                        "sh -c 'echo post $BARMAN_STATUS $BARMAN_BACKUP_ID $BARMAN_ERROR >> \(world.path("hooks"))'",
                    "pre_backup_retry_script": "sh -c 'test ! -e \(world.path("refuse")) || exit 63'",
                ]
            )
            try world.write("", to: "hooks", as: .postgres)
            let id = try site.backup("--name", "before the party")
            #expect(try world.read("hooks") == "pre EMPTY \(id)\npost DONE \(id)\n")
            #expect(try site.host.barman("show-backup", "pg", "before the party").out.hasPrefix("Backup \(id)"))
            try site.host.barman("keep", "--target", "full", "pg", "before the party").orThrow()
            let kept = try site.host.barman("delete", "pg", id)
            #expect(kept.err.contains("Skipping delete of backup \(id) for server pg as it has a current keep request"))

            try world.write("", to: "refuse")
            try site.waitForFreshIdentifier()
            let refused = try site.host.barman("backup", "pg")
            #expect(refused.status == 1, "\(refused)")
            let failed = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", failed, "status") == "FAILED")
            #expect(try world.read("hooks").contains("post FAILED \(failed) failure starting backup"))
            #expect(world.names(in: "\(site.host.home)/pg/base/\(failed)/data") == [])
        }
    }
}

extension Site {
    /// A hot standby of the test's server.
    func startStandby() throws -> Cluster {
        let directory = try world.makeDirectory("standby", as: .postgres)
        try world.run(
            [
                cluster.program("pg_basebackup"), "-h", world.path("s"), "-p", "\(cluster.port)", "-U", "postgres",
                "-R",
                "-c", "fast", "-D", directory,
            ],
            as: .postgres
        ).orThrow()
        let standby = try world.restoredCluster(directory, version: cluster.version, as: .postgres)
        try standby.start()
        return standby
    }
}
