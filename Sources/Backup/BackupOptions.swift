/// What the command line says about one backup beyond what replaces a setting of the server.
public struct BackupOptions: Sendable {
    /// `--name`.
    public var name: String?
    /// `--incremental`: the parent the user names.
    public var incrementalParent: String?
    /// `--wait`: wait until the WAL that makes the backup consistent is archived.
    public var waits = false
    /// `--wait-timeout` in seconds; `nil` and 0 set no limit.
    public var waitTimeoutSeconds: Int64?

    /// The options of a plain backup.
    public init() {}
}
