import CLinux
import Glibc
public import SystemPackage

extension FileSystem {
    /// Makes the names in a directory durable.
    ///
    /// File systems that cannot (EINVAL) are let pass, as in the reference.
    public static func syncDirectory(_ path: FilePath) throws(FileError) {
        let directory = try OwnedDescriptor(opening: path, options: .directory)
        do {
            try directory.sync()
        } catch  where error.errno == .invalidArgument {
            return
        }
    }

    /// Makes the names in the directory that holds this path durable.
    public static func syncParent(of path: FilePath) throws(FileError) {
        let parent = path.removingLastComponent()
        try syncDirectory(parent.isEmpty ? "." : parent)
    }

    /// Makes the contents of a file durable.
    public static func syncFile(_ path: FilePath) throws(FileError) {
        do {
            try OwnedDescriptor(opening: path).sync()
        } catch  where error.errno == .permissionDenied {
            // Some file systems sync only through a descriptor that may write.
            try OwnedDescriptor(opening: path, .readWrite).sync()
        }
    }

    /// Makes every file and directory below (and the root itself) durable; symbolic links are not followed.
    ///
    /// `progress` gets the bytes made durable since the last call. Returns the number of bytes in regular files.
    @discardableResult
    public static func syncTree(
        _ root: FilePath,
        progress: ((Int64) -> Void)? = nil
    ) throws(FileError) -> Int64 {
        // First let the kernel begin with everything, so that the waits below overlap.
        try eachSyncable(root) { (file, _) throws(FileError) in file.startWriteback() }
        var total: Int64 = 0
        try eachSyncable(root) { (file, status) throws(FileError) in
            do throws(FileError) {
                try file.sync()
            } catch  where error.errno == .invalidArgument && status.kind == .directory {
                return
            }
            guard status.kind == .regular else { return }
            total &+= status.sizeBytes
            progress?(status.sizeBytes)
        }
        return total
    }

    private static func eachSyncable(
        _ root: FilePath,
        _ body: (borrowing OwnedDescriptor, FileStatus) throws(FileError) -> Void
    ) throws(FileError) {
        var walk = try DirectoryWalk(root)
        var directories: [FilePath] = [root]
        while let entry = try walk.next() {
            switch entry.status.kind {
            case .regular: try body(try walk.open(entry), entry.status)
            case .directory: directories.append(root.pushing(entry.relativePath))
            case .symbolicLink, .other: break
            }
        }
        for directory in directories.reversed() {
            let handle = try OwnedDescriptor(opening: directory, options: [.directory, .noFollow])
            try body(handle, try handle.status())
        }
    }

    /// Replaces a file so that a crash at any moment leaves the old contents or the new, and the new are durable on return.
    ///
    /// The temporary file is made beside it, under `temporaryName` or a random one, and is gone after a failure.
    public static func replaceDurably(
        _ path: FilePath,
        contents: [UInt8],
        permissions: FilePermissions = FilePermissions(rawValue: 0o666),
        temporaryName: String? = nil
    ) throws(FileError) {
        var file = try DurableFile(replacing: path, permissions: permissions, temporaryName: temporaryName)
        try file.write(contents)
        try file.commit()
    }
}

/// A file system that is made durable as a whole.
public final class WholeFileSystem: Sendable {
    private let directory: OwnedDescriptor
    /// Which one it is, as `FileStatus` tells.
    public let device: UInt64

    /// Opens the file system of a directory, before anything is written that is to be made durable.
    public init(of directory: FilePath) throws(FileError) {
        self.directory = try OwnedDescriptor(opening: directory, options: .directory)
        device = try self.directory.status().device
    }

    /// Makes everything durable that was written to it, by whomever.
    ///
    /// Throws for everything that could not be written since it was opened (syncfs(2), Linux 5.8).
    public func sync() throws(FileError) {
        _ = try systemCall("syncfs", directory.path, .changes) { linux_syncfs(directory.raw.rawValue) }
    }

    /// Writes out what was written so far, so that a later sync has less to do.
    ///
    /// Throws as `sync` does. When it is called depends on the clock, so it is no call that tests count or let fail.
    public func syncEarly() throws(FileError) {
        _ = try systemCall("syncfs", directory.path, .reads) { linux_syncfs(directory.raw.rawValue) }
    }
}
