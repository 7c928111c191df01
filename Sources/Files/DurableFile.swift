import Glibc
public import SystemPackage

/// A file being written beside the one that it will replace: nothing is visible before `commit()`, and nothing stays without it.
public struct DurableFile: ~Copyable {
    /// What will be replaced.
    public let path: FilePath
    /// Where the contents are gathered.
    public let temporaryPath: FilePath
    private var buffer: [UInt8] = []
    private var descriptor: OwnedDescriptor?
    private static let bufferSize = 1 << 20

    /// Opens the temporary file, in the same directory: `temporaryName` replaces a leftover of that name, a random name is new.
    public init(
        replacing path: FilePath,
        permissions: FilePermissions = FilePermissions(rawValue: 0o666),
        temporaryName: String? = nil
    ) throws(FileError) {
        self.path = path
        let name = temporaryName ?? ".\(path.lastComponent?.string ?? "").\(FileSystem.randomNamePart()).tmp"
        temporaryPath = path.removingLastComponent().appending(name)
        let kind: FileDescriptor.OpenOptions = temporaryName == nil ? .exclusiveCreate : .truncate
        descriptor = try OwnedDescriptor(
            opening: temporaryPath,
            .writeOnly,
            options: [.create, .noFollow, kind],
            permissions: permissions
        )
    }

    deinit {
        // Without a commit the temporary file is of no use; that it cannot be removed changes nothing for the caller.
        if descriptor != nil { _ = try? FileSystem.unlink(temporaryPath) }
    }

    /// Adds bytes; they are gathered to 1 MiB before they are written.
    public mutating func write(_ bytes: some Sequence<UInt8>) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Adds one byte.
    public mutating func write(byte: UInt8) throws(FileError) {
        buffer.append(byte)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Adds bytes; they are gathered to 1 MiB before they are written.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferSize { try flush() }
    }

    /// Gives the temporary file the permissions and times of another file; call it last, since writing changes the times.
    public mutating func copyAttributes(of status: FileStatus) throws(FileError) {
        try flush()
        try descriptor?.copyAttributes(of: status)
    }

    private mutating func flush() throws(FileError) {
        guard !buffer.isEmpty else { return }
        try descriptor?.writeAll(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Puts the file into its place, durably: write, fsync, close, rename, fsync of the directory.
    public consuming func commit() throws(FileError) {
        try flush()
        try descriptor?.sync()
        let open = descriptor.take()
        do throws(FileError) {
            try open?.close()
            try FileSystem.rename(temporaryPath, to: path)
        } catch {
            // The error above is the one that matters.
            _ = try? FileSystem.unlink(temporaryPath)
            throw error
        }
        try FileSystem.syncParent(of: path)
    }
}
