import Glibc
import SystemPackage

/// A name in a directory, as its bytes.
struct DirectoryEntry {
    /// The bytes of the name and a final zero.
    let name: [CChar]

    var text: String {
        String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The name as part of a path.
    var component: FilePath {
        name.withUnsafeBufferPointer { pointer in
            pointer.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }
}

/// The names in a directory, in the order of their bytes: a few bytes each beside their own, since there may be a million.
struct DirectoryNames: RandomAccessCollection {
    /// All names, each with its final zero.
    private let bytes: [CChar]
    /// Where each begins.
    private let starts: [UInt32]

    var startIndex: Int { 0 }
    var endIndex: Int { starts.count }

    subscript(position: Int) -> DirectoryEntry {
        let start = Int(starts[position])
        return DirectoryEntry(name: Array(bytes[start...(bytes[start...].firstIndex(of: 0) ?? start)]))
    }

    fileprivate init(_ bytes: [CChar], startingAt starts: [UInt32]) {
        self.bytes = bytes
        var starts = starts
        bytes.withUnsafeBufferPointer { bytes in
            guard let first = bytes.baseAddress else { return }
            starts.sort { strcmp(first + Int($0), first + Int($1)) < 0 }
        }
        self.starts = starts
    }
}

/// An open directory, through which its entries are reached without resolving any path again.
struct DirectoryHandle: ~Copyable {
    private let descriptor: OwnedDescriptor

    /// The directory's path, for messages.
    var path: FilePath { descriptor.path }

    /// Opens a directory; the last part of the path may be a symbolic link only if `followingLinks`.
    init(opening path: FilePath, followingLinks: Bool = true) throws(FileError) {
        descriptor = try OwnedDescriptor(
            opening: path,
            options: followingLinks ? .directory : [.directory, .noFollow]
        )
    }

    private init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    private func path(of entry: DirectoryEntry) -> FilePath {
        path.pushing(entry.component)
    }

    /// All entries but `.` and `..`, in the order of their bytes.
    borrowing func entries() throws(FileError) -> DirectoryNames {
        // `fdopendir` takes the descriptor over, and its position is shared with a duplicate: open the directory anew.
        let copy = try systemCall("openat", path, .reads) {
            openat(descriptor.raw.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let stream = fdopendir(copy) else {
            let number = errno
            Glibc.close(copy)
            throw FileError(call: "fdopendir", path: path, errno: Errno(rawValue: number))
        }
        defer { closedir(stream) }
        var bytes: [CChar] = []
        var starts: [UInt32] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno == 0 { break }
                throw FileError(call: "readdir", path: path, errno: Errno(rawValue: errno))
            }
            guard let start = UInt32(exactly: bytes.count) else {
                throw FileError(call: "readdir", path: path, errno: .outOfRange)
            }
            if Self.append(entry, to: &bytes) { starts.append(start) }
        }
        return DirectoryNames(bytes, startingAt: starts)
    }

    /// Appends a name with its final zero; false for `.` and `..`.
    private static func append(_ entry: UnsafeMutablePointer<dirent>, to bytes: inout [CChar]) -> Bool {
        guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { return false }
        let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
        guard strcmp(name, ".") != 0, strcmp(name, "..") != 0 else { return false }
        bytes.append(contentsOf: UnsafeBufferPointer(start: name, count: strlen(name) + 1))
        return true
    }

    /// The status of an entry, never of what a symbolic link leads to.
    borrowing func status(of entry: DirectoryEntry) throws(FileError) -> FileStatus {
        var result = stat()
        _ = try systemCall("fstatat", path(of: entry), .reads) {
            fstatat(descriptor.raw.rawValue, entry.name, &result, AT_SYMLINK_NOFOLLOW)
        }
        return FileStatus(result)
    }

    /// Opens an entry for reading; a symbolic link is refused (ELOOP).
    borrowing func open(_ entry: DirectoryEntry) throws(FileError) -> OwnedDescriptor {
        try open(entry, flags: 0)
    }

    /// Opens an entry that is a directory; a symbolic link is refused (ENOTDIR).
    borrowing func openDirectory(_ entry: DirectoryEntry) throws(FileError) -> DirectoryHandle {
        DirectoryHandle(try open(entry, flags: O_DIRECTORY))
    }

    private borrowing func open(_ entry: DirectoryEntry, flags: Int32) throws(FileError) -> OwnedDescriptor {
        let number = try systemCall("openat", path(of: entry), .reads) {
            openat(descriptor.raw.rawValue, entry.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | flags)
        }
        return OwnedDescriptor(adopting: FileDescriptor(rawValue: number), path: path(of: entry))
    }

    /// Removes an entry: a directory only if empty and `isDirectory`.
    borrowing func unlink(_ entry: DirectoryEntry, isDirectory: Bool = false) throws(FileError) {
        _ = try systemCall(isDirectory ? "rmdir" : "unlink", path(of: entry), .changes) {
            unlinkat(descriptor.raw.rawValue, entry.name, isDirectory ? AT_REMOVEDIR : 0)
        }
    }
}
