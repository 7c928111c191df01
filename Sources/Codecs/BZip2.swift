import CBZip2

/// Writes one bzip2 stream.
final class BZip2Encoder: Encoder {
    let blockBytes = 1 << 18
    let outputBytes = 1 << 18
    private let level: Int
    private let stream: UnsafeMutablePointer<bz_stream>
    private var isOpen = false

    init(level: Int) {
        self.level = level
        stream = .allocate(capacity: 1)
        stream.initialize(to: bz_stream())
    }

    deinit {
        if isOpen { BZ2_bzCompressEnd(stream) }
        stream.deallocate()
    }

    func begin(expectedBytes: Int64?) throws(CodecError) {
        if isOpen { BZ2_bzCompressEnd(stream) }
        stream.pointee = bz_stream()
        isOpen = BZ2_bzCompressInit(stream, Int32(level), 0, 0) == BZ_OK
        guard isOpen else { throw CodecError(.bzip2, .memory) }
    }

    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        stream.setBuffers(input, output)
        let code = BZ2_bzCompress(stream, isLast ? BZ_FINISH : BZ_RUN)
        guard code >= 0 else { throw CodecError(.bzip2, .corrupt("bzip2 error \(code)")) }
        var step = stream.step(input, output)
        step.isFinished = code == BZ_STREAM_END
        return step
    }
}

/// Reads concatenated bzip2 streams.
final class BZip2Decoder: Decoder {
    private let stream: UnsafeMutablePointer<bz_stream>
    private var isOpen = false
    private(set) var isComplete = false

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: bz_stream())
    }

    deinit {
        if isOpen { BZ2_bzDecompressEnd(stream) }
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        if !isOpen {
            if input.isEmpty { return CodecStep() }
            stream.pointee = bz_stream()
            isOpen = BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK
            guard isOpen else { throw CodecError(.bzip2, .memory) }
            isComplete = false
        }
        stream.setBuffers(input, output)
        let code = BZ2_bzDecompress(stream)
        switch code {
        case BZ_OK:
            break
        case BZ_STREAM_END:
            BZ2_bzDecompressEnd(stream)
            isOpen = false
            isComplete = true
        case BZ_MEM_ERROR:
            throw CodecError(.bzip2, .memory)
        default:
            throw CodecError(.bzip2, .corrupt("bzip2 error \(code)"))
        }
        return stream.step(input, output)
    }
}

extension UnsafeMutablePointer<bz_stream> {
    /// Points the library at its buffers; it promises not to write to its input.
    fileprivate func setBuffers(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) {
        pointee.next_in = UnsafeMutablePointer<CChar>(
            mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self)
        )
        pointee.avail_in = UInt32(min(input.count, Int(UInt32.max >> 1)))
        pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        pointee.avail_out = UInt32(min(output.count, Int(UInt32.max >> 1)))
    }

    /// What was done since `setBuffers`.
    fileprivate func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> CodecStep {
        CodecStep(
            consumedBytes: min(input.count, Int(UInt32.max >> 1)) - Int(pointee.avail_in),
            producedBytes: min(output.count, Int(UInt32.max >> 1)) - Int(pointee.avail_out)
        )
    }
}
