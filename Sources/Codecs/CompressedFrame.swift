import CZstd

/// Where a frame of a compressed file ends, told without decompressing it: frames can be decompressed side by side.
public struct CompressedFrame: Equatable, Sendable {
    /// Its length.
    public let sizeBytes: Int
    /// The most that comes out of it.
    public let plainBytes: Int
    /// Whether it says that another frame must come.
    public let isFollowed: Bool

    /// What the first bytes tell.
    public enum Finding: Equatable, Sendable {
        /// A frame is wholly there.
        case frame(CompressedFrame)
        /// More bytes are needed to tell.
        case incomplete
        /// The frame does not tell its size, or is none.
        case unknown
    }

    /// Looks at the bytes at the start of a frame.
    ///
    /// That a frame is found does not mean that it is sound.
    public static func find(_ format: CompressionFormat, in bytes: UnsafeRawBufferPointer) -> Finding {
        switch format {
        case .gzip: gzip(bytes)
        case .zstd: zstd(bytes)
        case .lz4: lz4(bytes)
        case .bzip2, .snappy, .xz: .unknown
        }
    }

    /// Copies the frame, as a file of its own, to the start of `room`, which is long enough; returns its length.
    public func cut(from bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int {
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<sizeBytes]))
        // Only members of our gzip say that they are followed, in this byte.
        if isFollowed { room[20] &= 0xFE }
        return sizeBytes
    }

    /// A member of ours says how long it is.
    private static func gzip(_ bytes: UnsafeRawBufferPointer) -> Finding {
        guard bytes.count >= GzipEncoder.headerBytes else { return .incomplete }
        guard let header = GzipMemberHeader(bytes), header.memberBytes <= GzipEncoder.longestMember,
            header.memberBytes > GzipEncoder.headerBytes + GzipEncoder.trailerBytes
        else { return .unknown }
        guard bytes.count >= header.memberBytes else { return .incomplete }
        return .frame(
            CompressedFrame(
                sizeBytes: header.memberBytes,
                plainBytes: GzipEncoder.blockSize,
                isFollowed: header.isFollowed
            )
        )
    }

    /// Blocks with their lengths, and usually the size of the contents in the header (RFC 8878, 3.1.1).
    private static func zstd(_ bytes: UnsafeRawBufferPointer) -> Finding {
        guard bytes.count >= 18, let start = bytes.baseAddress else { return .incomplete }
        let plain = ZSTD_getFrameContentSize(start, bytes.count)
        // ZSTD_CONTENTSIZE_UNKNOWN and ZSTD_CONTENTSIZE_ERROR are the two largest numbers.
        guard plain < UInt64(Int64.max) else { return .unknown }
        let size = ZSTD_findFrameCompressedSize(start, bytes.count)
        guard ZSTD_isError(size) == 0 else {
            return ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong ? .incomplete : .unknown
        }
        return .frame(CompressedFrame(sizeBytes: size, plainBytes: Int(clamping: plain), isFollowed: false))
    }

    /// Blocks with their lengths, the size of the contents optional (LZ4 frame format 1.6).
    private static func lz4(_ bytes: UnsafeRawBufferPointer) -> Finding {
        guard bytes.count >= 7 else { return .incomplete }
        guard bytes.starts(with: [0x04, 0x22, 0x4D, 0x18]) else { return .unknown }
        let flags = bytes[4]
        let largestBlock = [4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22][Int(bytes[5] >> 4 & 7)]
        guard flags >> 6 == 1, let largestBlock else { return .unknown }
        var offset = 7 + (flags & 0x08 != 0 ? 8 : 0) + (flags & 0x01 != 0 ? 4 : 0)
        let trailer = flags & 0x10 != 0 ? 4 : 0
        var blocks = 0
        while true {
            guard bytes.count >= offset + 4 else { return .incomplete }
            let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset += 4
            if word == 0 { break }
            offset += Int(word & 0x7FFF_FFFF) + trailer
            blocks += 1
        }
        offset += flags & 0x04 != 0 ? 4 : 0
        guard bytes.count >= offset else { return .incomplete }
        return .frame(CompressedFrame(sizeBytes: offset, plainBytes: blocks * largestBlock, isFollowed: false))
    }
}
