public import SystemPackage

/// Something met on a walk through a directory tree.
public struct WalkEntry: Sendable {
    /// Where it is, seen from the root of the walk.
    public let relativePath: FilePath
    /// What it is; a symbolic link is told as one.
    public let status: FileStatus
    /// Its name in its directory.
    let entry: DirectoryEntry
}

/// A walk through everything below a directory: a directory comes before its contents, names in the order of their bytes.
///
/// No symbolic link is followed, not even one that is put in place of a directory during the walk. What vanishes meanwhile is
/// left out. One descriptor is open for each level.
public struct DirectoryWalk: ~Copyable {
    private final class Level {
        let handle: DirectoryHandle
        let relativePath: FilePath
        var entries: Slice<DirectoryNames>

        init(_ handle: consuming DirectoryHandle, relativePath: FilePath) throws(FileError) {
            entries = try handle.entries()[...]
            self.handle = handle
            self.relativePath = relativePath
        }
    }

    private var levels: [Level]
    private var pending: WalkEntry?
    /// The level that holds the entry returned last.
    private var current: Level?

    /// Begins below `root`, which may itself be a symbolic link to a directory.
    public init(_ root: FilePath) throws(FileError) {
        levels = [try Level(DirectoryHandle(opening: root), relativePath: "")]
    }

    /// The next entry, or nil at the end.
    public mutating func next() throws(FileError) -> WalkEntry? {
        try enterPending()
        while let level = levels.last {
            guard let entry = level.entries.popFirst() else {
                levels.removeLast()
                continue
            }
            do {
                let status = try level.handle.status(of: entry)
                let found = WalkEntry(
                    relativePath: level.relativePath.pushing(entry.component),
                    status: status,
                    entry: entry
                )
                pending = status.kind == .directory ? found : nil
                current = level
                return found
            } catch  where error.isMissing {
                continue
            }
        }
        return nil
    }

    /// Leaves out what is below the directory returned last.
    public mutating func skipContents() {
        pending = nil
    }

    /// Opens the entry returned last for reading, by way of its directory; a symbolic link is refused.
    public func open(_ entry: WalkEntry) throws(FileError) -> OwnedDescriptor {
        guard let current else {
            throw FileError(call: "openat", path: entry.relativePath, errno: .badFileDescriptor)
        }
        return try current.handle.open(entry.entry)
    }

    private mutating func enterPending() throws(FileError) {
        guard let directory = pending, let current else { return }
        pending = nil
        do {
            let handle = try current.handle.openDirectory(directory.entry)
            levels.append(try Level(handle, relativePath: directory.relativePath))
        } catch  where error.isMissing {
            return
        }
    }
}

extension FileSystem {
    /// Visits everything below a directory, as `DirectoryWalk` does.
    public static func walk(_ root: FilePath, _ visit: (WalkEntry) throws -> Void) throws {
        var walk = try DirectoryWalk(root)
        while let entry = try walk.next() { try visit(entry) }
    }

    /// The bytes in all regular files below a directory (or of a file).
    public static func sizeOfTree(_ root: FilePath) throws(FileError) -> Int64 {
        let status = try status(of: root)
        guard status.kind == .directory else { return status.sizeBytes }
        var total: Int64 = 0
        var walk = try DirectoryWalk(root)
        while let entry = try walk.next() {
            if entry.status.kind == .regular { total &+= entry.status.sizeBytes }
        }
        return total
    }

    /// Removes a file, a symbolic link (not what it leads to) or a directory with everything below; fine if nothing is there.
    ///
    /// Never leaves the tree: no symbolic link is followed, not even one put in place of a directory meanwhile.
    public static func removeTree(_ path: FilePath) throws(FileError) {
        guard let status = try statusIfPresent(of: path, followingLinks: false) else { return }
        guard status.kind == .directory else {
            try unlinkIfPresent(path)
            return
        }
        try removeContents(of: DirectoryHandle(opening: path, followingLinks: false))
        try removeDirectory(path)
    }

    /// Removes everything below a directory, but not the directory.
    public static func removeContents(of path: FilePath) throws(FileError) {
        try removeContents(of: DirectoryHandle(opening: path))
    }

    private static func removeContents(of directory: borrowing DirectoryHandle) throws(FileError) {
        for entry in try directory.entries() {
            do {
                if try directory.status(of: entry).kind == .directory {
                    try removeContents(of: directory.openDirectory(entry))
                    try directory.unlink(entry, isDirectory: true)
                } else {
                    try directory.unlink(entry)
                }
            } catch  where error.errno == .noSuchFileOrDirectory {
                // Somebody else removed it meanwhile.
                continue
            }
        }
    }
}
