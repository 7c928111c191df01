import TestWorld
import Testing

/// Every way to take a backup × every version × with and without tablespaces, under a write load; what was taken comes back.
@Suite struct MatrixTests {
    @Test(arguments: [15, 17, 18], [false, true])
    func `what was backed up comes back`(version: Int, hasTablespaces: Bool) throws {
        try World.with { world in
            let matrix = try MatrixSite(in: world, version: version, hasTablespaces: hasTablespaces)
            let load = try matrix.site.cluster.startLoad(clients: 1, transactionsPerSecond: 50)
            for row in MatrixRow.all where row.oldestVersion <= version {
                let id = try matrix.backUp(row)
                #expect(load.isRunning)
                #expect(try matrix.site.host.info("pg", id, "status") == "DONE", "\(row)")
                let contents = try matrix.site.cluster.sql(matrix.contents)
                // Each restore is slow for a test: each row comes back by both programs somewhere.
                let byOurs = row.comesBackWithOurs && (version != 15 || !hasTablespaces)
                if byOurs { try matrix.expectRestores(id, row, by: "ours", contents: contents) }
                if hasTablespaces || !row.comesBackWithOurs {
                    try matrix.expectRestores(id, row, by: "3.19.1", contents: contents)
                }
            }
            load.end()
        }
    }
}
