package import Files
import Pipeline
package import SystemPackage

/// Makes a whole tree durable and measures it, in one walk.
package struct TreeSync: Sendable {
    /// What was made durable.
    package struct Result: Sendable, Equatable {
        /// The bytes in all regular files.
        package var sizeBytes: Int64 = 0
        /// The bytes in those regular files that have no other name.
        package var deduplicatedBytes: Int64 = 0

        fileprivate mutating func add(_ file: FileStatus) {
            sizeBytes &+= file.sizeBytes
            if file.linkCount == 1 { deduplicatedBytes &+= file.sizeBytes }
        }
    }

    /// With more files than this their file system is synced as a whole.
    private static let mostSingleFiles = 5000

    /// One thing to sync.
    private struct Item: Sendable {
        let path: FilePath
        let sizeBytes: Int64
        let isDirectory: Bool

        init(_ path: FilePath, _ status: FileStatus) {
            self.path = path
            isDirectory = status.kind == .directory
            sizeBytes = isDirectory ? 0 : status.sizeBytes
        }

        /// A directory from which a walk begins.
        init(root: FilePath) {
            path = root
            isDirectory = true
            sizeBytes = 0
        }
    }

    /// Syncs every file and directory below the roots, and the roots; symbolic links are left alone.
    ///
    /// With very many files a sync of each one costs more than one of their whole file system, which was opened before anything
    /// was written.
    /// `check` is called often, to notice that somebody wants us to end. `progress` gets the bytes that are durable so far
    /// and all bytes.
    package static func run(
        _ roots: [FilePath],
        on fileSystem: WholeFileSystem? = nil,
        workerCount: Int = max(2, Workers.coreCount),
        check: () throws -> Void = {},
        progress: (Int64, Int64) -> Void = { _, _ in }
    ) throws -> Result {
        var result = Result()
        var fileCount = 0
        // Empty once there are so many that their file system is synced as a whole.
        var files: [Item] = []
        var directories: [Item] = []
        for root in roots {
            directories.append(Item(root: root))
            try FileSystem.walk(root) { entry in
                switch entry.status.kind {
                case .regular:
                    result.add(entry.status)
                    fileCount += 1
                case .directory: break
                case .symbolicLink, .other: return
                }
                guard fileSystem == nil || fileCount <= Self.mostSingleFiles else {
                    files = []
                    return
                }
                let item = Item(root.pushing(entry.relativePath), entry.status)
                if item.isDirectory { directories.append(item) } else { files.append(item) }
            }
            try check()
        }
        let total = result.sizeBytes
        if let fileSystem, fileCount > Self.mostSingleFiles {
            try fileSystem.sync()
            progress(total, total)
            return result
        }
        // The disk gets everything at once and can put it in order; the waits come after that.
        for file in files {
            try startWriteback(file.path)
            try check()
        }
        var done: Int64 = 0
        try Workers.map(
            files + directories.reversed(),
            count: workerCount,
            window: 1024,
            check: check,
            body: { item in
                if item.isDirectory {
                    try FileSystem.syncDirectory(item.path)
                } else {
                    try FileSystem.syncFile(item.path)
                }
                return item.sizeBytes
            },
            inOrder: { _, bytes in
                done &+= bytes
                progress(done, total)
            }
        )
        return result
    }

    /// Lets the disk begin with a file, without waiting for it.
    static func startWriteback(_ path: FilePath) throws(FileError) {
        do throws(FileError) {
            let file = try OwnedDescriptor(opening: path, options: .noFollow)
            file.startWriteback()
        } catch  where error.isPermissionDenied {
            // The sync knows another way to open it; this was only to save time.
            return
        }
    }

    /// Measures a tree without touching it.
    package static func measure(_ root: FilePath) throws -> Result {
        var result = Result()
        try FileSystem.walk(root) { entry in
            if entry.status.kind == .regular { result.add(entry.status) }
        }
        return result
    }
}
