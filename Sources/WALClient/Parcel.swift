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

    private init(_ status: FileStatus, _ member: TarMember, _ contents: consuming OwnedDescriptor) {
        name = member.text
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
        guard let compression else { return Parcel(status, member, file) }
        let packed = try compress(file, compression, level)
        // The mode and owner of what is sent are those of the original, its time is that of the compressed file.
        let packedStatus = try packed.status()
        member.sizeBytes = packedStatus.sizeBytes
        member.modifiedSeconds = packedStatus.modifiedSeconds
        member.modifiedNanoseconds = packedStatus.modifiedNanoseconds
        return Parcel(status, member, packed)
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
        let packed = try OwnedDescriptor.nameless(in: FileSystem.temporaryDirectory)
        let descriptors = (file.raw.rawValue, packed.raw.rawValue)
        let reader = Borrowed(number: descriptors.0, path: file.path)
        let writer = Borrowed(number: descriptors.1, path: packed.path)
        try Compressor(format: format, level: level).compress(read: reader.read, write: writer.write)
        try packed.seek(to: 0)
        return packed
    }

    /// Writes the contents to `output`, a pipe, and feeds them to a checksum: while whoever reads the pipe is busy, that takes no time.
    ///
    /// A file that has become shorter is an error; what it has grown by is left out. Should somebody write to it meanwhile, the
    /// checksum tells the other side.
    func send(to output: borrowing OwnedDescriptor, _ checksum: inout Checksum) throws(FileError) {
        let buffer = Self.makeBuffer()
        defer { buffer.deallocate() }
        var canSplice = true
        var sent: Int64 = 0
        while sent < member.sizeBytes {
            var wanted = min(member.sizeBytes - sent, Int64(buffer.count))
            if canSplice {
                // Inside the kernel nothing is copied; not every file system can do it.
                let spliced = try FileSystem.splice(from: contents, toPipe: output, count: wanted)
                canSplice = spliced > 0
                if canSplice { wanted = spliced }
            }
            let piece = try read(Int(wanted), at: sent, into: buffer)
            if !canSplice { try output.writeAll(piece) }
            checksum.update(piece)
            sent += wanted
        }
    }

    /// The checksum of the contents, read again.
    func checksum(_ algorithm: ChecksumAlgorithm) throws(FileError) -> String {
        let buffer = Self.makeBuffer()
        defer { buffer.deallocate() }
        var checksum = Checksum(algorithm)
        var offset: Int64 = 0
        while offset < member.sizeBytes {
            let wanted = min(member.sizeBytes - offset, Int64(buffer.count))
            checksum.update(try read(Int(wanted), at: offset, into: buffer))
            offset += wanted
        }
        return checksum.hexadecimal()
    }

    /// Few enough bytes to stay in a processor's cache between the copy and the checksum.
    private static func makeBuffer() -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: 1 << 18, alignment: 4096)
    }

    /// Reads so many bytes, all of them.
    private func read(
        _ count: Int,
        at offset: Int64,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(FileError) -> UnsafeRawBufferPointer {
        var filled = 0
        while filled < count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<count])
            let more = try contents.read(into: rest, at: offset + Int64(filled))
            guard more > 0 else { throw FileError(call: "read", path: contents.path, errno: .ioError) }
            filled += more
        }
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
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
