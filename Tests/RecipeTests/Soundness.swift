import TestWorld
import Testing

/// Whether what came back from a backup is what was there.
extension Site {
    /// A number that depends on every row of all tables of the write load and of the ledger.
    func contents(of cluster: Cluster) throws -> String {
        try ["pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history", "ledger"].map { table in
            try cluster.sql("SELECT '\(table)', count(*), sum(hashtextextended(t::text, 0)) FROM \(table) t")
        }.joined(separator: "\n")
    }

    /// Restores to the end of the WAL, starts, lets `pg_amcheck` look at everything, and returns the contents.
    func restoredContents(of id: String) throws -> String {
        try withRestored(id) { try contents(of: $0) }
    }

    /// Restores to the end of the WAL, starts, lets `pg_amcheck` look at everything, and then the test.
    func withRestored<Answer>(_ id: String, _ body: (Cluster) throws -> Answer) throws -> Answer {
        let destination = try world.makeDirectory("restored \(id)", as: host.account)
        try host.barman("restore", "pg", id, destination).orThrow()
        let restored = try world.restoredCluster(destination, version: cluster.version, as: host.account)
        // It must not send its WAL to where the source sends its own. We have synced every file; that it would do so again
        // before it starts takes longer than all else when they are many.
        try restored.configure(["archive_mode": "off", "fsync": "off"])
        try restored.start()
        try restored.waitUntilPromoted()
        let check = try world.run(
            [
                restored.program("pg_amcheck"), "--all", "--install-missing", "-h", world.path("s"), "-p",
                "\(restored.port)", "-U", "postgres",
            ],
            as: host.account
        )
        #expect(check.status == 0 && check.out == "", "\(check)")
        let answer = try body(restored)
        try restored.stop(mode: "immediate")
        Shell.removeTree(destination)
        return answer
    }
}
