import TestWorld
import Testing

/// Whether what came back from a backup is what was there.
extension Site {
    /// Which program restores.
    enum Restorer: String, CaseIterable {
        case ours, oracle
    }

    /// A tablespace of the test's server.
    struct Space {
        let name: String
        let directory: String
    }

    /// Two tablespaces whose names and places no program would choose, and in them the tables of pgbench and of `createLedger`.
    func createOddTablespaces() throws -> [Space] {
        let spaces = [
            Space(name: "two words", directory: "table space 1"), Space(name: "Größe'x", directory: "größe \"2\""),
        ]
        for space in spaces {
            let directory = try world.makeDirectory(space.directory, as: .postgres)
            let name = space.name.replacing("\"", with: "\"\"")
            try cluster.sql("CREATE TABLESPACE \"\(name)\" LOCATION '\(directory)'")
        }
        return spaces
    }

    /// A number that depends on every row of all tables of the write load and of the ledger.
    func contents(of cluster: Cluster) throws -> String {
        try ["pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history", "ledger"].map { table in
            try cluster.sql("SELECT '\(table)', count(*), sum(hashtextextended(t::text, 0)) FROM \(table) t")
        }.joined(separator: "\n")
    }

    /// Restores to the end of the WAL, starts, lets `pg_amcheck` look at everything, and returns the contents.
    func restoredContents(of id: String, by restorer: Restorer, spaces: [Space] = []) throws -> String {
        let name = "restored \(restorer.rawValue) \(id)"
        let destination = try world.makeDirectory(name, as: host.account)
        var words = ["restore"]
        for (number, space) in spaces.enumerated() {
            let directory = try world.makeDirectory("\(name) space \(number)", as: host.account)
            words += ["--tablespace", "\(space.name):\(directory)"]
        }
        words += ["pg", id, destination]
        try (restorer == .ours ? host.barman(words) : host.oracle(words)).orThrow()
        let restored = try world.restoredCluster(destination, version: cluster.version, as: host.account)
        try restored.start()
        try restored.waitUntilPromoted()
        let check = try world.run(
            [
                restored.program("pg_amcheck"), "--all", "--install-missing", "-h", world.path("s"), "-p",
                "\(restored.port)", "-U", "postgres",
            ],
            as: host.account
        )
        #expect(check.status == 0 && check.out == "", "\(restorer) \(check)")
        let contents = try contents(of: restored)
        try restored.stop(mode: "immediate")
        return contents
    }
}
