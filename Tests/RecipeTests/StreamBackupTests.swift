import TestWorld
import Testing

/// Backups over the replication protocol of servers that do not hold still.
@Suite struct StreamBackupTests {
    @Test func `no program of PostgreSQL is needed, and the manifest holds SHA-256`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, options: ["path_prefix": "/nowhere"])
            let nowhere = ["PATH": "/nowhere"]
            let check = try site.host.barman("check", "pg", environment: nowhere)
            #expect(check.status == 0, "\(check)")
            #expect(check.lines.contains("\tpg_basebackup: OK"))
            #expect(check.lines.contains("\tpg_basebackup compatible: OK"))
            #expect(check.lines.contains("\tpg_basebackup supports tablespaces mapping: OK"))
            let outcome = try site.host.barman("backup", "pg", "--name", "first one", environment: nowhere)
            #expect(outcome.status == 0, "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", id, "backup_name") == "first one")
            let data = "\(site.host.home)/pg/base/\(id)/data"
            let manifest = try world.read("\(data)/backup_manifest")
            #expect(!manifest.contains("CRC32C"))
            #expect(manifest.contains("\"Checksum-Algorithm\": \"SHA256\""))
            try world.run([site.cluster.program("pg_verifybackup"), "-n", data]).orThrow()
            try site.host.barman("verify-backup", "pg", id).orThrow()
        }
    }

    @Test func `databases, tables and files come and go during the backup`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 18)
            try site.createLedger(rows: 20000)
            try site.cluster.sql(
                "CREATE TABLE big AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 10000) i"
            )
            let script = """
                while true; do psql -X -q -h \(world.path("s")) -p \(site.cluster.port) -U postgres \
                -c 'CREATE DATABASE coming' -c 'VACUUM FULL ledger' \
                -c 'CREATE TABLE brief AS SELECT * FROM big' -c 'DROP DATABASE coming' \
                -c 'TRUNCATE brief' -c 'INSERT INTO brief SELECT * FROM big' -c 'DROP TABLE brief' || exit 1; done
                """
            let unrest = try world.start(["/bin/sh", "-c", script], as: .postgres)
            for _ in 0..<3 { _ = try site.backup("--bwlimit", "20000") }
            #expect(unrest.isRunning, "\(unrest.outcome)")
            unrest.end()
            _ = try site.switchWAL()
            try site.host.barman("archive-wal", "pg").orThrow()
            let query = "SELECT count(*), md5(string_agg(note, '' ORDER BY id)) FROM ledger"
            let expected = try site.cluster.sql(query)
            #expect(try site.withRestored("latest") { try $0.sql(query) } == expected)
        }
    }

    @Test func `an empty cluster, small segments, and a home with blanks and letters of all kinds`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 17, segmentMegabytes: 1, hostName: "höme of bäckups")
            let id = try site.backup()
            #expect(try site.host.info("pg", id, "xlog_segment_size") == "1048576")
            #expect(try site.withRestored(id) { try $0.sql("SELECT count(*) FROM pg_database") } == "3")
            #expect(try site.host.oracle("check-backup", "pg", id).status == 0)
        }
    }

    @Test func `a standby is backed up while its primary writes`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 17)
            try site.createLedger(rows: 1000)
            try site.cluster.pgbench(["-i", "-q", "-s", "1", "-n"])
            let parent = try world.makeDirectory("standby", as: .postgres)
            try world.run(
                [
                    site.cluster.program("pg_basebackup"), "-D", "\(parent)/data", "-R", "-X", "stream", "-c", "fast",
                    "-h", world.path("s"), "-p", "\(site.cluster.port)", "-U", "postgres",
                ],
                as: .postgres
            ).orThrow()
            let standby = try world.restoredCluster("\(parent)/data", version: 17, as: .postgres)
            try standby.start()
            let load = try site.cluster.startLoad(clients: 1, transactionsPerSecond: 100)
            try site.host.addServer(
                "pg",
                [
                    "backup_method": "postgres", "archiver": "on", "immediate_checkpoint": "true",
                    "conninfo": "host=127.0.0.1 port=\(standby.port) user=barman dbname=postgres",
                    "primary_conninfo": "host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres",
                ]
            )
            let id = try site.backup()
            load.end()
            #expect(try site.host.info("pg", id, "status") == "DONE")
            #expect(try site.host.info("pg", id, "backup_label")?.contains("BACKUP FROM: standby") == true)
            #expect(try site.host.oracle("check-backup", "pg", id).status == 0)
            // What comes back is a server of its own, unless a standby is asked for.
            #expect(world.exists("\(site.host.home)/pg/base/\(id)/data/standby.signal"))
            _ = try site.switchWAL()
            try site.host.barman("archive-wal", "pg").orThrow()
            let query = "SELECT count(*), sum(delta) FROM pgbench_history"
            let expected = try site.cluster.sql(query)
            #expect(try site.withRestored(id) { try $0.sql(query) } == expected)
            #expect(try site.cluster.number("SELECT count(*) FROM pg_stat_replication") == 1)
            let other = try world.makeDirectory("another-standby", as: .postgres)
            try site.host.barman("restore", "--standby-mode", "pg", id, other).orThrow()
            #expect(world.exists("\(other)/standby.signal") && !world.exists("\(other)/recovery.signal"))
        }
    }

    @Test func `incremental backups know their parents, and go with them`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 17)
            try site.createLedger(rows: 5000)
            let full = try site.backup()
            let first = try site.backup("--incremental", "last")
            let second = try site.backup("--incremental", first)
            let other = try site.backup("--incremental", "latest-full")
            #expect(try site.host.info("pg", first, "parent_backup_id") == full)
            #expect(try site.host.info("pg", second, "parent_backup_id") == first)
            #expect(try site.host.info("pg", full, "children_backup_ids") == "\(first),\(other)")
            try expectReadableCatalog(site)
            let size = { (id: String) in Int(try site.host.info("pg", id, "size") ?? "") ?? 0 }
            #expect(try size(second) < size(full) / 3)

            let unknown = try site.host.barman("backup", "--incremental", "nobody", "pg")
            #expect(unknown.status == 1)
            #expect(unknown.err.contains("ERROR: Unknown backup 'nobody' for server 'pg'"))
            try site.cluster.configure(["summarize_wal": "off"])
            try site.cluster.reload()
            let off = try site.host.barman("backup", "--incremental", "last", "pg")
            #expect(off.status == 1)
            #expect(
                off.err.contains(
                    "ERROR: failed to start backup: 'summarize_wal' option has to be enabled in the Postgres server"
                ),
                "\(off)"
            )
            let blind = try site.backup()
            try site.cluster.configure(["summarize_wal": "on"])
            try site.cluster.reload()
            let unfit = try site.host.barman("backup", "--incremental", blind, "pg")
            #expect(
                unfit.err.contains("failed to start backup: Backup ID \(blind) is not eligible as a parent"),
                "\(unfit)"
            )
            let keep = try site.host.barman("keep", "--target", "full", "pg", first)
            #expect(keep.status == 1, "\(keep)")

            // What all servers are asked for does not stop one of this method.
            try site.host.barman("backup", "--reuse-backup", "link", "--name", "reused", "pg").orThrow()
            try site.host.barman("delete", "pg", "reused").orThrow()

            // What the server has against a parent is told with all that it adds, and whose manifest it is about.
            let manifest = "\(site.host.home)/pg/base/\(other)/data/backup_manifest"
            let whole = try world.read(manifest)
            try world.write(whole + "x", to: manifest, as: .postgres)
            let altered = try site.host.barman("backup", "--incremental", other, "pg")
            #expect(altered.err.contains("\ncould not upload the manifest of backup \(other): "), "\(altered)")
            try world.write(whole, to: manifest, as: .postgres)
            try site.cluster.stop()
            try world.shell("rm \(site.cluster.dataDirectory)/pg_wal/summaries/*").orThrow()
            try site.cluster.start()
            let forgotten = try site.host.barman("backup", "--incremental", other, "pg")
            #expect(forgotten.status == 1)
            #expect(
                forgotten.err.contains("DETAIL:  The first unsummarized LSN in this range is ")
                    && forgotten.err.contains("\nHINT:  Take a full backup;"),
                "\(forgotten)"
            )
            for _ in 0..<2 { try site.host.barman("delete", "pg", "last-failed").orThrow() }

            try site.host.barman("delete", "pg", first).orThrow()
            #expect(site.host.backupIDs("pg") == [full, other, blind])
            #expect(try site.host.info("pg", full, "children_backup_ids") == other)
            try site.host.barman("delete", "pg", full).orThrow()
            #expect(site.host.backupIDs("pg") == [blind])
            try expectMixedChain(site)
        }
    }

    /// A chain of tar files and a plain increment comes back, with tablespaces that came and went in between.
    private func expectMixedChain(_ site: Site) throws {
        let world = site.world
        func create(_ name: String) throws {
            let place = try world.makeDirectory("space-\(name)", as: .postgres)
            try site.cluster.sql("CREATE TABLESPACE \(name) LOCATION '\(place)'")
            try site.cluster.sql(
                "CREATE TABLE in_\(name) TABLESPACE \(name) AS SELECT i FROM generate_series(1, 20000) i"
            )
        }
        let configuration = "\(site.host.serversDirectory)/pg.conf"
        let plain = try world.read(configuration)
        try world.write(plain + "backup_compression = gzip\n", to: configuration, as: .postgres)
        try create("early")
        try create("gone")
        _ = try site.backup()
        try create("late")
        try site.cluster.sql("UPDATE in_early SET i = i + 1 WHERE i % 7000 = 0")
        _ = try site.backup("--incremental", "latest")
        try world.write(plain, to: configuration, as: .postgres)
        try site.cluster.sql("UPDATE in_late SET i = i + 1 WHERE i % 7000 = 0")
        try site.cluster.sql("DROP TABLE in_gone")
        try site.cluster.sql("DROP TABLESPACE gone")
        _ = try site.backup("--incremental", "latest")
        let destination = try world.makeDirectory("mixed", as: .postgres)
        let places = try ["early", "late"].flatMap { name in
            ["--tablespace", "\(name):\(try world.makeDirectory("mixed-\(name)", as: .postgres))"]
        }
        try site.host.barman(["restore"] + places + ["pg", "latest", destination]).orThrow()
        let query = "SELECT (SELECT sum(i) FROM in_early), (SELECT sum(i) FROM in_late), (SELECT count(*) FROM ledger)"
        #expect(try site.answer(query, in: destination) == site.cluster.sql(query))
    }

    @Test func `settings that do not go together are refused in the words of the reference`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 15)
            let wrong: [KeyValuePairs<String, String>] = [
                ["backup_compression": "zstd", "backup_compression_level": "99"],
                ["backup_compression": "gzip", "backup_compression_workers": "2"],
                ["backup_compression": "gzip", "backup_compression_level": "0"],
                ["backup_compression": "lz4", "backup_compression_level": "13"],
                ["backup_compression": "lz4", "backup_compression_format": "plain"],
                ["backup_compression": "none", "backup_compression_level": "3"],
                ["backup_compression": "zstd", "backup_compression_workers": "-1"],
            ]
            for options in wrong {
                let common: KeyValuePairs = [
                    "backup_method": "postgres", "archiver": "on", "path_prefix": Scratch.serverPrograms(17),
                    "conninfo": "host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres",
                ]
                let text = (Array(common) + Array(options)).map { "\($0.key) = \($0.value)\n" }.joined()
                try world.write("[pg]\n" + text, to: "\(site.host.serversDirectory)/pg.conf", as: .postgres)
                let ours = try site.host.barman("backup", "pg")
                let theirs = try site.host.oracle("backup", "pg")
                #expect(ours.status == theirs.status, "\(options)")
                #expect(ours.err == theirs.err, "\(options)")
            }
        }
    }
}
