public import SystemPackage

/// How base backups are taken.
public enum BackupMethod: String, Sendable, CaseIterable {
    /// rsync over ssh.
    case rsync
    /// pg_basebackup.
    case postgres
    /// rsync on the same host.
    case localRsync = "local-rsync"
    /// Snapshots of cloud disks.
    case snapshot
    /// Straight into an object store.
    case localToCloud = "local-to-cloud"
}

/// A detail of base backups.
public enum BackupOption: String, Sendable, CaseIterable {
    /// Several backups may run at once.
    case concurrentBackup = "concurrent_backup"
    /// Only one backup may run at a time.
    case exclusiveBackup = "exclusive_backup"
    /// Configuration files outside the data directory are left to others.
    case externalConfiguration = "external_configuration"
}

/// A detail of restores.
public enum RecoveryOption: String, Sendable, CaseIterable {
    /// WAL is fetched from barman during the restore.
    case getWAL = "get-wal"
    /// Only what differs is copied.
    case deltaRestore = "delta-restore"
}

/// How an rsync backup uses the one before it.
public enum ReuseBackup: String, Sendable, CaseIterable {
    /// Unchanged files are copied from it.
    case copy
    /// Unchanged files are hard links to it.
    case link
    /// Not at all.
    case off
}

/// Whether a missing replication slot is made.
public enum SlotCreation: String, Sendable, CaseIterable {
    /// Only by command.
    case manual
    /// By the receiver, when it starts.
    case auto
}

/// Which host a staging directory is on.
public enum StagingLocation: String, Sendable, CaseIterable {
    /// This host.
    case local
    /// The host that is restored to.
    case remote
}

/// How hard WAL is compressed.
public enum CompressionLevel: Sendable, Hashable {
    /// Fast.
    case low
    /// Between fast and small.
    case medium
    /// Small.
    case high
    /// A level of the algorithm itself; clamped to its range where it is used.
    case exact(Int64)
}

/// What a hook script is about.
public enum HookFamily: String, Sendable, CaseIterable {
    /// A WAL file is archived.
    case archive
    /// A backup is taken.
    case backup
    /// A backup is deleted.
    case delete
    /// A backup is restored.
    case recovery
    /// A WAL file is deleted.
    case walDelete = "wal_delete"
}

/// Whether a hook script runs before or after.
public enum HookPhase: String, Sendable, CaseIterable {
    /// Before.
    case pre
    /// After.
    case post
}

extension ServerSettings {
    // MARK: Identity and state

    /// Whether barman works on this server.
    public var isActive: Bool { boolean(.active) }
    /// Whether the configuration of this server can not be used; `messages` says why.
    public var isDisabled: Bool { boolean(.disabled) }
    /// Whether the backups come from another barman host.
    public var isPassive: Bool { self[.primarySshCommand] != nil }
    /// What this server is, for people.
    public var description: String? { string(.description) }
    /// The cluster this server belongs to.
    public var cluster: String { string(.cluster) ?? name }

    // MARK: Connections

    /// The connection string.
    public var conninfo: Secret? { secret(.conninfo) }
    /// The connection string for replication.
    public var streamingConninfo: Secret? { secret(.streamingConninfo) }
    /// The connection string of the primary of a standby.
    public var primaryConninfo: Secret? { secret(.primaryConninfo) }
    /// The connection string for watching the WAL streaming host, as configured.
    public var walConninfo: Secret? { secret(.walConninfo) }
    /// The replication connection string of the WAL streaming host, as configured.
    public var walStreamingConninfo: Secret? { secret(.walStreamingConninfo) }
    /// Seconds before the primary is told to make a checkpoint; 0 never.
    public var primaryCheckpointTimeoutSeconds: Int64 { integer(.primaryCheckpointTimeout) ?? 0 }
    /// The command that reaches the PostgreSQL host.
    public var sshCommand: String? { string(.sshCommand) }
    /// The command that reaches the primary barman host.
    public var primarySSHCommand: String? { string(.primarySshCommand) }
    /// Whether a passive node passes its configuration path to the primary.
    public var forwardConfigPath: Bool { boolean(.forwardConfigPath) }
    /// Directories that come before `PATH`.
    public var pathPrefix: String? { string(.pathPrefix) }
    /// Whether rsync compresses what it sends.
    public var networkCompression: Bool { boolean(.networkCompression) }
    /// Seconds between signs of life during a backup; 0 and less send none.
    public var keepaliveIntervalSeconds: Int64 { integer(.keepaliveInterval) ?? 0 }
    /// Seconds that `check` may take; 0 sets no limit.
    public var checkTimeoutSeconds: Int64 { integer(.checkTimeout) ?? 0 }
    /// The dbid of a WarehousePG segment.
    public var warehousePGDatabaseID: Int64? { integer(.warehousepgDbid) }

    // MARK: Directories

    /// Where everything about this server is stored.
    public var backupDirectory: FilePath { FilePath(directoryText(.backupDirectory)) }
    /// Where base backups are stored; meaningless when `basebackupsAreInCloud`.
    public var basebackupsDirectory: FilePath { FilePath(directoryText(.basebackupsDirectory)) }
    /// Where archived WAL is stored; meaningless when `walsAreInCloud`.
    public var walsDirectory: FilePath { FilePath(directoryText(.walsDirectory)) }
    /// Where PostgreSQL puts WAL files.
    public var incomingWALsDirectory: FilePath { FilePath(directoryText(.incomingWalsDirectory)) }
    /// Where received WAL is written.
    public var streamingWALsDirectory: FilePath { FilePath(directoryText(.streamingWalsDirectory)) }
    /// Where files go that can not be archived.
    public var errorsDirectory: FilePath { FilePath(directoryText(.errorsDirectory)) }
    /// Where the list of archived WAL files is stored.
    public var xlogdbDirectory: FilePath { FilePath(directoryText(.xlogdbDirectory)) }
    /// Where facts about the server itself are kept.
    public var metaDirectory: FilePath { backupDirectory.appending("meta") }
    /// Whether base backups go to an object store.
    public var basebackupsAreInCloud: Bool { CloudURL.looksLikeURL(directoryText(.basebackupsDirectory)) }
    /// Whether WAL goes to an object store.
    public var walsAreInCloud: Bool { CloudURL.looksLikeURL(directoryText(.walsDirectory)) }

    /// Every directory that `check` and `backup` create when it is missing, with its option; URLs are left out.
    public var directories: [(option: String, path: FilePath)] {
        ServerOption.allCases.filter { $0.name.hasSuffix("_directory") }
            .compactMap { option in
                guard let text = string(option), !CloudURL.looksLikeURL(text) else { return nil }
                return (option.name, FilePath(text))
            } + [("meta_directory", metaDirectory)]
    }

    // MARK: Base backups

    /// How base backups are taken.
    public var backupMethod: BackupMethod { string(.backupMethod).flatMap(BackupMethod.init) ?? .rsync }
    /// Details of base backups, the strategy included.
    public var backupOptions: Set<BackupOption> { Set(words(.backupOptions).compactMap(BackupOption.init)) }
    /// Whether a backup starts with a fast checkpoint.
    public var immediateCheckpoint: Bool { boolean(.immediateCheckpoint) }
    /// How an rsync backup uses the one before it.
    public var reuseBackup: ReuseBackup? { string(.reuseBackup).flatMap(ReuseBackup.init) }
    /// Whether a backup_manifest is written after an rsync backup.
    public var autogenerateManifest: Bool { boolean(.autogenerateManifest) }
    /// How often a failed copy is tried again.
    public var basebackupRetryTimes: Int64 { integer(.basebackupRetryTimes) ?? 0 }
    /// Seconds between two attempts.
    public var basebackupRetrySleepSeconds: Int64 { integer(.basebackupRetrySleep) ?? 0 }
    /// The most kilobytes a second of a copy; nil and 0 set no limit.
    public var bandwidthLimit: Int64? { integer(.bandwidthLimit) }
    /// Limits for single tablespaces.
    public var tablespaceBandwidthLimit: [String: Int64] {
        guard case .rates(let rates) = self[.tablespaceBandwidthLimit] else { return [:] }
        return Dictionary(rates.map { ($0.tablespace, $0.kilobytesPerSecond) }) { $1 }
    }
    /// How many rsync processes copy at once.
    public var parallelJobs: Int64 { integer(.parallelJobs) ?? 1 }
    /// How many rsync processes are started in one period.
    public var parallelJobsStartBatchSize: Int64 { integer(.parallelJobsStartBatchSize) ?? 10 }
    /// The length of that period.
    public var parallelJobsStartBatchPeriodSeconds: Int64 { integer(.parallelJobsStartBatchPeriod) ?? 1 }
    /// The application name of pg_basebackup.
    public var streamingBackupName: String? { string(.streamingBackupName) }
    /// The compression of pg_basebackup: `gzip`, `lz4`, `zstd`, `none`.
    public var backupCompression: String? { string(.backupCompression) }
    /// `plain` or `tar`.
    public var backupCompressionFormat: String? { string(.backupCompressionFormat) }
    /// The level of the compression of backups.
    public var backupCompressionLevel: Int64? { integer(.backupCompressionLevel) }
    /// `client` or `server`.
    public var backupCompressionLocation: String? { string(.backupCompressionLocation) }
    /// How many threads compress a backup.
    public var backupCompressionWorkers: Int64? { integer(.backupCompressionWorkers) }
    /// Whether WAL before the first backup is left alone.
    public var wormMode: Bool { boolean(.wormMode) }

    // MARK: WAL

    /// Whether the incoming directory is archived; forced on when no archiver is.
    public var archiver: Bool { boolean(.archiver) }
    /// Whether WAL is received over a replication connection.
    public var streamingArchiver: Bool { boolean(.streamingArchiver) }
    /// How many incoming files one run takes; nil takes all.
    public var archiverBatchSize: Int64? { positive(.archiverBatchSize) }
    /// How many streamed files one run takes; nil takes all.
    public var streamingArchiverBatchSize: Int64? { positive(.streamingArchiverBatchSize) }
    /// The application name of the WAL receiver.
    public var streamingArchiverName: String? { string(.streamingArchiverName) }
    /// The replication slot.
    public var slotName: String? { string(.slotName) }
    /// Whether a missing slot is made.
    public var createSlot: SlotCreation { string(.createSlot).flatMap(SlotCreation.init) ?? .manual }
    /// How many WAL files may wait before `check` complains.
    public var maxIncomingWALsQueue: Int64? { integer(.maxIncomingWalsQueue) }
    /// The compression of WAL as configured: `gzip`, `pygzip`, `pigz`, `custom` and so on.
    public var compression: String? { string(.compression) }
    /// How hard WAL is compressed; nil is the default of the algorithm.
    public var compressionLevel: CompressionLevel? {
        switch self[.compressionLevel] {
        case .string("low"): .low
        case .string("medium"): .medium
        case .string("high"): .high
        case .integer(let level): .exact(level)
        default: nil
        }
    }
    /// The shell command of custom compression.
    public var customCompressionFilter: String? { string(.customCompressionFilter) }
    /// The shell command of custom decompression.
    public var customDecompressionFilter: String? { string(.customDecompressionFilter) }
    /// The first bytes of files of custom compression, `0x` and hexadecimal digits.
    public var customCompressionMagic: String? { string(.customCompressionMagic) }
    /// `gpg`, or nil for none.
    public var encryption: String? { string(.encryption) }
    /// The gpg key that encrypts.
    public var encryptionKeyID: String? { string(.encryptionKeyId) }
    /// The shell command that prints the passphrase.
    public var encryptionPassphraseCommand: Secret? { secret(.encryptionPassphraseCommand) }

    // MARK: Restores

    /// Details of restores.
    public var recoveryOptions: Set<RecoveryOption> { Set(words(.recoveryOptions).compactMap(RecoveryOption.init)) }
    /// Where backups are unpacked during a restore.
    public var stagingPath: FilePath? { string(.stagingPath).map { FilePath($0) } }
    /// Which host the staging path is on.
    public var stagingLocation: StagingLocation { string(.stagingLocation).flatMap(StagingLocation.init) ?? .local }
    /// Where backups are unpacked on this host; deprecated.
    public var localStagingPath: FilePath? { string(.localStagingPath).map { FilePath($0) } }
    /// Where backups are unpacked on the target host; deprecated.
    public var recoveryStagingPath: FilePath? { string(.recoveryStagingPath).map { FilePath($0) } }
    /// How pg_combinebackup gets files: `copy`, `link`, `clone`, `copy-file-range`.
    public var combineMode: String { string(.combineMode) ?? "copy" }

    // MARK: Snapshots and object stores

    /// `aws`, `azure` or `gcp`.
    public var snapshotProvider: String? { string(.snapshotProvider) }
    /// The instance whose disks are covered.
    public var snapshotInstance: String? { string(.snapshotInstance) }
    /// The disks that are covered.
    public var snapshotDisks: [String]? {
        guard case .list(let items) = self[.snapshotDisks] else { return nil }
        return items
    }
    /// The Google Cloud project, by its name of today or the deprecated one.
    public var gcpProject: String? { string(.gcpProject) ?? string(.snapshotGcpProject) }
    /// The Google Cloud zone, by its name of today or the deprecated one.
    public var gcpZone: String? { string(.gcpZone) ?? string(.snapshotZone) }
    /// The Azure subscription.
    public var azureSubscriptionID: String? { string(.azureSubscriptionId) }
    /// The Azure resource group.
    public var azureResourceGroup: String? { string(.azureResourceGroup) }
    /// Where Azure credentials come from.
    public var azureCredential: String? { string(.azureCredential) }
    /// The AWS profile.
    public var awsProfile: String? { string(.awsProfile) }
    /// The AWS region.
    public var awsRegion: String? { string(.awsRegion) }
    /// Seconds to wait for snapshots to complete.
    public var awsAwaitSnapshotsTimeoutSeconds: Int64 { integer(.awsAwaitSnapshotsTimeout) ?? 3600 }
    /// `governance` or `compliance`.
    public var awsSnapshotLockMode: String? { string(.awsSnapshotLockMode) }
    /// Days that a lock lasts.
    public var awsSnapshotLockDurationDays: Int64? { integer(.awsSnapshotLockDuration) }
    /// Hours in which a lock can be changed.
    public var awsSnapshotLockCoolOffPeriodHours: Int64? { integer(.awsSnapshotLockCoolOffPeriod) }
    /// When a lock ends.
    public var awsSnapshotLockExpirationDate: String? { string(.awsSnapshotLockExpirationDate) }
    /// `AES256` or `aws:kms`.
    public var awsEncryption: String? { string(.awsEncryption) }
    /// The KMS key.
    public var awsSSEKMSKeyID: String? { string(.awsSseKmsKeyId) }
    /// Seconds to wait for an answer from S3.
    public var awsReadTimeoutSeconds: Int64? { integer(.awsReadTimeout) }
    /// Whether locked objects keep a backup from being deleted.
    public var awsCheckObjectLock: Bool { boolean(.awsCheckObjectLock) }
    /// How many objects one delete request names.
    public var cloudDeleteBatchSize: Int64? { integer(.cloudDeleteBatchSize) }
    /// Where backups wait for their upload.
    public var cloudStagingDirectory: FilePath { FilePath(directoryText(.cloudStagingDirectory)) }
    /// How much may wait there.
    public var cloudStagingMaxSizeBytes: Int64? { integer(.cloudStagingMaxSize) }
    /// The size at which an archive is split.
    public var cloudUploadMaxArchiveSizeBytes: Int64? { integer(.cloudUploadMaxArchiveSize) }
    /// The smallest part of an upload.
    public var cloudUploadMinChunkSizeBytes: Int64? { integer(.cloudUploadMinChunkSize) }
    /// How many WAL files are uploaded at once.
    public var cloudWALArchiveParallel: Int64 { integer(.cloudWalArchiveParallel) ?? 0 }
    /// How many WAL files are fetched at once.
    public var cloudWALRestoreParallel: Int64 { integer(.cloudWalRestoreParallel) ?? 0 }

    // MARK: Policies and thresholds

    /// How many backups must remain.
    public var minimumRedundancy: Int64 { integer(.minimumRedundancy) ?? 0 }
    /// The policy that is enforced; nil when there is none or it is invalid.
    public var retentionPolicy: RetentionPolicy? {
        guard case .policy(let policy) = self[.retentionPolicy] else { return nil }
        return policy
    }
    /// Whether a policy is configured that can not be understood.
    public var retentionPolicyIsInvalid: Bool { string(.retentionPolicy) != nil }
    /// How the policy is enforced: `auto`.
    public var retentionPolicyMode: String { string(.retentionPolicyMode) ?? "auto" }
    /// The age at which the last backup is too old.
    public var lastBackupMaximumAgeSeconds: Int64? { seconds(.lastBackupMaximumAge) }
    /// The age at which the last drill is too old.
    public var drillMaximumAgeSeconds: Int64? { seconds(.drillMaximumAge) }
    /// The size below which the last backup is too small.
    public var lastBackupMinimumSizeBytes: Int64? { integer(.lastBackupMinimumSize) }
    /// The age at which the last WAL file is too old.
    public var lastWALMaximumAgeSeconds: Int64? { seconds(.lastWalMaximumAge) }

    // MARK: Hooks

    /// The shell command of a hook, or nil.
    public func hook(_ phase: HookPhase, _ family: HookFamily, retry: Bool) -> String? {
        let name = "\(phase.rawValue)_\(family.rawValue)_\(retry ? "retry_" : "")script"
        return ServerOption(name: name).flatMap(string)
    }

    // MARK: Parts

    private func string(_ option: ServerOption) -> String? {
        guard case .string(let text) = self[option] else { return nil }
        return text
    }

    private func secret(_ option: ServerOption) -> Secret? { string(option).map { Secret($0) } }

    private func boolean(_ option: ServerOption) -> Bool { self[option] == .boolean(true) }

    private func integer(_ option: ServerOption) -> Int64? {
        switch self[option] {
        case .integer(let number), .size(let number): number
        default: nil
        }
    }

    private func positive(_ option: ServerOption) -> Int64? {
        guard let number = integer(option), number > 0 else { return nil }
        return number
    }

    private func seconds(_ option: ServerOption) -> Int64? {
        guard case .interval(let seconds) = self[option] else { return nil }
        return seconds
    }

    private func words(_ option: ServerOption) -> [String] {
        guard case .words(let words) = self[option] else { return [] }
        return words
    }

    private func directoryText(_ option: ServerOption) -> String {
        // Every directory has a default; without a text it would be that of the home.
        string(option) ?? barmanHome
    }
}
