import TestWorld
import Testing

/// Backups by rsync come back whole, whatever the server does meanwhile; the matrix has the versions and layouts.
@Suite struct RsyncBackupTests {
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
            #expect(try site.restoredContents(of: id) == expected)
        }
    }

    @Test func `a standby that archives waits for its primary, which is made to go on`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 17)
            let standby = try site.startStandby(settings: ["archive_mode": "always"])
            try site.host.addServer(
                "pg",
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "immediate_checkpoint": "true",
                    "conninfo": "host=127.0.0.1 port=\(standby.port) user=barman dbname=postgres",
                    "primary_conninfo": "host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres",
                ]
            )
            let outcome = try site.host.barman("backup", "pg")
            #expect(outcome.status == 0, "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", id, "status") == "DONE", "\(outcome)")
            let log = try site.world.read(site.host.logFile)
            #expect(log.contains("all required WAL segments have been archived"))

            // The backup ends where a segment begins, in which the primary has written nothing.
            try site.cluster.sql("SELECT pg_switch_wal()")
            let position = try site.cluster.sql("SELECT pg_current_wal_lsn()")
            let hasReplayed = try Shell.wait(seconds: 30) {
                try standby.sql("SELECT pg_last_wal_replay_lsn() >= '\(position)'") == "t"
            }
            #expect(hasReplayed)
            let idle = try site.host.barman("backup", "--wait", "--wait-timeout", "30", "pg")
            #expect(idle.status == 0, "\(idle)")

            try site.cluster.stop(mode: "immediate")
            let check = try site.host.barman("check", "pg")
            #expect(check.out.contains("Primary server is not a standby: OK"), "\(check)")
            #expect(check.out.contains("Primary and standby have same system ID: FAILED"), "\(check)")
        }
    }

    @Test func `a backup waits until its WAL has left the server, and outlives the server`() throws {
        try World.with { world in
            let site = try Site.local(in: world, version: 15)
            let hold = world.path("hold")
            try site.cluster.configure([
                "archive_command": "'test ! -e \(hold) && cp %p \(site.host.home)/pg/incoming/%f'"
            ])
            try site.cluster.reload()
            let first = try backUpUntilItWaits(site, hold)
            try world.run(["rm", hold]).orThrow()
            // Makes the archiver try again at once.
            try site.cluster.sql("SELECT pg_create_restore_point('wake'); SELECT pg_switch_wal()")
            let outcome = try first.wait(seconds: 30)
            #expect(outcome.status == 0, "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", id, "status") == "DONE", "\(outcome)")

            try site.waitForFreshIdentifier()
            let second = try backUpUntilItWaits(site, hold)
            try site.cluster.stop(mode: "immediate")
            let alone = try second.wait(seconds: 30)
            #expect(alone.status == 0, "\(alone)")
            #expect(alone.err.contains("this backup is classified as WAITING_FOR_WALS"), "\(alone)")
            try world.run(["rm", hold]).orThrow()
            try site.cluster.start()
            try site.archiveEverything()
            let survivor = try #require(site.host.backupIDs("pg").last)
            #expect(survivor != id)
            try site.host.barman("check-backup", "pg", survivor).orThrow()
            #expect(try site.host.info("pg", survivor, "status") == "DONE")
        }
    }

    private func backUpUntilItWaits(_ site: Site, _ hold: String) throws -> BackgroundProgram {
        try site.world.write("", to: hold)
        let running = try site.host.startBarman("backup", "pg")
        var seen = ""
        let isWaiting = try Shell.wait(seconds: 30) {
            seen = try site.host.barman("status", "pg").out
            return seen.contains("Running backup") && seen.contains(", waiting for WAL")
        }
        #expect(isWaiting && running.isRunning, "\(seen)\n\(running.outcome)")
        return running
    }

    @Test func `databases and tablespaces come and go, tables are rewritten, cut and grown during the copy`() throws {
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
            // The first rsync of the copy finds a tablespace that was not there when the backup started.
            let late = try world.makeDirectory("late", as: .postgres)
            try world.write(
                """
                #!/bin/sh
                case "$*" in */pg/base/*) mkdir '\(late)/space' 2>/dev/null && \(psql) \
                    -c "CREATE TABLESPACE late LOCATION '\(late)/space'" \
                    -c 'CREATE TABLE late TABLESPACE late AS SELECT * FROM ledger' -c CHECKPOINT ;; esac
                exec /usr/bin/rsync "$@"

                """,
                to: "bin/rsync",
                mode: 0o755
            )
            try site.cluster.sql("ALTER ROLE barman SET log_statement = 'all'")
            let storm = try world.start(["bash", world.path("storm")], as: .postgres)
            // About four seconds, in which the storm goes round several times.
            let outcome = try site.host.barman("backup", "pg", "--bwlimit", "12000")
            #expect(storm.isRunning)
            storm.end()
            #expect(outcome.status == 0, "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            // Tablespaces are asked for when those that come later are in the WAL of the backup, not before.
            let log = try world.read(site.cluster.logFile)
            let start = try #require(log.ranges(of: "FROM pg_backup_start(").last)
            let question = try #require(log.ranges(of: "SELECT spcname, oid").last)
            #expect(start.upperBound < question.lowerBound)
            #expect(world.names(in: "\(site.host.home)/pg/base/\(id)/data/pg_tblspc").isEmpty)
            // Recovery makes it anew where it was, which must be no place of a running server.
            try site.cluster.stop(mode: "immediate")
            try world.shell("rm -rf '\(late)'/space/*").orThrow()
            let restored = try site.withRestored(id) { restored in
                (try site.contents(of: restored), try restored.number("SELECT count(*) FROM late"))
            }
            #expect(restored.0 == expected)
            #expect(restored.1 == 5000)
        }
    }

    @Test func `thousands of tables: unchanged files are linked or copied from the backup before`() throws {
        try World.with { world in
            // 50,000 take minutes: `BARMAN_TEST_TABLES=50000`.
            let count = Environment["BARMAN_TEST_TABLES"].flatMap { Int($0) } ?? 5000
            let site = try Site.local(in: world, version: 17, segmentMegabytes: 64)
            try site.cluster.pgbench(["-i", "-q", "-s", "1"])
            try site.createLedger(rows: 100)
            try site.cluster.sql(
                """
                DO $$ BEGIN FOR i IN 1..\(count) LOOP EXECUTE format('CREATE TABLE many_%s (id int)', i);
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
            #expect(all > count)
            #expect(try files(linked, "-links 2") > all - 200)
            #expect(try files(linked, "-links 1") > 0)
            #expect(try files(copied, "-links +1") == 0)
            #expect(try files(copied, "") == all)
            #expect(try files(first, "-links 1") < 200)
            let expected = try site.contents(of: site.cluster)
            try site.archiveEverything()
            for id in [linked, copied] {
                #expect(try site.restoredContents(of: id) == expected)
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
    func startStandby(settings: KeyValuePairs<String, String> = [:]) throws -> Cluster {
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
        try standby.configure(settings)
        try standby.start()
        return standby
    }
}
