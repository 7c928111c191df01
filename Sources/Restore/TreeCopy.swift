import Failure
import Files
import Pipeline
import SystemPackage

/// Copies a stored tree to its final place: one pass, several files at a time, permissions and times kept.
///
/// Symbolic links are followed, as `rsync -L` does: a restored directory holds no way out of it but those the restore makes.
struct TreeCopy: Sendable {
    /// A directory to make.
    private struct Directory: Sendable {
        let destination: FilePath
        let status: FileStatus
    }

    /// A file to copy.
    private struct File: Sendable {
        let source: FilePath
        let destination: FilePath
        let sizeBytes: Int64
    }

    private var directories: [Directory] = []
    private var files: [File] = []
    /// The bytes to copy.
    private(set) var totalBytes: Int64 = 0

    /// Nothing to copy yet.
    init() {}

    /// Adds everything below `source` except what `isSkipped` says of a path relative to it.
    ///
    /// What is in a skipped directory is skipped too. Things that are neither file nor directory are left out.
    mutating func add(
        _ source: FilePath,
        to destination: FilePath,
        isSkipped: (FilePath) -> Bool = { _ in false }
    ) throws {
        let status = try FileSystem.status(of: source)
        directories.append(Directory(destination: destination, status: status))
        try add(contentsOf: source, to: destination, below: "", depth: 0, isSkipped: isSkipped)
    }

    private mutating func add(
        contentsOf source: FilePath,
        to destination: FilePath,
        below prefix: FilePath,
        depth: Int,
        isSkipped: (FilePath) -> Bool
    ) throws {
        var walk = try DirectoryWalk(source)
        while let entry = try walk.next() {
            let relative = prefix.isEmpty ? entry.relativePath : prefix.pushing(entry.relativePath)
            let target = destination.pushing(relative)
            if isSkipped(relative) {
                walk.skipContents()
                continue
            }
            let path = source.pushing(entry.relativePath)
            let isLink = entry.status.kind == .symbolicLink
            let status = isLink ? try FileSystem.status(of: path) : entry.status
            switch status.kind {
            case .directory:
                directories.append(Directory(destination: target, status: status))
                guard isLink else { break }
                // A link to a directory above itself never ends; no real data directory nests links.
                guard depth < 8 else { throw FileError(call: "open", path: path, errno: .tooManySymbolicLinkLevels) }
                try add(contentsOf: path, to: destination, below: relative, depth: depth + 1, isSkipped: isSkipped)
            case .regular:
                files.append(File(source: path, destination: target, sizeBytes: status.sizeBytes))
                totalBytes &+= status.sizeBytes
            case .symbolicLink, .other:
                break
            }
        }
    }

    /// Makes the directories and copies the files with `workerCount` threads.
    ///
    /// Nothing is durable yet. `check` is called often, to notice that somebody wants us to end; `progress` gets the bytes
    /// copied so far.
    func run(workerCount: Int, check: () throws -> Void, progress: (Int64) -> Void) throws {
        for directory in directories where try !FileSystem.isDirectory(directory.destination) {
            try FileSystem.createDirectory(directory.destination, permissions: [.ownerReadWriteExecute])
        }
        let counter = ByteCounter()
        // The largest first: then no thread is left alone with one at the end.
        try Workers.map(
            files.sorted { $0.sizeBytes > $1.sizeBytes },
            count: workerCount,
            window: 1024,
            check: {
                try check()
                progress(counter.value)
            },
            body: { file in
                try FileSystem.copyFile(from: file.source, to: file.destination) { counter.add($0) }
            },
            inOrder: { _, _ in progress(counter.value) }
        )
        for directory in directories.reversed() {
            try FileSystem.setPermissions(directory.destination, directory.status.permissions)
            try FileSystem.setTimes(directory.destination, of: directory.status)
        }
    }
}
