public import Files
public import Settings
public import SystemPackage
public import WAL

/// One server's part of the home: its settings, and where everything of it lives (catalog-formats.md 1, 4, 11).
public struct ServerHome: Sendable {
    /// The server's settings.
    public let settings: ServerSettings
    /// The settings of the program.
    public let global: GlobalSettings
    /// Where lock files are.
    public let lockDirectory: FilePath

    /// Joins a server's settings with those of the program.
    public init(settings: ServerSettings, global: GlobalSettings) {
        self.settings = settings
        self.global = global
        lockDirectory = global.lockDirectory
    }

    /// The name of the server.
    public var name: String { settings.name }
    /// Whether base backups go to an object store, so that `basebackupsDirectory` is no path.
    public var basebackupsAreInCloud: Bool { settings.basebackupsAreInCloud }
    /// Whether WAL goes to an object store, so that `walsDirectory` is no path.
    public var walsAreInCloud: Bool { settings.walsAreInCloud }

    // MARK: Directories

    /// Where all of the server is, unless single directories are configured elsewhere.
    public var backupDirectory: FilePath { settings.backupDirectory }
    /// Where base backups are, one directory each.
    public var basebackupsDirectory: FilePath { settings.basebackupsDirectory }
    /// Where archived WAL is.
    public var walsDirectory: FilePath { settings.walsDirectory }
    /// Where `archive_command` puts WAL.
    public var incomingWALsDirectory: FilePath { settings.incomingWALsDirectory }
    /// Where the WAL receiver writes.
    public var streamingWALsDirectory: FilePath { settings.streamingWALsDirectory }
    /// Where a file of WAL is put by hand: a queue that is archived.
    public var handInDirectory: FilePath { settings.archiver ? incomingWALsDirectory : streamingWALsDirectory }
    /// Where files go that cannot be archived.
    public var errorsDirectory: FilePath { settings.errorsDirectory }
    /// Where records of backups and their annotations are.
    public var metaDirectory: FilePath { settings.metaDirectory }

    // MARK: Files

    /// The list of archived WAL.
    public var xlogDatabasePath: FilePath {
        let directory = settings.xlogdbDirectory
        let follows = directory.string.utf8.starts(with: settings.walsDirectory.string.utf8)
        return (settings.walsAreInCloud && follows ? metaDirectory : directory).appending("\(name)-xlog.db")
    }
    /// The list of archived WAL where releases before 3.13.0 kept it.
    public var legacyXlogDatabasePath: FilePath { walsDirectory.appending("xlog.db") }
    /// PostgreSQL's system identifier and version when the first backup was made.
    public var identityPath: FilePath { backupDirectory.appending("identity.json") }
    /// How far the running backup has come; a file of ours that the reference ignores.
    public var progressPath: FilePath { backupDirectory.appending(".running-backup.json") }
    /// What keeps the WAL receiver from its work; a file of ours that the reference ignores.
    public var receiverTroublePath: FilePath { backupDirectory.appending(".receive-wal-trouble") }
    /// The history file of a timeline in the archive.
    public func historyPath(of timeline: Timeline) -> FilePath { walsDirectory.appending(timeline.historyName) }
    /// An archived file; nil for a name that no WAL file has.
    public func archivedPath(of name: String) -> FilePath? {
        guard let fileName = WALFileName(name) else { return nil }
        return (fileName.hashDirectory.map { walsDirectory.appending($0) } ?? walsDirectory).appending(name)
    }

    // MARK: Backups

    /// The record of a backup.
    public func backupInfoPath(_ id: String) -> FilePath { metaDirectory.appending("\(id)-backup.info") }
    /// The record of a backup where releases before 3.13.2 kept it.
    public func legacyBackupInfoPath(_ id: String) -> FilePath {
        backupDirectory(of: id).appending("backup.info")
    }
    /// The directory of a backup.
    public func backupDirectory(of id: String) -> FilePath { basebackupsDirectory.appending(id) }

    /// Whether a backup has the layout of the oldest releases: `pgdata/` with the tablespaces in it.
    public func hasOldLayout(_ id: String) throws(FileError) -> Bool {
        try FileSystem.exists(backupDirectory(of: id).appending("pgdata"))
    }

    /// The copy of the data directory in a backup.
    public func dataDirectory(of id: String) throws(FileError) -> FilePath {
        backupDirectory(of: id).appending(try hasOldLayout(id) ? "pgdata" : "data")
    }

    /// The copy of a tablespace in a backup.
    public func tablespaceDirectory(of id: String, oid: Int64) throws(FileError) -> FilePath {
        let directory = backupDirectory(of: id)
        guard try hasOldLayout(id) else { return directory.appending(String(oid)) }
        return directory.appending("pgdata").appending("pg_tblspc").appending(String(oid))
    }

    /// What `mode` is taken to be when a record does not have it: that of the configured method.
    public var defaultMode: String {
        if settings.isPassive { return "passive" }
        let strategy = settings.backupOptions.contains(.exclusiveBackup) ? "exclusive" : "concurrent"
        return switch settings.backupMethod {
        case .rsync, .localRsync: "rsync-\(strategy)"
        case .postgres: "postgres"
        case .snapshot: "snapshot-\(strategy)"
        case .localToCloud: "local-to-cloud-concurrent"
        }
    }

    // MARK: Locks

    /// What a lock protects (catalog-formats.md 11).
    public enum Lock: Hashable, Sendable {
        /// Taking and deleting backups.
        case backup
        /// Moving WAL into the archive.
        case archiveWAL
        /// Receiving WAL.
        case receiveWAL
        /// The turn of `cron` on this server.
        case cron
        /// The list of archived WAL; takers wait.
        case xlogDatabase
        /// One backup: its deletion and its checks.
        case backupID(String)
        /// Making the place of a drill, and writing its record; takers wait.
        case drill
        /// Copying one backup from a primary.
        case syncBackup(String)
        /// Copying WAL from a primary; takers wait.
        case syncWAL
    }

    /// The file of a lock.
    public func lockPath(_ lock: Lock) -> FilePath {
        let suffix =
            switch lock {
            case .backup: "backup"
            case .archiveWAL: "archive-wal"
            case .receiveWAL: "receive-wal"
            case .cron: "cron"
            case .xlogDatabase: "xlogdb"
            case .backupID(let id): id
            case .drill: "drill"
            case .syncBackup(let id): "\(id)-sync-backup"
            case .syncWAL: "sync-wal"
            }
        return lockDirectory.appending(".\(name)-\(suffix).lock")
    }
}
