import CLinux
public import SystemPackage

extension FileSystem {
    /// Copies a file's contents, permissions and times (to the nanosecond), inside the kernel where it can.
    ///
    /// `destination` is made or overwritten. Without `synchronizing` it is not durable on return; its directory never is.
    /// `progress` gets the bytes copied since the last call. Returns the size.
    @discardableResult
    public static func copyFile(
        from source: FilePath,
        to destination: FilePath,
        synchronizing: Bool = false,
        progress: ((Int64) -> Void)? = nil
    ) throws(FileError) -> Int64 {
        let input = try OwnedDescriptor(opening: source)
        let status = try input.status()
        let output = try OwnedDescriptor(
            opening: destination,
            .writeOnly,
            options: [.create, .truncate],
            permissions: status.permissions.union(.ownerWrite)
        )
        let copied = try copyContents(from: input, to: output, progress: progress)
        try output.copyAttributes(of: status)
        if synchronizing { try output.sync() }
        try output.close()
        return copied
    }

    /// Copies from the position of one open file to the position of another, to the end; returns how many bytes.
    @discardableResult
    public static func copyContents(
        from input: borrowing OwnedDescriptor,
        to output: borrowing OwnedDescriptor,
        progress: ((Int64) -> Void)? = nil
    ) throws(FileError) -> Int64 {
        // Between files, then into a pipe or socket. Some file systems say "end" at once for files that do have contents: read to
        // be sure.
        let numbers = (input: input.raw.rawValue, output: output.raw.rawValue)
        var total = try copyInKernel("copy_file_range", from: input, to: output, progress) {
            linux_copy_file_range(numbers.input, nil, numbers.output, nil, 16 << 20, 0)
        }
        if total == 0 {
            total = try copyInKernel("sendfile", from: input, to: output, progress) {
                linux_sendfile(numbers.output, numbers.input, nil, 1 << 20)
            }
        }
        return total &+ (try copyThroughBuffer(from: input, to: output, progress: progress))
    }

    /// Copies by a call that moves bytes inside the kernel until there are no more, or until it says that it can not for these
    /// files; returns how many bytes it moved.
    private static func copyInKernel(
        _ name: StaticString,
        from input: borrowing OwnedDescriptor,
        to output: borrowing OwnedDescriptor,
        _ progress: ((Int64) -> Void)?,
        _ call: () -> Int
    ) throws(FileError) -> Int64 {
        var total: Int64 = 0
        while true {
            do throws(FileError) {
                let count = try systemCall(name, input.path, to: output.path, .changes, body: call)
                if count == 0 { return total }
                total &+= Int64(count)
                progress?(Int64(count))
            } catch {
                switch error.errno {
                case .improperLink, .invalidArgument, .noFunction, .notSupported, .notPermitted, .badFileDescriptor:
                    return total
                default: throw error
                }
            }
        }
    }

    /// Moves bytes from the position of a file into a pipe, inside the kernel; may wait for room.
    ///
    /// Returns how many; 0 at the end of the file, and where the file system cannot: then they are to be read.
    public static func splice(
        from input: borrowing OwnedDescriptor,
        toPipe output: borrowing OwnedDescriptor,
        count: Int64
    ) throws(FileError) -> Int64 {
        do throws(FileError) {
            let moved = try systemCall("splice", input.path, to: output.path, .changes) {
                linux_splice(input.raw.rawValue, nil, output.raw.rawValue, nil, UInt(clamping: min(count, 1 << 20)), 0)
            }
            return Int64(moved)
        } catch {
            guard error.errno == .invalidArgument || error.errno == .noFunction else { throw error }
            return 0
        }
    }

    private static func copyThroughBuffer(
        from input: borrowing OwnedDescriptor,
        to output: borrowing OwnedDescriptor,
        progress: ((Int64) -> Void)?
    ) throws(FileError) -> Int64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var total: Int64 = 0
        while true {
            let count = try input.read(into: buffer)
            if count == 0 { return total }
            try output.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total &+= Int64(count)
            progress?(Int64(count))
        }
    }
}
