/// Where a backup stands in its life; the raw values are those of `backup.info`.
public enum BackupStatus: String, Sendable, CaseIterable {
    /// The record exists, the server has not been asked for a backup yet.
    case empty = "EMPTY"
    /// The copy is going on, or its process died.
    case started = "STARTED"
    /// The backup cannot be used.
    case failed = "FAILED"
    /// The copy is complete; WAL that makes it consistent is still to arrive.
    case waitingForWALs = "WAITING_FOR_WALS"
    /// Complete.
    case done = "DONE"
    /// A passive node copies it from its primary.
    case syncing = "SYNCING"

    /// Whether the copy is complete, so that the backup can be restored: `DONE` or `WAITING_FOR_WALS`.
    public var isCompleted: Bool { self == .done || self == .waitingForWALs }
}

extension Set<BackupStatus> {
    /// `DONE` and `WAITING_FOR_WALS`.
    public static let completed: Set<BackupStatus> = [.done, .waitingForWALs]
}

/// What kind of copy a backup is, derived from its stored mode.
public enum BackupType: String, Sendable, CaseIterable {
    /// Made by pg_basebackup, or of an old and unknown kind; stands alone.
    case full
    /// Holds what has changed since its parent.
    case incremental
    /// Copied file by file.
    case rsync
    /// Snapshots of volumes.
    case snapshot

    /// The letter in lists: `F`, `I`, `R`, `S`.
    public var letter: String { String(rawValue.prefix(1)).uppercased() }
}

/// A tablespace of the server at the time of a backup.
public struct Tablespace: Hashable, Sendable {
    /// The name of the tablespace.
    public let name: String
    /// Its object id, which names its directory in the backup.
    public let oid: Int64
    /// Where it lies on the server.
    public let location: String

    /// Makes a tablespace.
    public init(name: String, oid: Int64, location: String) {
        self.name = name
        self.oid = oid
        self.location = location
    }
}
