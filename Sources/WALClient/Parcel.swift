import Codecs
import Files
import Glibc
import SystemPackage

/// One file to send, open and at its start: as it is, or compressed into a nameless temporary file.
struct Parcel: ~Copyable {
    let name: String
    /// What the original was when it was opened.
    let status: FileStatus
    let member: TarMember
    private let contents: OwnedDescriptor

    private init(_ name: String, _ status: FileStatus, _ member: TarMember, _ contents: consuming OwnedDescriptor) {
        self.name = name
        self.status = status
        self.member = member
        self.contents = contents
    }

    /// Opens a file; a directory or device is an error (EISDIR, EINVAL).
    static func open(_ path: FilePath, compression: CompressionFormat?, level: CodecLevel) throws -> Parcel {
        let file = try OwnedDescriptor(opening: path)
        let status = try file.status()
        guard status.kind == .regular else {
            let reason: Errno = status.kind == .directory ? .isDirectory : .invalidArgument
            throw FileError(call: "read", path: path, errno: reason)
        }
        file.expectSequentialReading()
        let name = path.lastComponent?.string ?? ""
        var member = member(name, status)
        guard let compression else { return Parcel(name, status, member, file) }
        let packed = try compress(file, compression, level)
        // The mode and owner of what is sent are those of the original, its time is that of the compressed file.
        let packedStatus = try packed.status()
        member.sizeBytes = packedStatus.sizeBytes
        member.modifiedSeconds = packedStatus.modifiedSeconds
        member.modifiedNanoseconds = packedStatus.modifiedNanoseconds
        return Parcel(name, status, member, packed)
    }

    private static func member(_ name: String, _ status: FileStatus) -> TarMember {
        TarMember(
            name: name,
            sizeBytes: status.sizeBytes,
            mode: UInt32(status.permissions.rawValue),
            owner: status.owner,
            group: status.group,
            modifiedSeconds: status.modifiedSeconds,
            modifiedNanoseconds: status.modifiedNanoseconds
        )
    }

    /// Compresses into a file that is gone with its descriptor.
    private static func compress(
        _ file: borrowing OwnedDescriptor,
        _ format: CompressionFormat,
        _ level: CodecLevel
    ) throws -> OwnedDescriptor {
        let path = FileSystem.temporaryDirectory.appending("barman-wal-\(FileSystem.randomNamePart())")
        let packed = try OwnedDescriptor(
            opening: path,
            .readWrite,
            options: [.create, .exclusiveCreate],
            permissions: FilePermissions(rawValue: 0o600)
        )
        try FileSystem.unlink(path)
        let descriptors = (file.raw.rawValue, packed.raw.rawValue)
        let reader = Borrowed(number: descriptors.0, path: file.path)
        let writer = Borrowed(number: descriptors.1, path: path)
        try Compressor(format: format, level: level).compress(read: reader.read, write: writer.write)
        try packed.seek(to: 0)
        return packed
    }

    /// Writes header, contents and padding to `output`; returns the checksum of the contents.
    ///
    /// A file that has become shorter is an error; what it has grown by is left out.
    borrowing func send(
        _ tar: inout TarWriter,
        _ algorithm: ChecksumAlgorithm,
        to output: borrowing OwnedDescriptor
    ) throws(FileError) -> String {
        try output.writeAll(tar.header(of: member))
        var checksum = Checksum(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        var rest = member.sizeBytes
        while rest > 0 {
            let wanted = Int(min(rest, Int64(buffer.count)))
            let count = try contents.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
            guard count > 0 else { throw FileError(call: "read", path: contents.path, errno: .ioError) }
            let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            checksum.update(piece)
            try output.writeAll(piece)
            rest -= Int64(count)
        }
        try output.writeAll(TarWriter.padding(after: member.sizeBytes))
        return checksum.hexadecimal()
    }
}

/// An open file that closures use while its owner waits for them.
struct Borrowed {
    let number: Int32
    let path: FilePath

    func read(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileError(call: "read", path: path, errno: Errno(rawValue: errno)) }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(number, rest.baseAddress, rest.count)
            if count < 0 {
                guard errno == EINTR else {
                    throw FileError(call: "write", path: path, errno: Errno(rawValue: errno))
                }
                continue
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
