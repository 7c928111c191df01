import Glibc
public import SystemPackage

/// What a directory entry is.
public enum FileKind: Sendable, Equatable {
    /// A file with contents.
    case regular
    /// A directory.
    case directory
    /// A symbolic link, not followed.
    case symbolicLink
    /// A device, socket or pipe.
    case other
}

/// What the file system knows of a file.
public struct FileStatus: Sendable, Equatable {
    /// What it is.
    public let kind: FileKind
    /// Length of its contents.
    public let sizeBytes: Int64
    /// What the disk really holds of it.
    public let allocatedBytes: Int64
    /// The permission bits.
    public let permissions: FilePermissions
    /// Time of the last change of its contents, in seconds since the epoch.
    public let modifiedSeconds: Int64
    /// The nanoseconds within that second.
    public let modifiedNanoseconds: Int
    /// Time of the last change of its contents, names or attributes, which nobody can set; in seconds since the epoch.
    public let changedSeconds: Int64
    /// The nanoseconds within that second.
    public let changedNanoseconds: Int
    /// Time of the last access, in seconds since the epoch.
    public let accessedSeconds: Int64
    /// The nanoseconds within that second.
    public let accessedNanoseconds: Int
    /// The file system it is on.
    public let device: UInt64
    /// Its number there.
    public let inode: UInt64
    /// How many names it has.
    public let linkCount: UInt64
    /// The owning account.
    public let owner: UInt32
    /// The owning group.
    public let group: UInt32

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symbolicLink
        default: kind = .other
        }
        sizeBytes = Int64(status.st_size)
        allocatedBytes = Int64(status.st_blocks) &* 512
        permissions = FilePermissions(rawValue: status.st_mode & 0o7777)
        modifiedSeconds = Int64(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int(status.st_mtim.tv_nsec)
        changedSeconds = Int64(status.st_ctim.tv_sec)
        changedNanoseconds = Int(status.st_ctim.tv_nsec)
        accessedSeconds = Int64(status.st_atim.tv_sec)
        accessedNanoseconds = Int(status.st_atim.tv_nsec)
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        linkCount = UInt64(status.st_nlink)
        owner = status.st_uid
        group = status.st_gid
    }

    /// True when both describe the same file, whatever its names.
    public func isSameFile(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode
    }

    /// Whether the contents of both were last changed at the same time, to the nanosecond.
    public func hasSameTime(as other: FileStatus) -> Bool {
        modifiedSeconds == other.modifiedSeconds && modifiedNanoseconds == other.modifiedNanoseconds
    }
}
