public import Restore
public import SystemPackage

/// What the user asks a drill to do.
public struct DrillRequest: Sendable {
    /// The backup and the target; the destination is replaced by the scratch directory.
    public var restore: RestoreRequest
    /// Where the scratch directory is made; `nil` for beside the server's home.
    public var directory: FilePath?
    /// A file of assertions, one a line.
    public var assertions: FilePath?
    /// How long the server may take to get to its target.
    public var timeoutSeconds: Double = 86_400

    /// A drill of a backup, to the end of its WAL.
    public init(backup: String) {
        restore = RestoreRequest(backup: backup, destination: "/")
    }
}
