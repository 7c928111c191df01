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
    borrowing func entries() throws(FileError) -> [DirectoryEntry] {
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
        var entries: [DirectoryEntry] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno == 0 { break }
                throw FileError(call: "readdir", path: path, errno: Errno(rawValue: errno))
            }
            if let read = Self.read(entry) { entries.append(read) }
        }
        entries.sort { strcmp($0.name, $1.name) < 0 }
        return entries
    }

    private static func read(_ entry: UnsafeMutablePointer<dirent>) -> DirectoryEntry? {
        guard let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) else { return nil }
        let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
        let length = strlen(start)
        let name = Array(UnsafeBufferPointer(start: start, count: length + 1))
        let dot = CChar(0x2E)
        if name == [dot, 0] || name == [dot, dot, 0] { return nil }
        return DirectoryEntry(name: name)
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
