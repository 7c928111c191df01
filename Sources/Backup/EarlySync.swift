import Files
import Processes
import SystemPackage

/// Begins to make a finished copy durable while the server is still busy with something else.
///
/// What it has synced, `TreeSync` need not sync again. A sync that failed is final: it is kept and thrown by `synced()`.
final class EarlySync {
    private let root: FilePath
    private var pending: [FilePath]?
    private var done: Set<SyncedFile> = []
    private var failure: (any Error)?

    /// Prepares the sync of everything below `root`, which nobody changes any more; nothing is read yet.
    init(_ root: FilePath) {
        self.root = root
    }

    /// Works for about this long, at least one file.
    func work(seconds: Double) {
        guard failure == nil else { return }
        do {
            let end = Interruption.monotonicSeconds + seconds
            var files = try pending ?? list()
            defer { pending = files }
            while let path = files.popLast() {
                let status = try FileSystem.status(of: path, followingLinks: false)
                try FileSystem.syncFile(path)
                done.insert(SyncedFile(path: path, status))
                if Interruption.monotonicSeconds >= end { return }
            }
        } catch {
            failure = error
        }
    }

    /// What is on disk already; throws when a sync has failed.
    func synced() throws -> Set<SyncedFile> {
        if let failure { throw failure }
        return done
    }

    /// All files, the disk told to begin with them.
    private func list() throws -> [FilePath] {
        var files: [FilePath] = []
        var walk = try DirectoryWalk(root)
        while let entry = try walk.next() {
            guard entry.status.kind == .regular else { continue }
            let path = root.pushing(entry.relativePath)
            try TreeSync.startWriteback(path)
            files.append(path)
        }
        return files
    }
}

/// A file that was synced, and how it looked then.
package struct SyncedFile: Hashable, Sendable {
    private let path: FilePath
    private let inode: UInt64
    private let sizeBytes: Int64
    private let modifiedSeconds: Int64
    private let modifiedNanoseconds: Int

    init(path: FilePath, _ status: FileStatus) {
        self.path = path
        inode = status.inode
        sizeBytes = status.sizeBytes
        modifiedSeconds = status.modifiedSeconds
        modifiedNanoseconds = status.modifiedNanoseconds
    }
}
