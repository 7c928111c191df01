/// Compresses one stream after another with the same memory: about 2 MiB beside what the library takes.
///
/// Belongs to one thread at a time.
public final class Compressor {
    /// What is written.
    public let format: CompressionFormat
    private let encoder: any Encoder
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer

    /// Sets the library up; `level` is in the scale of the format.
    public init(format: CompressionFormat, level: CodecLevel = .medium) throws(CodecError) {
        self.format = format
        switch format {
        case .bzip2: encoder = BZip2Encoder(level: level.number(for: format))
        case .gzip: encoder = try GzipEncoder(level: level.number(for: format))
        case .lz4: encoder = try LZ4Encoder(level: level.number(for: format))
        case .snappy: throw CodecError(format, .unsupported)
        case .xz: encoder = XZEncoder(level: level.number(for: format))
        case .zstd: encoder = try ZstdEncoder(level: level.number(for: format))
        }
        input = .allocate(byteCount: encoder.blockBytes + 1, alignment: 64)
        output = .allocate(byteCount: encoder.outputBytes, alignment: 64)
    }

    deinit {
        input.deallocate()
        output.deallocate()
    }

    /// Reads until `read` gives 0 and writes one complete stream; returns the bytes written.
    ///
    /// `expectedBytes`, when the size is known, is noted in the stream by formats that can.
    @discardableResult
    public func compress(
        expectedBytes: Int64? = nil,
        read: (UnsafeMutableRawBufferPointer) throws -> Int,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int64 {
        try encoder.begin(expectedBytes: expectedBytes)
        var writtenBytes: Int64 = 0
        var filled = 0
        var isAtEnd = false
        while true {
            // One byte more than a block, to know whether the block is the last one.
            while !isAtEnd, filled < input.count {
                let count = try read(UnsafeMutableRawBufferPointer(rebasing: input[filled...]))
                isAtEnd = count == 0
                filled += count
            }
            let block = UnsafeRawBufferPointer(rebasing: input[..<min(filled, encoder.blockBytes)])
            let isLast = isAtEnd && filled == block.count
            writtenBytes += try encode(block, isLast: isLast, write: write)
            if isLast { return writtenBytes }
            input.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[block.count..<filled]))
            filled -= block.count
        }
    }

    /// Compresses bytes in memory to a frame that can be read without those before it; returns the bytes written.
    ///
    /// A file of such frames, one after another, is read as one; `isFollowed` says that another one comes.
    @discardableResult
    public func compressFrame(
        _ bytes: UnsafeRawBufferPointer,
        isFollowed: Bool,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int64 {
        try encoder.begin(expectedBytes: Int64(bytes.count))
        // The members of our gzip are frames themselves, and tell whether another follows.
        let endsStream = format != .gzip || !isFollowed
        var writtenBytes: Int64 = 0
        var offset = 0
        repeat {
            let end = min(offset + encoder.blockBytes, bytes.count)
            let block = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            writtenBytes += try encode(block, isLast: endsStream && end == bytes.count, write: write)
            offset = end
        } while offset < bytes.count
        return writtenBytes
    }

    /// Feeds one block to the library until it has taken all of it.
    private func encode(
        _ block: UnsafeRawBufferPointer,
        isLast: Bool,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int64 {
        var writtenBytes: Int64 = 0
        var taken = 0
        while true {
            let step = try encoder.encode(block.dropping(taken), isLast: isLast, into: output)
            taken += step.consumedBytes
            if step.producedBytes > 0 {
                try write(UnsafeRawBufferPointer(rebasing: output[..<step.producedBytes]))
                writtenBytes += Int64(step.producedBytes)
            }
            if isLast ? step.isFinished : taken == block.count { return writtenBytes }
        }
    }
}
