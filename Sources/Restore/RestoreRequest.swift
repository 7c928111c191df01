/// What the user asks a restore to do: the command line, untouched by any rule.
///
/// Options that only replace a setting of the server (jobs, bandwidth, retries) are not here: they are in the settings.
public struct RestoreRequest: Sendable {
    /// An id, a name, one of the shortcuts, or `auto`.
    public var backup: String
    /// Where the data directory goes.
    public var destination: String
    /// `--target-time`, any unambiguous timestamp.
    public var targetTime: String?
    /// `--target-xid`.
    public var targetXID: String?
    /// `--target-lsn`.
    public var targetLSN: String?
    /// `--target-name`, a restore point.
    public var targetName: String?
    /// `--target-immediate`: stop at consistency.
    public var targetImmediate = false
    /// `--target-tli`: a positive number, `current` or `latest`.
    public var targetTimeline: String?
    /// `--exclusive`: stop just before the target.
    public var isExclusive = false
    /// `--target-action`: `pause`, `shutdown` or `promote`.
    public var targetAction: String?
    /// `--standby-mode`.
    public var standbyMode = false
    /// `--tablespace NAME:LOCATION`, in the order given.
    public var tablespaceRules: [String] = []
    /// `--remote-ssh-command`; `nil` is a local restore.
    public var remoteSSHCommand: String?
    /// `--staging-wal-directory`.
    public var stagingWALDirectory: String?
    /// `--get-wal` (true), `--no-get-wal` (false); `nil` leaves it to `recovery_options`.
    public var getWAL: Bool?
    /// `--partial-wal`.
    public var partialWAL = false
    /// `--restore-command`.
    public var restoreCommand: String?
    /// `--recovery-option-port`.
    public var recoveryOptionPort: String?
    /// `--recovery-conf-filename`.
    public var recoveryConfFilename: String?
    /// `--delta-restore` (true), `--no-delta-restore` (false); `nil` leaves it to `recovery_options`.
    public var deltaRestore: Bool?
    /// `--network-compression` (true), `--no-network-compression` (false); `nil` leaves it to the setting.
    public var networkCompression: Bool?
    /// `--staging-path`.
    public var stagingPath: String?
    /// `--staging-location`: `local` or `remote`.
    public var stagingLocation: String?
    /// `--recovery-staging-path`, deprecated.
    public var recoveryStagingPath: String?
    /// `--local-staging-path`, deprecated.
    public var localStagingPath: String?
    /// `--combine-mode`.
    public var combineMode: String?
    /// `--snapshot-recovery-instance`.
    public var snapshotRecoveryInstance: String?
    /// Whether the user's hook scripts run; a drill is none of their business.
    public var runsHooks = true

    /// A plain restore of `backup` into `destination`, to the end of the archived WAL.
    public init(backup: String, destination: String) {
        self.backup = backup
        self.destination = destination
    }
}
