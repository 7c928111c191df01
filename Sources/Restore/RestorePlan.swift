import Archive
import Backup
import Catalog
import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import WAL

/// A restore that has passed every check that needs no look at the destination.
struct RestorePlan: Sendable {
    /// A tablespace and where it goes.
    struct TablespacePlace: Sendable {
        /// Its object id.
        let oid: Int64
        /// Its name.
        let name: String
        /// The copy in the catalog.
        let source: FilePath
        /// Its place on the restored host.
        let destination: String
    }

    let request: RestoreRequest
    let info: BackupInfo
    /// The backups that it is made of, root first, itself last.
    let chain: [BackupInfo]
    /// How they are stored.
    let stored: BackupChain
    /// All records of the server.
    let catalog: BackupCatalog
    /// The absolute path of the destination.
    let destination: String
    /// The copy of the data directory in the catalog.
    let source: FilePath
    let tablespaces: [TablespacePlace]
    /// Where WAL for a point in time is put, if the user said so.
    let stagingWALDirectory: String?
    /// How the other host is reached; `nil` for a local restore.
    let remote: SSHCommand?
    let usesGetWAL: Bool
    /// Whether what is in the destination is kept where it is right: asked for, or to complete a restore that was cut off.
    var isDelta: Bool
    let isCompressed: Bool

    var version: Int { Int(clamping: info.version ?? 0) }

    /// The name of the WAL directory in a data directory of this version.
    var walDirectoryName: String { version >= 10_00_00 || version == 0 ? "pg_wal" : "pg_xlog" }

    /// Where the recovery settings are written.
    var recoverySettingsFile: String {
        version < 12_00_00 && version > 0 ? "recovery.conf" : request.recoveryConfFilename ?? "postgresql.auto.conf"
    }

    /// Where WAL is put: apart when recovery stops somewhere, otherwise where PostgreSQL looks first.
    func walDestination(isPointInTime: Bool) -> String {
        guard isPointInTime else { return join(destination, walDirectoryName) }
        return stagingWALDirectory ?? join(destination, "barman_wal")
    }
}

/// A path below a directory; neither is resolved.
func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
}

/// Checks a request against the catalog, in the order of the reference, and says no before anything is written.
struct RestorePlanner {
    let home: ServerHome
    let request: RestoreRequest
    let reporter: any Reporter

    private var settings: ServerSettings { home.settings }

    func plan() throws -> RestorePlan {
        guard targetCount <= 1 else {
            throw Failure("You cannot specify multiple targets for the recovery operation")
        }
        let catalog = try BackupCatalog.load(home)
        let info =
            request.backup == "auto"
            ? try BackupChoice(catalog: catalog, request: request).choose() : try catalog.resolve(request.backup)
        try checkStagingOptions()
        guard info.status.isCompleted else {
            throw Failure(refusal("backup status is not DONE"))
        }
        try checkStaging(for: info)
        let relocations = try relocations(info)
        guard !request.destination.isEmpty else { throw Failure("The destination directory has no name") }
        guard !request.destination.utf8.contains(UInt8(ascii: ":")) else {
            throw Failure("The destination directory parameter cannot contain the ':' character", hint: remoteHint)
        }
        var usesGetWAL = request.getWAL ?? settings.recoveryOptions.contains(.getWAL)
        if settings.walsAreInCloud, !usesGetWAL {
            reporter.warning(
                "get-wal is required for servers with WALs stored in cloud storage. Automatically enabling --get-wal."
            )
            usesGetWAL = true
        }
        let isCompressedTransfer = request.networkCompression ?? settings.networkCompression
        guard !isCompressedTransfer || request.remoteSSHCommand != nil else {
            throw Failure("Network compression can only be used with remote recovery.", hint: remoteHint)
        }
        let isDelta = request.deltaRestore ?? settings.recoveryOptions.contains(.deltaRestore)
        try checkSettingsFile()
        try checkSnapshot(info)
        try checkSupport(info)
        let chain = try chain(of: info, in: catalog)
        return RestorePlan(
            request: request,
            info: info,
            chain: chain,
            stored: try BackupChain(chain, in: home),
            catalog: catalog,
            destination: try absolute(request.destination),
            source: try home.dataDirectory(of: info.id),
            tablespaces: try places(info, relocations),
            stagingWALDirectory: try request.stagingWALDirectory.map { path throws(FileError) in try absolute(path) },
            remote: try remote(),
            usesGetWAL: usesGetWAL,
            isDelta: isDelta,
            isCompressed: isCompressedTransfer
        )
    }

    /// The backup and those it builds on, root first.
    private func chain(of info: BackupInfo, in catalog: BackupCatalog) throws(Failure) -> [BackupInfo] {
        let chain = Array(([info] + catalog.ancestors(of: info)).reversed())
        guard let root = chain.first, let missing = root.parentBackupID else { return chain }
        throw Failure(
            refusal("backup \(missing), on which \(root.id) builds, is not in the catalog"),
            hint: catalog.newest(types: [.full, .rsync]).map { "The newest full backup is \($0.id)." }
        )
    }

    private var targetCount: Int {
        let texts = [request.targetTime, request.targetXID, request.targetLSN, request.targetName]
        return texts.filter { $0 != nil }.count + (request.targetImmediate ? 1 : 0)
    }

    private var remoteHint: String {
        "If you want to do a remote recovery you have to use the --remote-ssh-command option"
    }

    private func refusal(_ reason: String) -> String {
        "Cannot restore from backup '\(request.backup)' of server '\(home.name)': \(reason)"
    }

    // MARK: Staging

    private func checkStagingOptions() throws(Failure) {
        let options = [
            ("staging path", request.stagingPath), ("recovery staging path", request.recoveryStagingPath),
            ("local staging path", request.localStagingPath),
        ]
        for (name, value) in options {
            guard let value, !value.hasPrefix("/") else { continue }
            throw Failure("Cannot parse \(name): Invalid value : '\(value)' (must be an absolute path)")
        }
        if request.stagingLocation == "remote", request.remoteSSHCommand == nil {
            throw Failure("--staging-location as remote requires --remote-ssh-command to be set")
        }
    }

    private func checkStaging(for info: BackupInfo) throws(Failure) {
        guard info.isIncremental || info.compression != nil || info.encryption != nil else { return }
        guard request.stagingPath == nil, settings.stagingPath == nil else { return }
        let local = request.localStagingPath ?? settings.localStagingPath?.string
        let recovery = request.recoveryStagingPath ?? settings.recoveryStagingPath?.string
        guard local != nil || recovery != nil else { return }
        let advice =
            "Please set staging_path and staging_location in the server configuration file, or use their "
            + "equivalent CLI options --staging-path and --staging-location"
        if let encryption = info.encryption, local == nil {
            throw Failure(
                refusal(
                    "backup is encrypted with '\(encryption)' and it will be decrypted in the barman host but no "
                        + "staging path and location was provided. \(advice)"
                )
            )
        }
        if let compression = info.compression, recovery == nil {
            throw Failure(
                refusal(
                    "backup is compressed with \(compression) compression and it will be decompressed in a staging "
                        + "area but no staging path was provided. \(advice)"
                )
            )
        }
        if info.isIncremental, local == nil {
            throw Failure(
                refusal(
                    "backup has to be combined with pg_combinebackup in a staging area but no staging path and "
                        + "location was provided. \(advice)"
                )
            )
        }
        reporter.warning(
            "recovery_staging_path and local_staging_path, and their equivalent CLI options --recovery-staging-path "
                + "and --local-staging-path, are deprecated and will be removed in a future release. Please use "
                + "staging_path and staging_location, and their equivalent CLI options --staging-path and "
                + "--staging-location, instead."
        )
    }

    // MARK: Tablespaces

    private func relocations(_ info: BackupInfo) throws(Failure) -> [String: String] {
        var relocations: [String: String] = [:]
        for rule in request.tablespaceRules {
            guard let colon = rule.utf8.firstIndex(of: UInt8(ascii: ":")) else {
                throw Failure(
                    "Invalid tablespace relocation rule '\(rule)'",
                    hint: "The valid syntax for a relocation rule is NAME:LOCATION"
                )
            }
            relocations[String(rule[..<colon])] = String(rule[rule.utf8.index(after: colon)...])
        }
        let names = (info.tablespaces ?? []).map(\.name)
        for rule in request.tablespaceRules {
            let name = String(rule.prefix { $0 != ":" })
            guard !names.contains(name) else { continue }
            throw Failure(
                "Invalid tablespace name '\(name)'",
                hint: "Please use any of the following tablespaces: \(names.joined(separator: ", "))"
            )
        }
        return relocations
    }

    private func places(
        _ info: BackupInfo,
        _ relocations: [String: String]
    ) throws -> [RestorePlan.TablespacePlace] {
        var places: [RestorePlan.TablespacePlace] = []
        var owners: [String: String] = [:]
        for tablespace in info.tablespaces ?? [] {
            let destination = try absolute(relocations[tablespace.name] ?? tablespace.location)
            let key = FilePath(destination).lexicallyNormalized().string
            if let owner = owners.updateValue(tablespace.name, forKey: key) {
                throw Failure(
                    "Tablespaces '\(owner)' and '\(tablespace.name)' cannot share the directory '\(destination)'"
                )
            }
            places.append(
                RestorePlan.TablespacePlace(
                    oid: tablespace.oid,
                    name: tablespace.name,
                    source: try home.tablespaceDirectory(of: info.id, oid: tablespace.oid),
                    destination: destination
                )
            )
        }
        return places
    }

    /// A path of this host as PostgreSQL will need it; one of another host stays as it is.
    private func absolute(_ path: String) throws(FileError) -> String {
        guard request.remoteSSHCommand == nil, !path.hasPrefix("/") else { return path }
        return try FileSystem.currentDirectory().pushing(FilePath(path)).lexicallyNormalized().string
    }

    // MARK: Modes

    /// The settings go into the data directory and nowhere else.
    private func checkSettingsFile() throws(Failure) {
        guard let name = request.recoveryConfFilename else { return }
        let path = FilePath(name)
        guard path.isRelative, path.lastComponent?.kind == .regular, !name.hasSuffix("/"),
            !path.components.contains(where: { $0.kind == .parentDirectory })
        else {
            throw Failure(
                "Invalid name '\(name)' for the file with the recovery settings",
                hint: "It is the name of a file in the destination directory, such as 'postgresql.auto.conf'."
            )
        }
    }

    private func remote() throws(Failure) -> SSHCommand? {
        guard let text = request.remoteSSHCommand else { return nil }
        guard let command = SSHCommand(text, extraOptions: [], pathPrefix: settings.pathPrefix) else {
            throw Failure("Unable to connect to the target host using the command '\(text)'")
        }
        return command
    }

    private func checkSnapshot(_ info: BackupInfo) throws(Failure) {
        if info.snapshotsInfo != nil {
            guard request.snapshotRecoveryInstance != nil else {
                throw Failure(
                    "Backup \(info.id) is a snapshot backup and the following required arguments have not been "
                        + "provided: --snapshot-recovery-instance"
                )
            }
            guard request.tablespaceRules.isEmpty else {
                throw Failure(
                    "Backup \(info.id) is a snapshot backup therefore tablespace relocation rules cannot be used."
                )
            }
        } else if request.snapshotRecoveryInstance != nil {
            throw Failure(
                "Backup \(info.id) is not a snapshot backup but the following snapshot arguments have been used: "
                    + "--snapshot-recovery-instance"
            )
        }
    }

    /// What this release cannot restore yet.
    private func checkSupport(_ info: BackupInfo) throws(Failure) {
        if info.snapshotsInfo != nil {
            throw Failure(refusal("restoring snapshot backups is not supported by this release"))
        }
        if settings.basebackupsAreInCloud {
            throw Failure(refusal("backups in an object store are not supported by this release"))
        }
        if let compression = info.compression, !["gzip", "lz4", "zstd", "none"].contains(compression) {
            throw Failure("Unexpected compression format: \(compression)")
        }
    }
}
