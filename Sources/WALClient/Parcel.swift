import Codecs
import Files
import Glibc
import SystemPackage

/// One file to send, open and at its start: as it is, or compressed into a nameless temporary file.
final class Parcel {
    let name: String
    /// What the original was when it was opened.
    let status: FileStatus
    let member: TarMember
    private let contents: OwnedDescriptor
    private let checksum: FileChecksum

    private init(
        _ status: FileStatus,
        _ member: TarMember,
        _ contents: consuming OwnedDescriptor,
        _ checksum: FileChecksum
    ) {
        name = member.text
        self.status = status
        self.member = member
        self.contents = contents
        self.checksum = checksum
    }

    /// Opens a file, whose checksum is computed as soon as that of `earlier` is; a directory or device is an error (EISDIR, EINVAL).
    static func open(
        _ path: FilePath,
        compression: CompressionFormat?,
        level: CodecLevel,
        algorithm: ChecksumAlgorithm,
        after earlier: Parcel?
    ) throws -> Parcel {
        let file = try OwnedDescriptor(opening: path)
        let status = try file.status()
        guard status.kind == .regular else {
            let reason: Errno = status.kind == .directory ? .isDirectory : .invalidArgument
            throw FileError(call: "read", path: path, errno: reason)
        }
        file.expectSequentialReading()
        let name = path.lastComponent?.string ?? ""
        var member = member(name, status)
        guard let compression else {
            let checksum = try FileChecksum(
                algorithm,
                of: file,
                sizeBytes: member.sizeBytes,
                after: earlier?.checksum
            )
            return Parcel(status, member, file, checksum)
        }
        let packed = try compress(file, compression, level)
        // The mode and owner of what is sent are those of the original, its time is that of the compressed file.
        let packedStatus = try packed.status()
        member.sizeBytes = packedStatus.sizeBytes
        member.modifiedSeconds = packedStatus.modifiedSeconds
        member.modifiedNanoseconds = packedStatus.modifiedNanoseconds
        let checksum = try FileChecksum(algorithm, of: packed, sizeBytes: member.sizeBytes, after: earlier?.checksum)
        return Parcel(status, member, packed, checksum)
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

    /// Writes header, contents and padding to `output`, a pipe; returns the checksum of the contents.
    ///
    /// A file that has become shorter is an error; what it has grown by is left out. Should somebody write to it meanwhile, the
    /// checksum tells the other side.
    func send(_ tar: inout TarWriter, to output: borrowing OwnedDescriptor) throws(FileError) -> String {
        try output.writeAll(tar.header(of: member))
        var sent: Int64 = 0
        while sent < member.sizeBytes {
            // Inside the kernel nothing is copied.
            let count = try FileSystem.splice(from: contents, toPipe: output, count: member.sizeBytes - sent)
            if count == 0 { break }
            sent += count
        }
        try copy(from: sent, to: output)
        try output.writeAll(TarWriter.padding(after: member.sizeBytes))
        return try checksum.hexadecimal()
    }

    /// Sends what is left, for file systems that cannot do it by themselves.
    private func copy(from start: Int64, to output: borrowing OwnedDescriptor) throws(FileError) {
        guard start < member.sizeBytes else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = start
        while offset < member.sizeBytes {
            let wanted = Int(min(member.sizeBytes - offset, Int64(buffer.count)))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            let count = try contents.read(into: piece, at: offset)
            guard count > 0 else { throw FileError(call: "read", path: contents.path, errno: .ioError) }
            try output.writeAll(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += Int64(count)
        }
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
