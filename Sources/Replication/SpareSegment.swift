import Files
import Synchronization
import SystemPackage
import WAL

/// A file as long as a segment, made ahead of its use under a hidden name: a commit that opens a new segment waits for a rename.
///
/// It is long enough and durable before it gets its name, so that no `.partial` file is ever shorter than a segment, and what is
/// written to it later needs no more space.
final class SpareSegment: Sendable {
    private let directory: StreamingDirectory
    private let isZeroed: @Sendable () -> Bool
    private let isReady = Mutex(false)
    /// So many segments must stay free.
    private static let reservedSegments: Int64 = 2

    /// A spare that is not made yet; `isZeroed` asks for every byte to be written, which makes flushing its parts faster and
    /// itself slower.
    init(in directory: StreamingDirectory, isZeroed: @escaping @Sendable () -> Bool) {
        self.directory = directory
        self.isZeroed = isZeroed
    }

    private var path: FilePath { directory.path.appending(".spare-segment.tmp") }

    /// Makes it, unless it is there; whoever needs it meanwhile waits.
    func prepare() throws(FileError) {
        try isReady.withLock { (isReady) throws(FileError) in
            if !isReady { try make() }
            isReady = true
        }
    }

    /// Gives it its name, replacing an empty file of that name; not durable before the directory is synced.
    func take(as destination: FilePath) throws(FileError) {
        try isReady.withLock { (isReady) throws(FileError) in
            if !isReady { try make() }
            isReady = false
            try FileSystem.rename(path, to: destination)
        }
    }

    /// Removes it, and what an earlier process left.
    func remove() throws(FileError) {
        try isReady.withLock { (isReady) throws(FileError) in
            isReady = false
            try FileSystem.unlinkIfPresent(path)
        }
    }

    private func make() throws(FileError) {
        let size = Int64(directory.segmentSize.bytes)
        // The archive is on the same disk more often than not, and can only make room when it has some.
        guard try FileSystem.freeBytes(at: directory.path) / size > Self.reservedSegments else {
            throw FileError(call: "write", path: path, errno: .noSpace)
        }
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .truncate, .noFollow],
            permissions: StreamingDirectory.permissions
        )
        do throws(FileError) {
            if isZeroed() {
                try file.fillWithZeros(sizeBytes: size)
            } else {
                try file.allocate(sizeBytes: size)
            }
            try file.sync()
            try file.close()
        } catch {
            // Half a spare on a full disk would take the space that others need.
            _ = try? FileSystem.unlinkIfPresent(path)
            throw error
        }
    }
}
