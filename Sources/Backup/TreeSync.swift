import Files
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

    /// One thing to sync.
    private struct Item: Sendable {
        let path: FilePath
        let sizeBytes: Int64
        let isDirectory: Bool
    }

    /// Syncs every file and directory below the roots, and the roots; symbolic links are left alone.
    ///
    /// `check` is called often, to notice that somebody wants us to end. `progress` gets the bytes that are durable so far
    /// and all bytes.
    package static func run(
        _ roots: [FilePath],
        workerCount: Int = max(2, Workers.coreCount),
        check: () throws -> Void = {},
        progress: (Int64, Int64) -> Void = { _, _ in }
    ) throws -> Result {
        var result = Result()
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
                case .directory:
                    directories.append(Item(path: path, sizeBytes: 0, isDirectory: true))
                case .symbolicLink, .other:
                    break
                }
            }
            try check()
        }
        // The disk gets everything at once and can put it in order; the waits come after that.
        for file in files {
            let descriptor = try OwnedDescriptor(opening: file.path, options: .noFollow)
            descriptor.startWriteback()
            try check()
        }
        var done: Int64 = 0
        let total = result.sizeBytes
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
