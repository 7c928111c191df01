import Catalog
import Failure
import Files
import Postgres
import Processes
import Settings
import SystemPackage

/// The running server as rsync sees it: what is copied from where, and what is left out.
struct RsyncSource {
    private let settings: ServerSettings
    private let cluster: ClusterDescription

    init(settings: ServerSettings, cluster: ClusterDescription) {
        self.settings = settings
        self.cluster = cluster
    }

    private var isLocal: Bool { settings.backupMethod == .localRsync }

    /// The rsync that reaches the server.
    func command(reporter: any Reporter) throws(Failure) -> RsyncCommand {
        var ssh: SSHCommand?
        if !isLocal {
            ssh = settings.sshCommand.flatMap { SSHCommand($0, pathPrefix: settings.pathPrefix) }
            guard ssh != nil else {
                throw Failure("Missing or invalid ssh_command in barman configuration for server \(settings.name)")
            }
        }
        var command = RsyncCommand(ssh: ssh, pathPrefix: settings.pathPrefix, reporter: reporter)
        command.isCompressed = settings.networkCompression
        command.bandwidthLimit = settings.bandwidthLimit.map { Int(clamping: $0) }
        return command
    }

    /// Included configuration files that lie outside the data directory: nobody copies them.
    var uncopiedFiles: [String] {
        cluster.configurationFiles.includedFiles.filter { relative($0) == nil }
    }

    /// Everything to copy into a backup's directory, in the order of the reference.
    func items(into directory: FilePath, reusing older: OlderBackups) throws(FileError) -> [CopyItem] {
        var items: [CopyItem] = []
        for tablespace in cluster.tablespaces {
            var item = CopyItem(
                label: tablespace.name,
                source: path(tablespace.location + "/"),
                destination: directory.appending(String(tablespace.oid)).string,
                kind: .directory
            )
            item.filter = .tablespace(majorVersion: cluster.version.major)
            item.olderCopies = try older.tablespace(Int64(tablespace.oid))
            item.linksOlderCopies = older.links
            item.bandwidthLimit = settings.tablespaceBandwidthLimit[tablespace.name]
            items.append(item)
        }
        let data = directory.appending("data")
        var pgdata = CopyItem(
            label: "pgdata",
            source: path(cluster.dataDirectory + "/"),
            destination: data.string,
            kind: .directory
        )
        pgdata.filter = .dataDirectory(tablespacePaths: tablespacePaths)
        pgdata.olderCopies = older.data
        pgdata.linksOlderCopies = older.links
        items.append(pgdata)
        items.append(
            CopyItem(
                label: "pg_control",
                source: path("\(cluster.dataDirectory)/global/pg_control"),
                destination: data.appending("global/pg_control").string,
                kind: .lastFile
            )
        )
        return items + configurationItems(into: data)
    }

    private func configurationItems(into data: FilePath) -> [CopyItem] {
        let files = cluster.configurationFiles
        let candidates: [(String, String?, CopyItem.Kind)] = [
            ("config_file", files.configFile, .file), ("hba_file", files.hbaFile, .file),
            ("ident_file", files.identFile, .optionalFile),
        ]
        return candidates.compactMap { label, file, kind in
            guard let file, relative(file) == nil else { return nil }
            return CopyItem(label: label, source: path(file), destination: data.string + "/", kind: kind)
        }
    }

    /// The paths in the data directory where tablespaces live.
    private var tablespacePaths: [String] {
        cluster.tablespaces.compactMap { tablespace in relative(tablespace.location).map { "/" + $0 } }
    }

    /// The path below the data directory; `nil` when it lies outside.
    private func relative(_ path: String) -> String? {
        let root = cluster.dataDirectory.hasSuffix("/") ? cluster.dataDirectory : cluster.dataDirectory + "/"
        return path.utf8.starts(with: root.utf8) ? String(path.utf8.dropFirst(root.utf8.count)) : nil
    }

    private func path(_ path: String) -> String {
        isLocal ? path : SSHCommand.rsyncPath(path)
    }
}
