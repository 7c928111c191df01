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
    }

    /// What is to sync.
    private struct List {
        private let device: UInt64?
        private var coveredFiles = 0
        /// The bytes in all files that a sync of the whole file system makes durable.
        private(set) var coveredBytes: Int64 = 0
        /// What such a sync makes durable: not kept any more once there is so much that it is done.
        private(set) var covered: [Item] = []
        /// What is on other file systems.
        private(set) var others: [Item] = []

        init(on fileSystem: WholeFileSystem?) {
            device = fileSystem?.device
        }

        /// Whether there are so many files that the file system is synced as a whole.
        var isLong: Bool { coveredFiles > TreeSync.mostSingleFiles }

        mutating func add(_ path: FilePath, _ status: FileStatus) {
            let isDirectory = status.kind == .directory
            let item = Item(path: path, sizeBytes: isDirectory ? 0 : status.sizeBytes, isDirectory: isDirectory)
            guard status.device == device else { return others.append(item) }
            if !isDirectory { coveredFiles += 1 }
            coveredBytes &+= item.sizeBytes
            if isLong { covered = [] } else { covered.append(item) }
        }
    }

    /// Syncs every file and directory below the roots, and the roots; symbolic links are left alone.
    ///
    /// With very many files a sync of each one costs more than one of their whole file system, which was opened before anything
    /// was written; what is on another one, mounted below, is synced as ever.
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
        var list = List(on: fileSystem)
        for root in roots {
            list.add(root, try FileSystem.status(of: root))
            try FileSystem.walk(root) { entry in
                switch entry.status.kind {
                case .regular: result.add(entry.status)
                case .directory: break
                case .symbolicLink, .other: return
                }
                list.add(root.pushing(entry.relativePath), entry.status)
            }
            try check()
        }
        let total = result.sizeBytes
        var done: Int64 = 0
        if let fileSystem, list.isLong {
            try fileSystem.sync()
            done = list.coveredBytes
            progress(done, total)
        }
        let items = list.covered + list.others
        let files = items.filter { !$0.isDirectory }
        // The disk gets everything at once and can put it in order; the waits come after that.
        for file in files {
            try startWriteback(file.path)
            try check()
        }
        try Workers.map(
            files + items.filter(\.isDirectory).reversed(),
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
