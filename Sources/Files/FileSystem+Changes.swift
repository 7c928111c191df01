import Glibc
public import SystemPackage

extension FileSystem {
    /// Makes one directory; its parent must be there and it must not.
    public static func createDirectory(
        _ path: FilePath,
        permissions: FilePermissions = FilePermissions(rawValue: 0o777)
    ) throws(FileError) {
        _ = try systemCall("mkdir", path, .changes) { path.withPlatformString { mkdir($0, permissions.rawValue) } }
    }

    /// Makes a directory and those above it that are missing, each made durable in its parent; fine if it is there already.
    public static func createDirectories(
        _ path: FilePath,
        permissions: FilePermissions = FilePermissions(rawValue: 0o777)
    ) throws(FileError) {
        switch try kindIfPresent(path) {
        case .directory: return
        case .some: throw FileError(call: "mkdir", path: path, errno: .fileExists)
        case nil: break
        }
        var parent = path
        let hasParent = parent.removeLastComponent() && !parent.isEmpty
        if hasParent { try createDirectories(parent, permissions: permissions) }
        do {
            try createDirectory(path, permissions: permissions)
        } catch  where error.errno == .fileExists {
            // Somebody else made it meanwhile, and may not have made it durable yet.
            guard try isDirectory(path) else { throw error }
        }
        try syncDirectory(hasParent ? parent : ".")
    }

    /// Makes a directory of our own, mode 0700, whose name ends in eight random characters.
    public static func createTemporaryDirectory(
        prefix: String = "barman-",
        in parent: FilePath? = nil
    ) throws(FileError) -> FilePath {
        let parent = parent ?? temporaryDirectory
        for _ in 0..<100 {
            let path = parent.appending(prefix + randomNamePart())
            do {
                try createDirectory(path, permissions: FilePermissions(rawValue: 0o700))
                return path
            } catch  where error.errno == .fileExists {
                continue
            }
        }
        throw FileError(call: "mkdir", path: parent.appending(prefix), errno: .fileExists)
    }

    /// Eight characters of `[a-z0-9_]`, as temporary names carry them.
    public static func randomNamePart() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789_".utf8)
        return String(decoding: (0..<8).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }, as: UTF8.self)
    }

    /// Gives a file another name, replacing what had it.
    ///
    /// Not durable before `syncDirectory` of both parents.
    public static func rename(_ source: FilePath, to destination: FilePath) throws(FileError) {
        _ = try systemCall("rename", source, to: destination, .changes) {
            source.withPlatformString { from in destination.withPlatformString { Glibc.rename(from, $0) } }
        }
    }

    /// Gives a file a second name; fails if that is taken.
    public static func link(_ source: FilePath, to destination: FilePath) throws(FileError) {
        _ = try systemCall("link", source, to: destination, .changes) {
            source.withPlatformString { from in destination.withPlatformString { Glibc.link(from, $0) } }
        }
    }

    /// Makes a symbolic link at `path` that leads to `target`; fails if the path is taken.
    public static func symlink(at path: FilePath, to target: FilePath) throws(FileError) {
        _ = try systemCall("symlink", target, to: path, .changes) {
            target.withPlatformString { text in path.withPlatformString { Glibc.symlink(text, $0) } }
        }
    }

    /// Removes the name of a file or symbolic link.
    public static func unlink(_ path: FilePath) throws(FileError) {
        _ = try systemCall("unlink", path, .changes) { path.withPlatformString { Glibc.unlink($0) } }
    }

    /// Removes the name of a file or symbolic link; returns false when it was not there.
    @discardableResult
    public static func unlinkIfPresent(_ path: FilePath) throws(FileError) -> Bool {
        do {
            try unlink(path)
            return true
        } catch  where error.isMissing {
            return false
        }
    }

    /// Removes an empty directory.
    public static func removeDirectory(_ path: FilePath) throws(FileError) {
        _ = try systemCall("rmdir", path, .changes) { path.withPlatformString { rmdir($0) } }
    }

    /// Sets the permission bits, regardless of the umask; follows a symbolic link.
    public static func setPermissions(_ path: FilePath, _ permissions: FilePermissions) throws(FileError) {
        _ = try systemCall("chmod", path, .changes) { path.withPlatformString { chmod($0, permissions.rawValue) } }
    }

    /// Sets owner and group; nil leaves one as it is.
    public static func changeOwner(
        _ path: FilePath,
        owner: UInt32?,
        group: UInt32?,
        followingLinks: Bool = true
    ) throws(FileError) {
        _ = try systemCall("chown", path, .changes) {
            path.withPlatformString { text in
                followingLinks ? chown(text, owner ?? .max, group ?? .max) : lchown(text, owner ?? .max, group ?? .max)
            }
        }
    }

    /// Sets the times of last access and change to those of another file; a symbolic link gets them itself.
    public static func setTimes(_ path: FilePath, of status: FileStatus) throws(FileError) {
        let times = status.timeSpecifications
        _ = try systemCall("utimensat", path, .changes) {
            path.withPlatformString { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// Sets the time of the last change (and of the last access, to the same); a symbolic link is followed.
    public static func setModified(_ path: FilePath, seconds: Int64, nanoseconds: Int) throws(FileError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: nanoseconds)
        let times = [time, time]
        _ = try systemCall("utimensat", path, .changes) {
            path.withPlatformString { utimensat(AT_FDCWD, $0, times, 0) }
        }
    }

    /// Gives an open file the permissions and times of another one.
    public static func copyAttributes(
        from source: borrowing OwnedDescriptor,
        to destination: borrowing OwnedDescriptor
    ) throws(FileError) {
        try destination.copyAttributes(of: try source.status())
    }
}
