import TestWorld
import Testing

/// Both programs under a real server: `barman-wal-archive --batch` as its archive_command, `barman-wal-restore -p` as its
/// restore_command, the backup host going away in between.
@Suite struct LiveServerTests {
    @Test(arguments: [15, 17, 18])
    func `WAL goes out in batches, outlasts a dead backup host, and comes back fetched ahead`(version: Int) throws {
        try World.with { world in
            let site = try WALSite(world, global: ["compression": "gzip"])
            let cluster = try world.cluster(version, segmentMegabytes: 1)
            let options = "--state-dir \(world.path("state"))"
            let archive = try world.walProgram("barman-wal-archive")
            try cluster.configure([
                "archive_mode": "on", "archive_command": "'\(archive) --batch 8 \(options) ours pg %p'",
                "max_wal_size": "'4MB'", "min_wal_size": "'2MB'", "full_page_writes": "off",
            ])
            try cluster.start()
            try cluster.sql("CREATE TABLE ledger (id integer, note text)")
            let base = try world.makeDirectory("restored", as: .postgres)
            try world.run(
                [
                    cluster.program("pg_basebackup"), "-h", world.path("s"), "-p", "\(cluster.port)", "-U", "postgres",
                    "-D", base, "-X", "none", "-c", "fast", "--no-sync",
                ],
                as: .postgres
            ).orThrow()
            try write(cluster, rows: 1...50_000)

            // The backup host is gone: the server says so, keeps what it cannot archive, and goes on.
            for sshHost in site.sshHosts { try sshHost.stop() }
            try write(cluster, rows: 50_001...100_000)
            let isTold = try Shell.wait(seconds: 30) {
                try cluster.number("SELECT failed_count FROM pg_stat_archiver") > 0
            }
            #expect(isTold)
            #expect(try world.read(cluster.logFile).contains("ERROR: Connection problem with ssh"))
            #expect(try cluster.number("SELECT count(*) FROM ledger") == 100_000)
            // Nothing is hoarded beside PostgreSQL: what waits, waits in pg_wal.
            let kept = try world.run(["du", "-sk", world.path("state")]).orThrow().out.split(separator: "\t")[0]
            #expect(Int(kept) ?? .max < 64)
            for sshHost in site.sshHosts { try sshHost.start() }
            try write(cluster, rows: 100_001...110_000)
            let last = try cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
            let isArchived = try Shell.wait(seconds: 120) {
                try cluster.sql("SELECT coalesce(last_archived_wal >= '\(last)', false) FROM pg_stat_archiver") == "t"
            }
            let log = try world.read(cluster.logFile)
            #expect(isArchived, "\(log)")
            try site.host.barman("archive-wal", "pg").orThrow()
            #expect(world.names(in: "\(site.home)/errors") == [])
            // Everything from the backup on is there, each file once.
            let names = world.names(in: site.wals).filter { $0.count == 24 }
            let first = try #require(names.first.flatMap { Int($0.suffix(8), radix: 16) })
            #expect(names == (first..<first + names.count).map(WALSite.name) && names.count > 15, "\(names)")
            let listed = try world.read("\(site.home)/wals/pg-xlog.db").split(separator: "\n").map {
                $0.prefix { $0 != "\t" }
            }
            #expect(Set(listed).count == listed.count && Set(listed).isSuperset(of: names.map { $0[...] }), "\(listed)")
            try cluster.stop()

            try recover(site, base, version, options)
        }
    }

    /// Replays everything through `barman-wal-restore -p 8`.
    private func recover(_ site: WALSite, _ base: String, _ version: Int, _ options: String) throws {
        let world = site.world
        let restored = try world.restoredCluster(base, version: version, as: .postgres)
        let program = try world.walProgram("barman-wal-restore")
        let spool = world.path("state/spool")
        try restored.configure([
            "restore_command": "'\(program) -p 8 --spool-dir \(spool) \(options) ours pg %f %p'", "archive_mode": "off",
        ])
        try world.write("", to: "\(base)/recovery.signal", as: .postgres)
        try restored.start()
        try restored.waitUntilPromoted()
        #expect(try restored.sql("SELECT count(*), max(id) FROM ledger") == "110000|110000")
        try restored.stop()
        // Nobody asks any more: the process behind it ends by itself and takes with it what nobody wanted.
        let ahead = try #require(world.names(in: spool).first { $0.hasPrefix(".ahead-") })
        try world.run(["touch", "-d", "2 minutes ago", "\(spool)/\(ahead)/delivered"], as: .postgres).orThrow()
        let hasEnded = Shell.wait(seconds: 20) { world.names(in: "\(spool)/\(ahead)") == ["delivered", "lock"] }
        #expect(hasEnded, "\(world.names(in: "\(spool)/\(ahead)"))")
        let isFree = try Shell.wait(seconds: 10) {
            try world.run(["flock", "--nonblock", "\(spool)/\(ahead)/lock", "true"]).status == 0
        }
        #expect(isFree)
    }

    private func write(_ cluster: Cluster, rows: ClosedRange<Int>) throws {
        try cluster.sql(
            """
            INSERT INTO ledger SELECT i, repeat(md5(i::text), 3)
            FROM generate_series(\(rows.lowerBound), \(rows.upperBound)) i
            """
        )
    }
}
