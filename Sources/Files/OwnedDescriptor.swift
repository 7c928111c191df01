import CLinux
import Glibc
public import SystemPackage

/// One open file: opened by `init`, closed by `close()` or at the end of its life, never shared.
///
/// On a write path call `close()`: the silent close of `deinit` loses errors.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// What was opened; for messages.
    public let path: FilePath
    private var number: Int32

    /// Opens a file or directory, close-on-exec; `permissions` are those of a file made by `.create`, less the umask.
    ///
    /// A pipe, socket or device where a file to read is expected is an error (EINVAL): reading it could wait for ever. What may
    /// be one, because the user named it, is read by `FileSystem.readStream`.
    public init(
        opening path: FilePath,
        _ mode: FileDescriptor.AccessMode = .readOnly,
        options: FileDescriptor.OpenOptions = [],
        permissions: FilePermissions = FilePermissions(rawValue: 0o666)
    ) throws(FileError) {
        let isReading = mode == .readOnly
        let isChange = !isReading || options.contains(.create) || options.contains(.truncate)
        // Opening a pipe waits for its other end, unless it is told not to; files do not care.
        let flags = mode.rawValue | options.rawValue | O_CLOEXEC | (isReading ? O_NONBLOCK : 0)
        let opened = try systemCall("open", path, isChange ? .changes : .reads) {
            path.withPlatformString { open($0, flags, permissions.rawValue) }
        }
        if isReading, !Self.isFileOrDirectory(opened) {
            Glibc.close(opened)
            throw FileError(call: "open", path: path, errno: .invalidArgument)
        }
        number = opened
        self.path = path
    }

    private static func isFileOrDirectory(_ number: Int32) -> Bool {
        var result = stat()
        // What cannot be looked at fails when it is read, which then does not wait either.
        return fstat(number, &result) != 0 || FileStatus(result).kind != .other
    }

    /// Opens whatever can be read, a pipe or a device too; may wait.
    init(openingStream path: FilePath) throws(FileError) {
        number = try systemCall("open", path, .reads) { path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC) } }
        self.path = path
    }

    /// Takes over a descriptor that somebody else opened; it is closed here from now on.
    public init(adopting descriptor: FileDescriptor, path: FilePath) {
        number = descriptor.rawValue
        self.path = path
    }

    /// Makes a descriptor of its own for the same open file, standard output for example.
    public init(duplicating descriptor: FileDescriptor, path: FilePath) throws(FileError) {
        number = try systemCall("fcntl", path, .reads) { fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 3) }
        self.path = path
    }

    /// Makes a file without a name on the file system of a directory, open for reading and writing, for us alone: it goes with the process,
    /// however that ends.
    public static func nameless(in directory: FilePath) throws(FileError) -> OwnedDescriptor {
        let path = directory.appending(".barman-\(FileSystem.randomNamePart())")
        let file = try OwnedDescriptor(
            opening: path,
            .readWrite,
            options: [.create, .exclusiveCreate, .noFollow],
            permissions: .ownerReadWrite
        )
        try FileSystem.unlink(path)
        return file
    }

    /// Makes a file without a name, in memory, open for reading and writing: so many zero bytes, and nobody can make it longer (EPERM).
    ///
    /// `label` is for messages.
    public init(inMemory label: FilePath, sizeBytes: Int) throws(FileError) {
        let made = try systemCall("memfd_create", label, .changes) {
            linux_memfd_create("", linux_MFD_CLOEXEC | linux_MFD_ALLOW_SEALING)
        }
        defer { Glibc.close(made) }
        _ = try systemCall("ftruncate", label, .changes) { ftruncate(made, off_t(sizeBytes)) }
        let seals = linux_F_SEAL_GROW | linux_F_SEAL_SHRINK | linux_F_SEAL_SEAL
        _ = try systemCall("fcntl", label, .changes) { fcntl(made, linux_F_ADD_SEALS, seals) }
        try self.init(duplicating: FileDescriptor(rawValue: made), path: label)
    }

    deinit {
        // A reader has nothing to lose here; a writer calls `close()`.
        if number >= 0 { Glibc.close(number) }
    }

    /// The descriptor itself, lent: it must not be closed or kept beyond this value's life.
    public var raw: FileDescriptor { FileDescriptor(rawValue: number) }

    /// Closes the file and reports what the close reports; never tried twice.
    public consuming func close() throws(FileError) {
        let closing = number
        number = -1
        if Glibc.close(closing) != 0, errno != EINTR {
            throw FileError(call: "close", path: path, errno: Errno(rawValue: errno))
        }
    }

    /// Gives the descriptor away; the receiver closes it.
    public consuming func release() -> FileDescriptor {
        let released = number
        number = -1
        return FileDescriptor(rawValue: released)
    }

    /// Reads what is there, at most the size of the buffer; 0 at the end of the file.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try systemCall("read", path, .reads) { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads until the buffer is full or the file ends; returns how much was read.
    public borrowing func readFully(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Reads at an offset, without moving the position; 0 at the end of the file.
    public borrowing func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(FileError) -> Int {
        try systemCall("pread", path, .reads) { pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// Reads the rest of the file; more than `limit` bytes are an error (EFBIG).
    public borrowing func readToEnd(limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
        // A file may grow while it is read, and some (in /proc) do not tell their size.
        let expected = Int(clamping: try status().sizeBytes)
        var bytes: [UInt8] = []
        var chunkSize = min(max(expected, 4096), 1 << 20)
        bytes.reserveCapacity(min(expected, limit) + 1)
        while true {
            var failure: FileError?
            let wanted = chunkSize
            let chunk = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                do throws(FileError) {
                    count = try readFully(into: UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            guard bytes.count + chunk.count <= limit else {
                throw FileError(call: "read", path: path, errno: .fileTooLarge)
            }
            bytes.append(contentsOf: chunk)
            if chunk.count < wanted { return bytes }
            chunkSize = 1 << 20
        }
    }

    /// Writes all of the bytes.
    public borrowing func writeAll(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = try systemCall("write", path, .changes) { write(number, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes all of the bytes.
    public borrowing func writeAll(_ bytes: [UInt8]) throws(FileError) {
        try bytes.span.withUnsafeBytes { (buffer) throws(FileError) in try writeAll(buffer) }
    }

    /// Writes all of the bytes at an offset, without moving the position.
    public borrowing func writeAll(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = try systemCall("pwrite", path, .changes) {
                pwrite(number, rest.baseAddress, rest.count, off_t(position))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += Int64(count)
        }
    }

    /// Makes everything written so far survive a loss of power.
    ///
    /// A failure is final: what was written may be lost.
    public borrowing func sync() throws(FileError) {
        _ = try systemCall("fsync", path, .changes) { fsync(number) }
    }

    /// Makes the bytes written so far survive a loss of power, and what is needed to find them, but not the times of the file.
    ///
    /// A failure is final: what was written may be lost.
    public borrowing func syncData() throws(FileError) {
        _ = try systemCall("fdatasync", path, .changes) { fdatasync(number) }
    }

    /// Tells what the file system knows of the open file.
    public borrowing func status() throws(FileError) -> FileStatus {
        var result = stat()
        _ = try systemCall("fstat", path, .reads) { fstat(number, &result) }
        return FileStatus(result)
    }

    /// Moves the position; returns the new one, counted from the start of the file.
    @discardableResult
    public borrowing func seek(
        to offset: Int64,
        from origin: FileDescriptor.SeekOrigin = .start
    ) throws(FileError) -> Int64 {
        Int64(try systemCall("lseek", path, .reads) { lseek(number, off_t(offset), origin.rawValue) })
    }

    /// Makes the file this long.
    public borrowing func truncate(to sizeBytes: Int64) throws(FileError) {
        _ = try systemCall("ftruncate", path, .changes) { ftruncate(number, off_t(sizeBytes)) }
    }

    /// Takes the space for this many bytes, and makes the file at least so long; what was not written reads as zeros.
    public borrowing func allocate(sizeBytes: Int64) throws(FileError) {
        // It returns the error instead of setting errno.
        let code = try systemCall("posix_fallocate", path, .changes) { posix_fallocate(number, 0, off_t(sizeBytes)) }
        guard code == 0 else { throw FileError(call: "posix_fallocate", path: path, errno: Errno(rawValue: code)) }
    }

    /// Writes zeros from the start to this length.
    public borrowing func fillWithZeros(sizeBytes: Int64) throws(FileError) {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        try zeros.span.withUnsafeBytes { (piece) throws(FileError) in
            for position in stride(from: 0, to: sizeBytes, by: piece.count) {
                let count = Int(min(Int64(piece.count), sizeBytes - position))
                try writeAll(UnsafeRawBufferPointer(rebasing: piece[..<count]), at: position)
            }
        }
    }

    /// Sets the permission bits, regardless of the umask.
    public borrowing func setPermissions(_ permissions: FilePermissions) throws(FileError) {
        _ = try systemCall("fchmod", path, .changes) { fchmod(number, permissions.rawValue) }
    }

    /// Sets the times of last access and change.
    public borrowing func setTimes(of status: FileStatus) throws(FileError) {
        let times = status.timeSpecifications
        _ = try systemCall("futimens", path, .changes) { futimens(number, times) }
    }

    /// Gives the file the permissions and times of another one.
    public borrowing func copyAttributes(of status: FileStatus) throws(FileError) {
        try setPermissions(status.permissions)
        try setTimes(of: status)
    }

    /// Tells the kernel that the file will be read once from start to end; of no consequence if it does not care.
    public borrowing func expectSequentialReading() {
        _ = posix_fadvise(number, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    /// Tells the kernel to begin to write out what was written, without waiting; of no consequence if it does not.
    public borrowing func startWriteback() {
        _ = linux_sync_file_range(number, 0, 0, linux_SYNC_FILE_RANGE_WRITE)
    }

    /// Lets a pipe hold 1 MiB, so that the programs at its ends wait for each other less; of no consequence for what is no pipe, and
    /// where the system does not allow it.
    ///
    /// sshd keeps what does not fit into a pipe in memory that it moves and clears again and again.
    public borrowing func widenPipe() {
        _ = fcntl(number, linux_F_SETPIPE_SZ, 1 << 20)
    }
}

extension FileStatus {
    /// Access and change times in the form that the kernel takes.
    var timeSpecifications: [timespec] {
        [
            timespec(tv_sec: Int(accessedSeconds), tv_nsec: accessedNanoseconds),
            timespec(tv_sec: Int(modifiedSeconds), tv_nsec: modifiedNanoseconds),
        ]
    }
}

extension FileDescriptor.OpenOptions {
    /// Each write goes to the disk itself and is durable on return; only whole blocks from aligned memory can be written.
    ///
    /// Opening or writing fails with EINVAL or ENOTSUP where a file system has no such writes.
    public static let aroundPageCache = FileDescriptor.OpenOptions(rawValue: linux_O_DIRECT | O_DSYNC)
}
