import Glibc
import TestWorld
import Testing

/// A server that is lost in the middle of a segment: what a receiver has of it comes back, without asking for it.
@Suite struct UnfinishedWALTests {
    @Test func `the last commits come back from the unfinished segment, with get-wal and without`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            try site.createLedger(rows: 100)
            _ = try site.backup()
            let cluster = site.cluster
            let streaming = "\(site.host.home)/pg/streaming"
            let receiver = try world.start(
                [
                    cluster.program("pg_receivewal"), "-D", streaming, "-h", world.path("s"), "-p", "\(cluster.port)",
                    "-U", "postgres", "--synchronous", "--no-loop",
                ],
                as: .postgres
            )
            try cluster.sql("INSERT INTO ledger SELECT i, 'last' FROM generate_series(101, 107) i")
            let isThere = try Shell.wait(seconds: 30) {
                try cluster.sql("SELECT bool_or(flush_lsn >= pg_current_wal_flush_lsn()) FROM pg_stat_replication")
                    == "t"
            }
            #expect(isThere, "\(receiver.outcome)")
            // The server is lost; everything from here on happens without it.
            try cluster.stop(mode: "immediate")
            receiver.signal(SIGKILL)
            #expect(world.names(in: streaming).contains { $0.hasSuffix(".partial") })

            for (name, options) in [
                ("copied", []), ("fetched", ["--get-wal"]), ("followed", ["--target-tli", "latest"]),
            ] as [(String, [String])] {
                let destination = try world.makeDirectory(name, as: .postgres)
                let plan = try site.host.barman(["restore", "--plan"] + options + ["pg", "latest", destination])
                #expect(plan.status == 0 && plan.out.contains("\tUnfinished WAL: "), "\(plan)")
                #expect(world.names(in: destination).isEmpty)
                let outcome = try site.host.barman(["restore"] + options + ["pg", "latest", destination])
                #expect(outcome.status == 0, "\(outcome)")
                let restored = try world.restoredCluster(destination, version: cluster.version, as: .postgres)
                restored.environment = ["BARMAN_CONFIG_FILE": site.host.configurationFile]
                _ = try world.program()
                try restored.start()
                try restored.waitUntilPromoted()
                #expect(try restored.sql("SELECT count(*), max(id) FROM ledger") == "107|107", "\(name)")
                try restored.stop(mode: "immediate")
            }
        }
    }
}
