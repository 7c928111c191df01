import CLZMA

/// Writes one `.xz` stream with CRC64 checks.
final class XZEncoder: Encoder {
    let blockBytes = 1 << 18
    let outputBytes = 1 << 18
    private let level: Int
    private let stream: UnsafeMutablePointer<lzma_stream>

    init(level: Int) {
        self.level = level
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    func begin(expectedBytes: Int64?) throws(CodecError) {
        guard lzma_easy_encoder(stream, UInt32(level), LZMA_CHECK_CRC64) == LZMA_OK else {
            throw CodecError(.xz, .memory)
        }
    }

    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        stream.setBuffers(input, output)
        let code = lzma_code(stream, isLast ? LZMA_FINISH : LZMA_RUN)
        guard code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR else {
            throw xzError(code)
        }
        var step = stream.step(input, output)
        step.isFinished = code == LZMA_STREAM_END
        return step
    }
}

/// Reads concatenated `.xz` streams; dictionaries of up to 64 MiB, which is what preset 9 makes.
final class XZDecoder: Decoder {
    private static let memoryLimitBytes: UInt64 = 96 << 20
    /// `LZMA_CONCATENATED` of lzma/container.h, a macro that Swift cannot see.
    private static let concatenated: UInt32 = 0x08
    private let stream: UnsafeMutablePointer<lzma_stream>
    private var isOpen = false
    private(set) var isComplete = false

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        if isComplete { return CodecStep() }
        if !isOpen {
            isOpen = lzma_stream_decoder(stream, Self.memoryLimitBytes, Self.concatenated) == LZMA_OK
            guard isOpen else { throw CodecError(.xz, .memory) }
        }
        stream.setBuffers(input, output)
        let code = lzma_code(stream, isLast ? LZMA_FINISH : LZMA_RUN)
        switch code {
        case LZMA_OK, LZMA_BUF_ERROR: break
        case LZMA_STREAM_END: isComplete = true
        default: throw xzError(code)
        }
        return stream.step(input, output)
    }
}

private func xzError(_ code: lzma_ret) -> CodecError {
    switch code {
    case LZMA_MEM_ERROR, LZMA_MEMLIMIT_ERROR: CodecError(.xz, .memory)
    case LZMA_FORMAT_ERROR: CodecError(.xz, .corrupt("not an xz stream"))
    case LZMA_OPTIONS_ERROR: CodecError(.xz, .corrupt("unsupported options"))
    default: CodecError(.xz, .corrupt("invalid data"))
    }
}

extension UnsafeMutablePointer<lzma_stream> {
    /// Points the library at its buffers.
    fileprivate func setBuffers(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) {
        pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        pointee.avail_in = input.count
        pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        pointee.avail_out = output.count
    }

    /// What was done since `setBuffers`.
    fileprivate func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> CodecStep {
        CodecStep(
            consumedBytes: input.count - pointee.avail_in,
            producedBytes: output.count - pointee.avail_out
        )
    }
}
