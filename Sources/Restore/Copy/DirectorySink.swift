import Files
import Glibc
import SystemPackage

/// Writes restored things into directories of this host.
///
/// On a delta, what is there is read first and only blocks that differ are written.
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class DirectorySink: FileSink, @unchecked Sendable {
    /// What is rewritten at least when something differs: a page of PostgreSQL.
    private static let blockBytes = 8192

    private let isDelta: Bool
    private let counter: ByteCounter
    private let written: ByteCounter
    private var directories: [(path: FilePath, member: RestoredMember)] = []
    private var file: OwnedDescriptor?
    private var member: RestoredMember?
    private var position: Int64 = 0
    private var present: UnsafeMutableRawBufferPointer?

    /// `counter` gets the bytes that are in place, `written` those that had to be written for it.
    init(isDelta: Bool, counter: ByteCounter, written: ByteCounter) {
        self.isDelta = isDelta
        self.counter = counter
        self.written = written
    }

    deinit {
        present?.deallocate()
    }

    private func place(_ member: RestoredMember, _ root: RestoreRoot) -> FilePath {
        member.path.isEmpty ? FilePath(root.destination) : FilePath(root.destination).pushing(member.path)
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        let path = place(member, root)
        // A link to a directory stays: people move pg_wal elsewhere.
        switch try FileSystem.kindIfPresent(path) {
        case .directory: break
        case nil:
            if isDelta { try FileSystem.unlinkIfPresent(path) }
            try FileSystem.createDirectory(path, permissions: [.ownerReadWriteExecute])
        case .regular, .symbolicLink, .other:
            guard isDelta else { throw FileError(call: "mkdir", path: path, errno: .fileExists) }
            try FileSystem.unlink(path)
            try FileSystem.createDirectory(path, permissions: [.ownerReadWriteExecute])
        }
        directories.append((path, member))
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        let path = place(member, root)
        if isDelta {
            try clearWay(path)
            file = try OwnedDescriptor(
                opening: path,
                .readWrite,
                options: [.create, .noFollow],
                permissions: member.permissions.union(.ownerReadWrite)
            )
        } else {
            file = try OwnedDescriptor(
                opening: path,
                .writeOnly,
                options: [.create, .truncate, .noFollow],
                permissions: member.permissions.union(.ownerWrite)
            )
        }
        self.member = member
        position = 0
    }

    /// Removes what is no file where one must be, and lets us write to a file that is.
    private func clearWay(_ path: FilePath) throws {
        guard let status = try FileSystem.statusIfPresent(of: path, followingLinks: false) else { return }
        if status.kind != .regular {
            try FileSystem.removeTree(path)
        } else if !status.permissions.isSuperset(of: .ownerReadWrite) {
            try FileSystem.setPermissions(path, status.permissions.union(.ownerReadWrite))
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        if isDelta {
            try writeDifferences(bytes)
        } else {
            try file?.writeAll(bytes)
            written.add(Int64(bytes.count))
        }
        position += Int64(bytes.count)
        counter.add(Int64(bytes.count))
    }

    private func writeDifferences(_ bytes: UnsafeRawBufferPointer) throws {
        var offset = 0
        while offset < bytes.count {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[offset..<min(bytes.count, offset + CopyPiece.byteCount)])
            try writeDifferences(piece, at: position + Int64(offset))
            offset += piece.count
        }
    }

    private func writeDifferences(_ piece: UnsafeRawBufferPointer, at offset: Int64) throws {
        let present = self.present ?? CopyPiece.allocate()
        self.present = present
        var known = 0
        while known < piece.count {
            let room = UnsafeMutableRawBufferPointer(rebasing: present[known..<piece.count])
            let count = try file?.read(into: room, at: offset + Int64(known)) ?? 0
            if count == 0 { break }
            known += count
        }
        if known == piece.count, Self.areEqual(piece, present) { return }
        var start = 0
        while start < piece.count {
            let end = min(piece.count, start + Self.blockBytes)
            let block = UnsafeRawBufferPointer(rebasing: piece[start..<end])
            let old = UnsafeRawBufferPointer(rebasing: present[start..<end])
            if end > known || !Self.areEqual(block, old) {
                try file?.writeAll(block, at: offset + Int64(start))
                written.add(Int64(block.count))
            }
            start = end
        }
    }

    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeMutableRawBufferPointer) -> Bool {
        areEqual(left, UnsafeRawBufferPointer(rebasing: right[..<left.count]))
    }

    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let first = left.baseAddress, let second = right.baseAddress else { return left.count == right.count }
        return memcmp(first, second, left.count) == 0
    }

    func end() throws {
        guard let member else { return }
        self.member = nil
        let open = file.take()
        guard let open else { return }
        if isDelta {
            let status = try open.status()
            if status.sizeBytes != member.sizeBytes { try open.truncate(to: member.sizeBytes) }
        }
        try open.setPermissions(member.permissions)
        try open.setModified(seconds: member.modifiedSeconds, nanoseconds: member.modifiedNanoseconds)
        try open.close()
    }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        guard !isDelta else { return try stream(member, from: source, in: root) }
        let (counter, written) = (counter, written)
        try FileSystem.copyFile(from: source, to: place(member, root)) { count in
            counter.add(count)
            written.add(count)
        }
    }

    func close() throws {
        for (path, member) in directories.reversed() {
            try FileSystem.setPermissions(path, member.permissions)
            try FileSystem.setModified(path, seconds: member.modifiedSeconds, nanoseconds: member.modifiedNanoseconds)
        }
        directories = []
    }

    func flush() {}

    func abandon() {}
}
