import Archive
public import Catalog
public import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import WAL

/// `sync-wals`: copies the WAL that the primary node has told of to a passive one.
///
/// Files come in batches to a hidden directory, are synced there, and get their names in the archive; then their lines go to `xlog.db`
/// in the primary's order, and after the last batch the position is stored. What is here already, whoever copied it, is found in
/// `xlog.db` and left out.
public struct WALSync {
    private let home: ServerHome
    private let reporter: any Reporter
    private var staging: FilePath { home.walsDirectory.appending(".sync-wals") }

    /// A batch is not larger than this, but for its last file.
    private static let batchBytes: Int64 = 1 << 30
    private static let batchFiles = 2048

    /// Prepares to copy WAL to a passive server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Copies everything that is told and not here; waits while another process does so.
    public func run() throws {
        try PrimaryNode.requirePassive(home)
        do {
            guard !home.walsAreInCloud else {
                throw Failure("WAL archives in object stores are not supported by this build")
            }
            let lock = try FileLock.acquire(home.lockPath(.syncWAL), waiting: true)
            defer { lock.release() }
            try copyNew()
        } catch let failure as RsyncFailure {
            throw Failure("WAL synchronisation for server \(home.name) failed: \(failure.dump)", cause: failure)
        } catch {
            let named = UpkeepFailure.named(error)
            guard let failure = named as? Failure else { throw named }
            throw Failure(
                "WAL synchronisation for server \(home.name) failed with: \(failure.message)\n",
                cause: failure
            )
        }
    }

    private func copyNew() throws {
        let primary = try PrimaryInfo(of: home)
        let position = try SyncPosition.read(home, reporter: reporter)
        try requireEqualCompression(primary)
        guard let useful = try useful(of: primary) else { return }
        let source = try primary.directory("wals_directory")
        var batch: [XlogRecord] = []
        var bytes: Int64 = 0
        try primary.forEachWAL { record in
            guard useful.verdict(on: record.name) == .keep else { return }
            batch.append(record)
            bytes &+= record.sizeBytes
            guard bytes >= Self.batchBytes || batch.count >= Self.batchFiles else { return }
            try copy(batch, from: source)
            batch = []
            bytes = 0
        }
        try copy(batch, from: source)
        guard !primary.lastName.isEmpty else { return }
        let reached = SyncPosition(name: primary.lastName, position: primary.lastPosition)
        if reached != position { try reached.save(home) }
    }

    private func requireEqualCompression(_ primary: PrimaryInfo) throws(Failure) {
        let (there, here) = (primary.option("compression"), home.settings.compression)
        guard there == here else {
            throw Failure(
                "Compression method on server \(home.name) (\(there ?? "None")) "
                    + "does not match local compression method (\(here ?? "None")) "
            )
        }
    }

    /// The WAL that the backups here can use, as a rule about names; nil when the backup that can use what is told is still to come.
    private func useful(of primary: PrimaryInfo) throws -> WALPurgeRule? {
        let catalog = try BackupCatalog.load(home)
        let backups = catalog.backups(.completed)
        guard !backups.isEmpty else {
            reporter.warning("No base backup for server \(home.name)")
            return nil
        }
        // A backup that does not say where it begins may need anything.
        let begins = backups.map { $0.beginWAL ?? "" }
        let needed = begins.min() ?? ""
        if let first = primary.firstSegment, first < needed, try isAwaited(before: needed, primary, catalog) {
            reporter.warning(
                "Skipping WAL synchronisation for server \(home.name): no available local backup for \(first)"
            )
            return nil
        }
        return WALPurgeRule(firstNeeded: needed)
    }

    /// Whether a backup that begins before that segment will be copied.
    private func isAwaited(before needed: String, _ primary: PrimaryInfo, _ catalog: BackupCatalog) throws -> Bool {
        for id in primary.backups.keys {
            guard case .copy(let remote) = try SyncDecision(id, primary, catalog, now: .now()) else { continue }
            // One that is made of disk snapshots never comes.
            if remote.snapshotsInfo == nil, let begin = remote.beginWAL, begin < needed { return true }
        }
        return false
    }

    // MARK: One batch

    private func copy(_ batch: [XlogRecord], from source: String) throws {
        guard !batch.isEmpty else { return }
        try SignalWatch.check()
        let database = XlogDatabase(home)
        let listed = try database.names(among: Set(batch.map(\.name)))
        let missing = batch.filter { !listed.contains($0.name) }
        guard !missing.isEmpty else { return }
        let paths = missing.map { relativePath($0.name) }
        // What a run before left here may be anything.
        if try FileSystem.exists(staging) { try FileSystem.removeTree(staging) }
        try FileSystem.createDirectory(staging, permissions: .ownerReadWriteExecute)
        try fetch(paths, from: source)
        try FileSystem.syncTree(staging)
        try publish(paths)
        try database.appendMissing(missing)
        try FileSystem.removeTree(staging)
    }

    /// Where a file is below the archive.
    private func relativePath(_ name: String) -> FilePath {
        let directory = WALFileName(name)?.hashDirectory
        return (directory.map { FilePath($0) } ?? FilePath()).appending(name)
    }

    private func fetch(_ paths: [FilePath], from source: String) throws {
        let ssh = try PrimaryNode(of: home, reporter: reporter).ssh()
        var request = ProcessRequest(
            "rsync",
            [
                "-e", ssh.rsyncShell, "--recursive", "--perms", "--times", "--protect-args", "--files-from=-",
                SSHCommand.rsyncPath(source + "/"), staging.string + "/",
            ]
        )
        request.pathPrefix = home.settings.pathPrefix
        request.input = .bytes(Array(paths.map { $0.string + "\n" }.joined().utf8))
        reporter.log(.debug, "barman.command_wrappers", "Command: \(request.commandText)")
        let outcome = try request.run()
        guard outcome.isSuccess else { throw RsyncFailure(item: "WAL", outcome: outcome) }
    }

    /// Gives the files, which are on disk, their names in the archive.
    private func publish(_ paths: [FilePath]) throws {
        let directories = Set(paths.map { home.walsDirectory.pushing($0).removingLastComponent() })
        for directory in directories { try FileSystem.createDirectories(directory) }
        for path in paths {
            let staged = staging.pushing(path)
            // What is no file there must not become WAL here.
            guard try FileSystem.kindIfPresent(staged, followingLinks: false) == .regular else {
                throw Failure("\(path.string) on server \(home.name) is not a file")
            }
            try FileSystem.rename(staged, to: home.walsDirectory.pushing(path))
        }
        for directory in directories { try FileSystem.syncDirectory(directory) }
    }
}
