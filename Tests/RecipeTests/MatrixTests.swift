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
                // A restore is slow for a test: with tablespaces by one program, without them by the other.
                try matrix.expectRestores(id, row, by: hasTablespaces ? "3.19.1" : "ours", contents: contents)
            }
            load.end()
        }
    }
}
