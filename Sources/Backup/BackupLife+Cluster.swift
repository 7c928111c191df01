import Catalog
import Postgres
import WAL

extension BackupLife {
    /// Writes down what the catalog tells of the cluster, before anything is copied.
    func describeCluster() throws -> ClusterDescription {
        action = "detecting data directory"
        let cluster = try postgres.clusterDescription()
        let files = cluster.configurationFiles
        info.pgdata = cluster.dataDirectory
        info.version = Int64(cluster.version.number)
        info.xlogSegmentSizeBytes = Int64(cluster.segmentSize.bytes)
        info.configFile = files.configFile
        info.hbaFile = files.hbaFile
        info.identFile = files.identFile
        info.includedFiles = files.includedFiles.isEmpty ? nil : files.includedFiles
        info.dataChecksums = cluster.dataChecksums
        info.summarizeWAL = cluster.summarizeWAL
        info.clusterSizeBytes = cluster.sizeBytes
        note(cluster.tablespaces)
        return cluster
    }

    /// The tablespaces that there are now, which the record tells from now on.
    func describeTablespaces() throws -> [ServerTablespace] {
        action = "detecting tablespaces"
        let tablespaces = try postgres.tablespaces()
        note(tablespaces)
        return tablespaces
    }

    private func note(_ tablespaces: [ServerTablespace]) {
        info.tablespaces =
            tablespaces.isEmpty
            ? nil
            : tablespaces.map {
                Catalog.Tablespace(name: $0.name, oid: Int64($0.oid), location: $0.location)
            }
    }
}
