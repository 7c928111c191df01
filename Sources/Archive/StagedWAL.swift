import Codecs
import Files
import Processes
import Synchronization
import SystemPackage

/// A received file in the form in which it will be stored: written beside its place, or the received file itself.
///
/// Nothing of it is visible in the archive before `place()`; what is never placed is removed again.
final class StagedWAL: Sendable {
    /// The file with its contents.
    private let contentPath: FilePath
    /// Where it will be.
    private let destination: FilePath
    /// Whether `contentPath` is a temporary file of ours.
    private let isTemporary: Bool
    /// Open until the contents are durable.
    private let file: Mutex<OwnedDescriptor?>
    private let isPlaced = Mutex(false)
    /// The size as stored.
    let sizeBytes: Int64

    private init(
        _ file: consuming OwnedDescriptor,
        destination: FilePath,
        isTemporary: Bool,
        sizeBytes: Int64
    ) {
        contentPath = file.path
        self.destination = destination
        self.isTemporary = isTemporary
        self.sizeBytes = sizeBytes
        self.file = Mutex(consume file)
    }

    deinit {
        // Removing what is of no use cannot matter to anybody; the next run overwrites it.
        if isTemporary, !isPlaced.withLock({ $0 }) { _ = try? FileSystem.unlink(contentPath) }
    }

    /// The received file as it is, to get a second name in the archive.
    static func link(_ source: FilePath, _ status: FileStatus, to destination: FilePath) throws -> StagedWAL {
        StagedWAL(
            try OwnedDescriptor(opening: source),
            destination: destination,
            isTemporary: false,
            sizeBytes: status.sizeBytes
        )
    }

    /// A new file beside `destination`, filled by `write`, with permissions and times of the received one.
    static func make(
        suffix: String,
        like status: FileStatus,
        destination: FilePath,
        write: (borrowing OwnedDescriptor) throws -> Void
    ) throws -> StagedWAL {
        let name = (destination.lastComponent?.string ?? "") + suffix
        let path = destination.removingLastComponent().appending(name)
        do {
            // A leftover of a crash may be there, and may not be writable.
            try FileSystem.unlinkIfPresent(path)
            let file = try OwnedDescriptor(opening: path, .readWrite, options: [.create, .exclusiveCreate, .noFollow])
            try write(file)
            // While this thread takes the next file, the kernel can begin to write this one out.
            file.startWriteback()
            try file.copyAttributes(of: status)
            let size = try file.status().sizeBytes
            return StagedWAL(file, destination: destination, isTemporary: true, sizeBytes: size)
        } catch {
            // The error above is the one that matters.
            _ = try? FileSystem.unlink(path)
            throw error
        }
    }

    /// Makes the contents durable.
    func synchronize() throws(FileError) {
        guard let file = file.withLock({ $0.take() }) else { return }
        try file.sync()
        try file.close()
    }

    /// For file systems without links, and files of others that must not be linked.
    private func placeCopy() throws(FileError) {
        let name = (destination.lastComponent?.string ?? "") + ".tmp"
        let copy = destination.removingLastComponent().appending(name)
        try FileSystem.copyFile(from: contentPath, to: copy, synchronizing: true)
        try FileSystem.rename(copy, to: destination)
    }

    /// Gives the file its name in the archive; durable once the directory is.
    func place() throws(FileError) {
        if isTemporary {
            try FileSystem.rename(contentPath, to: destination)
        } else {
            // A link, not a rename: the received file must stay until the catalog has its line.
            do throws(FileError) {
                try FileSystem.link(contentPath, to: destination)
            } catch {
                switch error.errno {
                case .notPermitted, .permissionDenied, .tooManyLinks, .notSupported, .improperLink: try placeCopy()
                default: throw error
                }
            }
        }
        isPlaced.withLock { $0 = true }
    }
}
