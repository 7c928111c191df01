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
    }

    /// With more files than this their file system is synced as a whole.
    private static let mostSingleFiles = 5000

    /// One thing to sync.
    private struct Item: Sendable {
        let path: FilePath
        let sizeBytes: Int64
        let isDirectory: Bool
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
        var pendingBytes: Int64 = 0
        var files: [Item] = []
        var directories: [Item] = []
        for root in roots {
            directories.append(Item(path: root, sizeBytes: 0, isDirectory: true))
            try FileSystem.walk(root) { entry in
                let path = root.pushing(entry.relativePath)
                switch entry.status.kind {
                case .regular:
                    result.sizeBytes &+= entry.status.sizeBytes
                    if entry.status.linkCount == 1 { result.deduplicatedBytes &+= entry.status.sizeBytes }
                    files.append(Item(path: path, sizeBytes: entry.status.sizeBytes, isDirectory: false))
                    pendingBytes &+= entry.status.sizeBytes
                case .directory:
                    directories.append(Item(path: path, sizeBytes: 0, isDirectory: true))
                case .symbolicLink, .other:
                    break
                }
            }
            try check()
        }
        if let fileSystem, files.count > Self.mostSingleFiles {
            try fileSystem.sync()
            progress(pendingBytes, pendingBytes)
            return result
        }
        // The disk gets everything at once and can put it in order; the waits come after that.
        for file in files {
            try startWriteback(file.path)
            try check()
        }
        var done: Int64 = 0
        let total = pendingBytes
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
            guard entry.status.kind == .regular else { return }
            result.sizeBytes &+= entry.status.sizeBytes
            if entry.status.linkCount == 1 { result.deduplicatedBytes &+= entry.status.sizeBytes }
        }
        return result
    }
}
