import TestWorld
import Testing

/// Every way to take a backup × every version × with and without tablespaces, under a write load; what was taken comes back.
@Suite struct MatrixTests {
    @Test(arguments: [15, 17, 18], [false, true])
    func `what was backed up comes back`(version: Int, hasTablespaces: Bool) throws {
        try World.with { world in
            let matrix = try MatrixSite(in: world, version: version, hasTablespaces: hasTablespaces)
            let load = try matrix.site.cluster.startLoad(clients: 1, transactionsPerSecond: 50)
            for (number, row) in MatrixRow.all.enumerated() where row.oldestVersion <= version {
                let id = try matrix.backUp(row)
                #expect(load.isRunning)
                try matrix.expectSound(id, row)
                let contents = try matrix.site.cluster.sql(matrix.contents)
                // A restore is slow for a test: each program restores every other cell of every row.
                let isOurs = (number + version + (hasTablespaces ? 1 : 0)).isMultiple(of: 2)
                try matrix.expectRestores(id, row, by: isOurs ? "ours" : "3.19.1", contents: contents)
            }
            load.end()
        }
    }
}
