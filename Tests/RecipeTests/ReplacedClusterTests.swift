import TestWorld
import Testing

/// The cluster behind a server was made anew (initdb, pg_upgrade): nothing of the two is mixed, and what the manual says helps.
@Suite struct ReplacedClusterTests {
    @Test func `WAL of a new cluster is kept apart until its predecessor has another name`() throws {
        try World.with { world in
            let incoming = world.path("backup-host/home/pg/incoming")
            let site = try StreamingSite.make(
                in: world,
                version: 15,
                settings: ["archive_mode": "on", "archive_command": "'cp %p \(incoming)/%f'"],
                options: ["archiver": "on"]
            )
            let receiver = try site.startReceiver()
            try site.host.barman("backup", "pg", "--wait", "--wait-timeout", "60").orThrow()
            try site.cluster.sql("INSERT INTO ledger VALUES (1, 1)")
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(receiver)
            try site.cluster.stop()
            try site.host.barman("archive-wal", "pg").orThrow()
            let archived = site.host.archivedWAL("pg")

            let successor = try world.cluster(17, named: "upgraded", segmentMegabytes: 1)
            try successor.configure(["archive_mode": "on", "archive_command": "'cp %p \(incoming)/%f'"])
            try successor.start()
            try successor.createBackupRole()
            let configuration = "\(site.host.serversDirectory)/pg.conf"
            let text = try world.read(configuration)
            let port = text.replacing("port=\(site.cluster.port)", with: "port=\(successor.port)")
            try world.write(port, to: configuration, as: .postgres)

            // It says what is wrong, takes nothing, and says how to go on.
            let refused = try site.host.barman("receive-wal", "pg")
            #expect(refused.status == 1, "\(refused)")
            #expect(try site.host.barman("backup", "pg").status == 1)
            let stray = try successor.sql("SELECT pg_walfile_name(pg_switch_wal())")
            let isShipped = Shell.wait(seconds: 10) { world.exists("\(incoming)/\(stray)") }
            #expect(isShipped)
            try site.host.barman("archive-wal", "pg").orThrow()
            #expect(site.host.archivedWAL("pg") == archived)
            let check = try site.host.barman("check", "--explain", "pg")
            #expect(check.status == 1)
            for said in [
                "systemid coherence: FAILED (the system Id of the connected PostgreSQL server changed",
                "it comes from the cluster with system identifier",
                "mv \(site.host.home)/pg \(site.host.home)/pg-old", "[pg-old]",
            ] {
                #expect(check.out.contains(said), "\(said): \(check)")
            }

            // What it says: the old backups under another name, then a new home.
            try world.run(["mv", "\(site.host.home)/pg", "\(site.host.home)/pg-old"]).orThrow()
            try world.write(
                text.replacing("[pg]", with: "[pg-old]") + "active = false\n",
                to: "\(site.host.serversDirectory)/pg-old.conf",
                as: .postgres
            )
            try site.host.barman("check", "pg")
            let stream = try site.startReceiver(from: successor)
            try successor.sql("CREATE TABLE ledger AS SELECT 2 AS client, 2 AS number")
            try site.host.barman("backup", "pg", "--wait", "--wait-timeout", "60").orThrow()
            try site.stop(stream)
            #expect(try site.host.barman("check", "pg").out.contains("systemid coherence: OK"))
            for (server, version, row) in [("pg-old", 15, "1|1"), ("pg", 17, "2|2")] {
                let destination = try world.makeDirectory("restored-\(server)", as: .postgres)
                try site.host.barman("restore", server, "latest", destination).orThrow()
                let restored = try world.restoredCluster(destination, version: version, as: .postgres)
                try restored.start()
                try restored.waitUntilPromoted()
                #expect(try restored.sql("SELECT client, number FROM ledger") == row, "\(server)")
                try restored.stop(mode: "immediate")
            }
        }
    }
}
