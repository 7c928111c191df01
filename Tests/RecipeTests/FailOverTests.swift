import Glibc
import TestWorld
import Testing

/// A standby is promoted while WAL is streamed: the receiver and the archive follow, and both timelines can be restored.
@Suite struct FailOverTests {
    @Test(arguments: [15, 17, 18])
    func `the receiver follows to the promoted standby, and both sides of the branch come back`(version: Int) throws {
        try World.with { world in
            let second = try world.freePort()
            let site = try StreamingSite.make(in: world, version: version, second: second)
            let receiver = try site.startReceiver()
            try site.host.barman("backup", "pg", "--wait", "--wait-timeout", "60").orThrow()
            let standby = try makeStandby(of: site, port: second)
            try site.cluster.sql("INSERT INTO ledger SELECT 1, generate_series(1, 100)")
            try waitUntilReplayed(standby, of: site.cluster)

            // The standby is cut off; what the old primary still writes is on the old timeline alone, several segments long.
            try standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
            try standby.reload()
            _ = try Shell.wait(seconds: 10) { try standby.number("SELECT count(*) FROM pg_stat_wal_receiver") == 0 }
            try site.fillSegments(3)
            try site.cluster.sql("INSERT INTO ledger SELECT 2, generate_series(1, 100)")
            try site.waitUntilCaughtUp()
            try site.cluster.stop(mode: "immediate")
            try standby.sql("SELECT pg_promote()")
            try standby.waitUntilPromoted()
            try site.waitUntilStreaming(receiver, from: standby)
            try standby.sql("INSERT INTO ledger SELECT 3, generate_series(1, 100)")
            try site.fillSegments(2, of: standby)
            try site.waitUntilCaughtUp(from: standby)
            try site.stop(receiver)
            #expect(receiver.outcome.out.contains("the server has not been at "), "\(receiver.outcome)")
            #expect(receiver.outcome.out.contains("(timeline 2)"), "\(receiver.outcome)")

            try site.host.barman("archive-wal", "pg").orThrow()
            let archived = site.host.archivedWAL("pg")
            #expect(archived.contains("00000002.history"), "\(archived)")
            let branch = try standby.sql(
                "SELECT min(name) FROM pg_ls_waldir() WHERE name LIKE '00000002%' AND length(name) = 24"
            )
            try site.expectEqualSegments(from: branch, of: standby)

            let old = try answer(site, ["--target-tli", "1", "--partial-wal"], named: "old")
            #expect(old == "1|100\n2|100")
            let new = try answer(site, ["--target-tli", "latest", "--partial-wal"], named: "new")
            #expect(new == "1|100\n3|100")
        }
    }

    @Test func `a receiver that streams from a standby follows its promotion`() throws {
        try World.with { world in
            let port = try world.freePort()
            let site = try StreamingSite.make(in: world, version: 17, port: port)
            let standby = try makeStandby(of: site, port: port)
            let receiver = try site.startReceiver(from: standby)
            try site.cluster.sql("INSERT INTO ledger SELECT 1, generate_series(1, 100)")
            try site.fillSegments(2)
            try waitUntilReplayed(standby, of: site.cluster)
            try site.cluster.stop()
            try standby.sql("SELECT pg_promote()")
            try standby.waitUntilPromoted()
            try site.fillSegments(2, of: standby)
            let isThere = Shell.wait(seconds: 20) { receiver.outcome.out.contains("switched to timeline 2") }
            #expect(isThere, "\(receiver.outcome)")
            try site.waitUntilStreaming(receiver, from: standby)
            try site.waitUntilCaughtUp(from: standby)
            try site.stop(receiver)
            let branch = try standby.sql(
                "SELECT min(name) FROM pg_ls_waldir() WHERE name LIKE '00000002%' AND length(name) = 24"
            )
            try site.expectEqualSegments(from: branch, of: standby)
            try site.host.barman("archive-wal", "pg").orThrow()
            #expect(site.host.archivedWAL("pg").contains("00000002.history"))
        }
    }

    /// A standby of the site's server on that port.
    private func makeStandby(of site: StreamingSite, port: Int) throws -> Cluster {
        let world = site.world
        let directory = "\(try world.makeDirectory("standby", as: .postgres, mode: 0o755))/data"
        try world.run(
            [
                site.cluster.program("pg_basebackup"), "-D", directory, "-h", world.path("s"), "-p",
                "\(site.cluster.port)",
                "-U", "postgres", "-R", "-X", "stream", "-c", "fast",
            ],
            as: .postgres
        ).orThrow()
        let standby = try world.restoredCluster(directory, version: site.cluster.version, as: .postgres, port: port)
        try standby.configure(["wal_receiver_timeout": "2s", "wal_retrieve_retry_interval": "200ms"])
        try standby.start()
        return standby
    }

    private func waitUntilReplayed(_ standby: Cluster, of primary: Cluster) throws {
        let target = try primary.sql("SELECT pg_current_wal_flush_lsn()")
        let isThere = try Shell.wait(seconds: 30) {
            try standby.sql("SELECT pg_last_wal_replay_lsn() >= '\(target)'") == "t"
        }
        guard isThere else { throw WorldError("the standby is not at \(target):\n\(try site(standby))") }
    }

    private func site(_ cluster: Cluster) throws -> String { try cluster.world.read(cluster.logFile) }

    private func answer(_ site: StreamingSite, _ options: [String], named name: String) throws -> String {
        let destination = try site.world.makeDirectory("restored-\(name)", as: .postgres)
        try site.host.barman(["restore"] + options + ["pg", "latest", destination]).orThrow()
        let restored = try site.world.restoredCluster(destination, version: site.cluster.version, as: .postgres)
        try restored.start()
        try restored.waitUntilPromoted()
        let answer = try restored.sql("SELECT client, count(*) FROM ledger GROUP BY client ORDER BY client")
        try restored.stop(mode: "immediate")
        return answer
    }
}
