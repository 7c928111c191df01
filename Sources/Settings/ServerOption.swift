/// Every option of a server or model, in the order of evaluation and of JSON output (configuration.md §16).
public enum ServerOption: Int, CaseIterable, Sendable, Hashable {
    case active
    case archiver
    case archiverBatchSize
    case autogenerateManifest
    case awsCheckObjectLock
    case awsEncryption
    case awsReadTimeout
    case awsAwaitSnapshotsTimeout
    case awsSnapshotLockMode
    case awsSnapshotLockDuration
    case awsSnapshotLockCoolOffPeriod
    case awsSnapshotLockExpirationDate
    case awsProfile
    case awsRegion
    case awsSseKmsKeyId
    case azureCredential
    case azureResourceGroup
    case azureSubscriptionId
    case backupCompression
    case backupCompressionFormat
    case backupCompressionLevel
    case backupCompressionLocation
    case backupCompressionWorkers
    case backupDirectory
    case backupMethod
    case backupOptions
    case bandwidthLimit
    case basebackupRetrySleep
    case basebackupRetryTimes
    case basebackupsDirectory
    case checkTimeout
    case cloudDeleteBatchSize
    case cloudStagingDirectory
    case cloudStagingMaxSize
    case cloudUploadMaxArchiveSize
    case cloudUploadMinChunkSize
    case cloudWalArchiveParallel
    case cloudWalRestoreParallel
    case cluster
    case compression
    case compressionLevel
    case conninfo
    case customCompressionFilter
    case customDecompressionFilter
    case customCompressionMagic
    case description
    case disabled
    case drillMaximumAge
    case encryption
    case encryptionKeyId
    case encryptionPassphraseCommand
    case errorsDirectory
    case forwardConfigPath
    case gcpProject
    case gcpZone
    case immediateCheckpoint
    case incomingWalsDirectory
    case keepaliveInterval
    case lastBackupMaximumAge
    case lastBackupMinimumSize
    case lastWalMaximumAge
    case combineMode
    case localStagingPath
    case maxIncomingWalsQueue
    case minimumRedundancy
    case networkCompression
    case parallelJobs
    case parallelJobsStartBatchPeriod
    case parallelJobsStartBatchSize
    case pathPrefix
    case postArchiveRetryScript
    case postArchiveScript
    case postBackupRetryScript
    case postBackupScript
    case postDeleteScript
    case postDeleteRetryScript
    case postRecoveryRetryScript
    case postRecoveryScript
    case postWalDeleteScript
    case postWalDeleteRetryScript
    case preArchiveRetryScript
    case preArchiveScript
    case preBackupRetryScript
    case preBackupScript
    case preDeleteScript
    case preDeleteRetryScript
    case preRecoveryRetryScript
    case preRecoveryScript
    case preWalDeleteScript
    case preWalDeleteRetryScript
    case primaryCheckpointTimeout
    case primaryConninfo
    case primarySshCommand
    case recoveryOptions
    case recoveryStagingPath
    case createSlot
    case retentionPolicy
    case retentionPolicyMode
    case reuseBackup
    case slotName
    case snapshotDisks
    case snapshotGcpProject
    case snapshotInstance
    case snapshotProvider
    case snapshotZone
    case sshCommand
    case stagingPath
    case stagingLocation
    case streamingArchiver
    case streamingArchiverBatchSize
    case streamingArchiverName
    case streamingBackupName
    case streamingConninfo
    case streamingWalsDirectory
    case tablespaceBandwidthLimit
    case walConninfo
    case walRetentionPolicy
    case walStreamingConninfo
    case walsDirectory
    case warehousepgDbid
    case wormMode
    case xlogdbDirectory

    /// What the option table says about this option.
    public var specification: OptionSpecification { OptionTable.server[rawValue] }

    /// The name as written in a configuration file.
    public var name: String { specification.name }

    /// Options that release 3.19.1 does not have; lists show them only where they are set.
    public static let added: Set<ServerOption> = [.drillMaximumAge]

    /// The options of release 3.19.1.
    public static let reference = allCases.filter { !added.contains($0) }

    /// The option of that name, or nil.
    public init?(name: String) {
        guard let option = Self.byName[name] else { return nil }
        self = option
    }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
}
