import CZstd

/// Writes one Zstandard frame with a checksum.
final class ZstdEncoder: Encoder {
    let blockBytes = 1 << 18
    let outputBytes = 1 << 18
    private let context: OpaquePointer

    /// The level whose tables are ours: pages and WAL repeat what stands close by.
    ///
    /// Tables that stay in a core's first cache save a quarter of the time, and find nearer matches, which are shorter to
    /// write: heap and index pages get 3 to 5 % smaller, most WAL a little. The library's own have 17 and 16 bits.
    private static let pageLevel = 3
    private static let longTableBits: Int32 = 14
    private static let shortTableBits: Int32 = 13

    init(level: Int) throws(CodecError) {
        guard let context = ZSTD_createCCtx() else { throw CodecError(.zstd, .memory) }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        if level == Self.pageLevel {
            ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, Self.longTableBits)
            ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, Self.shortTableBits)
        }
    }

    deinit {
        ZSTD_freeCCtx(context)
    }

    func begin(expectedBytes: Int64?) {
        ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        if let expectedBytes, expectedBytes >= 0 {
            ZSTD_CCtx_setPledgedSrcSize(context, UInt64(expectedBytes))
        }
    }

    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let left = ZSTD_compressStream2(context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
        guard ZSTD_isError(left) == 0 else { throw zstdError(left) }
        return CodecStep(consumedBytes: source.pos, producedBytes: target.pos, isFinished: isLast && left == 0)
    }
}

/// Reads concatenated Zstandard frames with windows of up to 128 MiB, the library's own limit.
final class ZstdDecoder: Decoder {
    private let context: OpaquePointer
    private(set) var isComplete = false

    init() throws(CodecError) {
        guard let context = ZSTD_createDCtx() else { throw CodecError(.zstd, .memory) }
        self.context = context
    }

    deinit {
        ZSTD_freeDCtx(context)
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        // Between frames without input there is nothing to ask the library, which would start a new frame.
        if isComplete, input.isEmpty { return CodecStep() }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let hint = ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(hint) == 0 else { throw zstdError(hint) }
        isComplete = hint == 0
        return CodecStep(consumedBytes: source.pos, producedBytes: target.pos)
    }
}

private func zstdError(_ code: Int) -> CodecError {
    if ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation { return CodecError(.zstd, .memory) }
    return CodecError(.zstd, .corrupt(String(cString: ZSTD_getErrorName(code))))
}
