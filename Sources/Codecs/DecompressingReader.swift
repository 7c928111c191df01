/// Reads a compressed file as if it were plain: any number of concatenated streams, in bounded memory.
///
/// Belongs to one thread at a time.
public final class DecompressingReader {
    /// The format found; `nil` for plain data, which passes through.
    public let format: CompressionFormat?
    private let source: (UnsafeMutableRawBufferPointer) throws -> Int
    private let decoder: (any Decoder)?
    private let input: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isAtEnd = false

    /// The size of the pieces in which `read` is fastest.
    public static let preferredBytes = GzipEncoder.blockSize

    /// Reads the first bytes from `source` and recognises the format by them.
    ///
    /// `source` fills a buffer and returns the number of bytes, 0 at the end. A format that is known already is not doubted.
    public init(
        assuming known: CompressionFormat? = nil,
        source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: GzipEncoder.longestMember, alignment: 64)
        do {
            var filled = 0
            var isAtEnd = false
            while !isAtEnd, filled < CompressionFormat.longestMagicBytes {
                let count = try source(UnsafeMutableRawBufferPointer(rebasing: input[filled...]))
                isAtEnd = count == 0
                filled += count
            }
            let format = known ?? CompressionFormat.detect(prefix: input[..<filled])
            decoder = try format.map { format throws(CodecError) in try Self.makeDecoder(format) }
            self.format = format
            self.isAtEnd = isAtEnd
            end = filled
        } catch {
            input.deallocate()
            throw error
        }
        self.input = input
        self.source = source
    }

    deinit {
        input.deallocate()
    }

    static func makeDecoder(_ format: CompressionFormat) throws(CodecError) -> any Decoder {
        switch format {
        case .bzip2: BZip2Decoder()
        case .gzip: try GzipDecoder()
        case .lz4: try LZ4Decoder()
        case .snappy: throw CodecError(format, .unsupported)
        case .xz: XZDecoder()
        case .zstd: try ZstdDecoder()
        }
    }

    /// Fills `buffer` from its start and returns the number of bytes; 0 at the end of a complete file.
    ///
    /// Throws when the compressed data is damaged or ends too early.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let decoder, let format else { return try readPlain(into: buffer) }
        guard !buffer.isEmpty else { return 0 }
        while true {
            let piece = UnsafeRawBufferPointer(rebasing: input[start..<end])
            let step = try decoder.decode(piece, isLast: isAtEnd, into: buffer)
            start += step.consumedBytes
            if step.producedBytes > 0 { return step.producedBytes }
            if step.consumedBytes > 0 { continue }
            if isAtEnd {
                guard start == end, decoder.isComplete else { throw CodecError(format, .truncated) }
                return 0
            }
            try refill(format)
        }
    }

    /// Fills `buffer` to its end unless the file ends before; returns the number of bytes.
    public func readFully(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    private func readPlain(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard start == end else {
            let count = min(end - start, buffer.count)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[start..<start + count]))
            start += count
            return count
        }
        return isAtEnd ? 0 : try source(buffer)
    }

    /// Moves what is left to the front and reads more behind it.
    private func refill(_ format: CompressionFormat) throws {
        if start > 0 {
            input.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[start..<end]))
            end -= start
            start = 0
        }
        guard end < input.count else { throw CodecError(format, .corrupt("no progress")) }
        let count = try source(UnsafeMutableRawBufferPointer(rebasing: input[end...]))
        isAtEnd = count == 0
        end += count
    }
}
