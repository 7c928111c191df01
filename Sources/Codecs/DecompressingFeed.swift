/// Decompresses a stream that is pushed at it, piece by piece, in bounded memory.
///
/// Belongs to one thread at a time.
public final class DecompressingFeed {
    /// The format of the stream.
    public let format: CompressionFormat
    private let decoder: any Decoder
    private let output: UnsafeMutableRawBufferPointer
    /// What the decoder could not use yet.
    private var rest: [UInt8] = []

    /// Sets the library up for one stream.
    public init(format: CompressionFormat) throws(CodecError) {
        self.format = format
        decoder = try DecompressingReader.makeDecoder(format)
        output = .allocate(byteCount: GzipEncoder.blockSize, alignment: 64)
    }

    deinit {
        output.deallocate()
    }

    /// Takes the next piece and hands out what comes of it; throws when the data is damaged.
    public func take(
        _ bytes: UnsafeRawBufferPointer,
        _ handle: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard rest.isEmpty else {
            rest.append(contentsOf: bytes)
            let whole = rest
            rest = []
            try whole.withUnsafeBytes { try decode($0, isLast: false, handle) }
            return
        }
        try decode(bytes, isLast: false, handle)
    }

    /// The stream is over; throws when it should not be.
    public func finish(_ handle: (UnsafeRawBufferPointer) throws -> Void) throws {
        let whole = rest
        rest = []
        try whole.withUnsafeBytes { try decode($0, isLast: true, handle) }
        guard rest.isEmpty, decoder.isComplete else { throw CodecError(format, .truncated) }
    }

    private func decode(
        _ bytes: UnsafeRawBufferPointer,
        isLast: Bool,
        _ handle: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = bytes
        while true {
            let step = try decoder.decode(input, isLast: isLast, into: output)
            input = input.dropping(step.consumedBytes)
            if step.producedBytes > 0 {
                try handle(UnsafeRawBufferPointer(rebasing: output[..<step.producedBytes]))
            }
            if step.consumedBytes == 0, step.producedBytes == 0 { break }
        }
        guard rest.count + input.count <= GzipEncoder.longestMember else {
            throw CodecError(format, .corrupt("no progress"))
        }
        rest.append(contentsOf: input)
    }
}
