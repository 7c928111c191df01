import CDeflate
import CZlib

/// Writes gzip as a chain of members, each one block compressed in one go by libdeflate.
///
/// Every program that reads gzip reads such a file. An extra field (RFC 1952, 2.3.1.1) of our own in each member says
/// how long the member is and whether another follows: so the reader can use libdeflate as well, and sees when a file
/// was cut between two members.
final class GzipEncoder: Encoder {
    /// What goes into one member.
    static let blockSize = 1 << 20
    /// No member of ours is longer: deflate stores what it cannot compress, 5 bytes for each 64 KiB.
    static let longestMember = blockSize + (blockSize >> 10) + 64
    static let headerBytes = 24
    static let trailerBytes = 8

    let blockBytes = GzipEncoder.blockSize
    let outputBytes = GzipEncoder.longestMember
    private let compressor: OpaquePointer

    init(level: Int) throws(CodecError) {
        guard let compressor = libdeflate_alloc_compressor(Self.libraryLevel(level)) else {
            throw CodecError(.gzip, .memory)
        }
        self.compressor = compressor
    }

    deinit {
        libdeflate_free_compressor(compressor)
    }

    /// The level of libdeflate for zlib's `level`: about its size in a fraction of its time.
    ///
    /// At 6, what the reference takes unless told otherwise, WAL may be up to 4 % larger: level 4 does a quarter more in a second
    /// than level 5, which would be 1 % larger only. Who wants it small asks for 7 and more.
    static func libraryLevel(_ level: Int) -> Int32 {
        switch level {
        case ...1: 1
        case 2...3: Int32(level)
        case 4...6: 4
        case 7: 6
        case 8: 7
        default: 9
        }
    }

    func begin(expectedBytes: Int64?) {}

    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        let room = output.count - Self.headerBytes - Self.trailerBytes
        let body = UnsafeMutableRawBufferPointer(rebasing: output[Self.headerBytes...])
        // An empty block still needs an address.
        let source = input.baseAddress ?? UnsafeRawPointer(output.baseAddress)
        let count = libdeflate_deflate_compress(compressor, source, input.count, body.baseAddress, room)
        guard count > 0 else { throw CodecError(.gzip, .corrupt("no room for a member")) }
        let memberBytes = Self.headerBytes + count + Self.trailerBytes
        GzipMemberHeader(memberBytes: memberBytes, isFollowed: !isLast).write(to: output)
        let checksum = libdeflate_crc32(0, source, input.count)
        output.storeBytes(of: checksum.littleEndian, toByteOffset: memberBytes - 8, as: UInt32.self)
        output.storeBytes(of: UInt32(input.count).littleEndian, toByteOffset: memberBytes - 4, as: UInt32.self)
        return CodecStep(consumedBytes: input.count, producedBytes: memberBytes, isFinished: isLast)
    }
}

/// What the extra field of our members says.
struct GzipMemberHeader {
    /// Header, compressed data and trailer together.
    let memberBytes: Int
    /// Another member must follow.
    let isFollowed: Bool

    /// gzip, deflate, FEXTRA; no time; no hint; unknown system; 12 bytes of extra field: `SB`, 8 bytes.
    static let start: [UInt8] = [0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 255, 12, 0, 0x53, 0x42, 8, 0]

    init(memberBytes: Int, isFollowed: Bool) {
        self.memberBytes = memberBytes
        self.isFollowed = isFollowed
    }

    /// Reads the header of a member of ours; `nil` when somebody else wrote it, or it is cut short.
    init?(_ input: UnsafeRawBufferPointer) {
        guard input.count >= GzipEncoder.headerBytes, input.starts(with: Self.start) else { return nil }
        memberBytes = Int(UInt32(littleEndian: input.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        isFollowed = input[20] & 1 == 1
    }

    func write(to output: UnsafeMutableRawBufferPointer) {
        output.copyBytes(from: Self.start)
        output.storeBytes(of: UInt32(memberBytes).littleEndian, toByteOffset: 16, as: UInt32.self)
        output.storeBytes(of: UInt32(isFollowed ? 1 : 0).littleEndian, toByteOffset: 20, as: UInt32.self)
    }
}

/// Reads gzip: members of ours by libdeflate, a block at a time, any other member by zlib.
final class GzipDecoder: Decoder {
    /// Where in the file the decoder is.
    private enum State {
        /// Before a member; the flag says that one must come.
        case boundary(isFollowed: Bool)
        /// Inside a member that zlib reads.
        case member(isFollowed: Bool)
    }

    private let stream: UnsafeMutablePointer<z_stream>
    private let decompressor: OpaquePointer
    private var state = State.boundary(isFollowed: true)

    init() throws(CodecError) {
        guard let decompressor = libdeflate_alloc_decompressor() else { throw CodecError(.gzip, .memory) }
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.decompressor = decompressor
        // 15 bits of window, +16 for the gzip wrapping (zlib.h, inflateInit2).
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw CodecError(.gzip, .memory) }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        libdeflate_free_decompressor(decompressor)
    }

    var isComplete: Bool {
        if case .boundary(isFollowed: false) = state { true } else { false }
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        switch state {
        case .boundary(let isFollowed):
            try startMember(input, isLast: isLast, isFollowed: isFollowed, into: output)
        case .member(let isFollowed):
            try inflateMember(input, isFollowed: isFollowed, into: output)
        }
    }

    private func startMember(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        isFollowed: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        if !isFollowed, input.first == 0 {
            // Padding after the last member, as tapes and gzip allow.
            return CodecStep(consumedBytes: input.prefix { $0 == 0 }.count)
        }
        guard input.count >= GzipEncoder.headerBytes || isLast else { return CodecStep() }
        guard !input.isEmpty else { return CodecStep() }
        guard let header = GzipMemberHeader(input) else {
            return try inflateMember(input, isFollowed: false, into: output)
        }
        let smallest = GzipEncoder.headerBytes + GzipEncoder.trailerBytes
        guard header.memberBytes > smallest, header.memberBytes <= GzipEncoder.longestMember else {
            throw CodecError(.gzip, .corrupt("impossible length of a member"))
        }
        guard input.count >= header.memberBytes else {
            if isLast { throw CodecError(.gzip, .truncated) }
            return CodecStep()
        }
        let sizeOffset = header.memberBytes - 4
        let size = Int(UInt32(littleEndian: input.loadUnaligned(fromByteOffset: sizeOffset, as: UInt32.self)))
        guard size <= output.count else {
            return try inflateMember(input, isFollowed: header.isFollowed, into: output)
        }
        try decodeMember(input, header, size: size, into: output)
        state = .boundary(isFollowed: header.isFollowed)
        return CodecStep(consumedBytes: header.memberBytes, producedBytes: size)
    }

    /// Decodes one member of ours that is wholly there and wholly fits.
    private func decodeMember(
        _ input: UnsafeRawBufferPointer,
        _ header: GzipMemberHeader,
        size: Int,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) {
        let bodyBytes = header.memberBytes - GzipEncoder.headerBytes - GzipEncoder.trailerBytes
        let body = UnsafeRawBufferPointer(rebasing: input[GzipEncoder.headerBytes...])
        var taken = 0
        var produced = 0
        let code = libdeflate_deflate_decompress_ex(
            decompressor,
            body.baseAddress,
            bodyBytes,
            output.baseAddress,
            size,
            &taken,
            &produced
        )
        let checksumOffset = header.memberBytes - 8
        let checksum = UInt32(littleEndian: input.loadUnaligned(fromByteOffset: checksumOffset, as: UInt32.self))
        guard code == LIBDEFLATE_SUCCESS, taken == bodyBytes, produced == size else {
            throw CodecError(.gzip, .corrupt("invalid deflate data"))
        }
        guard libdeflate_crc32(0, output.baseAddress, size) == checksum else {
            throw CodecError(.gzip, .corrupt("checksum mismatch"))
        }
    }

    private func inflateMember(
        _ input: UnsafeRawBufferPointer,
        isFollowed: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        state = .member(isFollowed: isFollowed)
        let inputBytes = min(input.count, Int(UInt32.max >> 1))
        let outputBytes = min(output.count, Int(UInt32.max >> 1))
        // zlib promises not to write to its input.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self)
        )
        stream.pointee.avail_in = UInt32(inputBytes)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = UInt32(outputBytes)
        let code = inflate(stream, Z_NO_FLUSH)
        let step = CodecStep(
            consumedBytes: inputBytes - Int(stream.pointee.avail_in),
            producedBytes: outputBytes - Int(stream.pointee.avail_out)
        )
        switch code {
        case Z_OK, Z_BUF_ERROR:
            return step
        case Z_STREAM_END:
            inflateReset(stream)
            state = .boundary(isFollowed: isFollowed)
            return step
        case Z_MEM_ERROR:
            throw CodecError(.gzip, .memory)
        default:
            throw CodecError(.gzip, .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)"))
        }
    }
}
