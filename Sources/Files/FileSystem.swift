import Glibc
public import SystemPackage

/// The file system calls on paths: interrupted calls are made again, failures are `FileError`, nothing is inherited by children.
///
/// This file reads; those beside it change.
public enum FileSystem {
    /// Tells what the file system knows of a path.
    public static func status(of path: FilePath, followingLinks: Bool = true) throws(FileError) -> FileStatus {
        var result = stat()
        _ = try systemCall(followingLinks ? "stat" : "lstat", path, .reads) {
            path.withPlatformString { followingLinks ? stat($0, &result) : lstat($0, &result) }
        }
        return FileStatus(result)
    }

    /// The status of a path, or nil when nothing is there.
    public static func statusIfPresent(
        of path: FilePath,
        followingLinks: Bool = true
    ) throws(FileError) -> FileStatus? {
        do {
            return try status(of: path, followingLinks: followingLinks)
        } catch  where error.isMissing {
            return nil
        }
    }

    /// What a path is, or nil when nothing is there.
    public static func kindIfPresent(_ path: FilePath, followingLinks: Bool = true) throws(FileError) -> FileKind? {
        try statusIfPresent(of: path, followingLinks: followingLinks)?.kind
    }

    /// Whether something is there.
    ///
    /// That it cannot be told is an error, not "no".
    public static func exists(_ path: FilePath) throws(FileError) -> Bool {
        try statusIfPresent(of: path) != nil
    }

    /// Whether a directory is there.
    public static func isDirectory(_ path: FilePath) throws(FileError) -> Bool {
        try kindIfPresent(path) == .directory
    }

    /// Reads a whole file; more than `limit` bytes are an error (EFBIG).
    public static func read(_ path: FilePath, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
        let file = try OwnedDescriptor(opening: path)
        return try file.readToEnd(limit: limit)
    }

    /// Reads what the user named to its end, a pipe or a device too (`-c <(…)` of a shell); may wait.
    public static func readStream(_ path: FilePath, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
        let file = try OwnedDescriptor(openingStream: path)
        return try file.readToEnd(limit: limit)
    }

    /// Reads the last bytes of a file, all of one that is shorter.
    public static func readSuffix(_ path: FilePath, count: Int) throws(FileError) -> [UInt8] {
        let file = try OwnedDescriptor(opening: path)
        try file.seek(to: max(0, file.status().sizeBytes - Int64(count)))
        return try file.readToEnd()
    }

    /// Reads a whole file, or nil when it is not there.
    public static func readIfPresent(_ path: FilePath, limit: Int = 64 << 20) throws(FileError) -> [UInt8]? {
        do {
            return try read(path, limit: limit)
        } catch  where error.isMissing {
            return nil
        }
    }

    /// Reads the first bytes of a file, fewer when it is shorter.
    public static func readPrefix(_ path: FilePath, count: Int) throws(FileError) -> [UInt8] {
        let file = try OwnedDescriptor(opening: path)
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileError) {
                filled = try file.readFully(into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The names in a directory in the order of their bytes, without `.` and `..`; undecodable bytes become U+FFFD.
    public static func names(in path: FilePath) throws(FileError) -> [String] {
        try DirectoryHandle(opening: path).entries().map(\.text)
    }

    /// Where a symbolic link leads, as it is written there.
    public static func linkTarget(_ path: FilePath) throws(FileError) -> FilePath {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = try systemCall("readlink", path, .reads) {
            path.withPlatformString { readlink($0, &buffer, buffer.count - 1) }
        }
        return buffer[...count].withUnsafeBufferPointer { pointer in
            pointer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }

    /// The absolute path without any symbolic link; everything on it must exist.
    public static func realPath(_ path: FilePath) throws(FileError) -> FilePath {
        guard let resolved = path.withPlatformString({ realpath($0, nil) }) else {
            throw FileError(call: "realpath", path: path, errno: Errno(rawValue: errno))
        }
        defer { free(resolved) }
        return FilePath(platformString: resolved)
    }

    /// The absolute path without symbolic links as far as it exists, and as it is written beyond.
    public static func canonicalPath(_ path: FilePath) throws(FileError) -> FilePath {
        var head = path.isAbsolute ? path : try currentDirectory().pushing(path)
        var tail: [FilePath.Component] = []
        while true {
            do {
                var result = try realPath(head)
                result.append(tail.reversed())
                return result.lexicallyNormalized()
            } catch {
                guard error.isMissing, let last = head.lastComponent else { throw error }
                tail.append(last)
                head.removeLastComponent()
            }
        }
    }

    /// Where the program stands.
    public static func currentDirectory() throws(FileError) -> FilePath {
        guard let text = getcwd(nil, 0) else {
            throw FileError(call: "getcwd", path: ".", errno: Errno(rawValue: errno))
        }
        defer { free(text) }
        return FilePath(platformString: text)
    }

    /// Whether the account may do all of this with the path.
    public static func isAccessible(_ path: FilePath, for rights: AccessRights) -> Bool {
        path.withPlatformString { access($0, rights.rawValue) } == 0
    }

    /// What a plain account may still write to the file system of a path.
    public static func freeBytes(at path: FilePath) throws(FileError) -> Int64 {
        let space = try space(at: path)
        return Int64(clamping: UInt64(space.f_bavail).multipliedClamping(by: UInt64(space.f_frsize)))
    }

    /// The size of the file system of a path.
    public static func totalBytes(at path: FilePath) throws(FileError) -> Int64 {
        let space = try space(at: path)
        return Int64(clamping: UInt64(space.f_blocks).multipliedClamping(by: UInt64(space.f_frsize)))
    }

    private static func space(at path: FilePath) throws(FileError) -> statvfs {
        var result = statvfs()
        _ = try systemCall("statvfs", path, .reads) { path.withPlatformString { statvfs($0, &result) } }
        return result
    }

    /// The directory for short-lived files: `$TMPDIR`, or `/tmp`.
    public static var temporaryDirectory: FilePath {
        guard let value = getenv("TMPDIR"), value.pointee != 0 else { return "/tmp" }
        return FilePath(platformString: value)
    }

    /// The bits that are taken from the permissions of each new file.
    public static var processUmask: FilePermissions {
        // `umask` cannot be asked without being set, which other threads would notice: the kernel tells it here too.
        if let status = try? read("/proc/self/status") {
            let line = status.split(separator: 0x0A).first { $0.starts(with: "Umask:".utf8) }
            let digits = line?.dropFirst("Umask:".utf8.count).drop { $0 == 0x09 || $0 == 0x20 }
            if let digits, let mask = UInt32(String(decoding: digits, as: UTF8.self), radix: 8) {
                return FilePermissions(rawValue: mask)
            }
        }
        let mask = umask(0o077)
        _ = umask(mask)
        return FilePermissions(rawValue: mask)
    }
}

/// What one may want to do with a path.
public struct AccessRights: OptionSet, Sendable {
    /// The bits of `access(2)`.
    public let rawValue: Int32

    /// Takes the bits of `access(2)`.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// May be read.
    public static let read = AccessRights(rawValue: R_OK)
    /// May be written.
    public static let write = AccessRights(rawValue: W_OK)
    /// May be executed, or entered if a directory.
    public static let execute = AccessRights(rawValue: X_OK)
}

extension UInt64 {
    fileprivate func multipliedClamping(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
