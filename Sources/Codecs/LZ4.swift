import CLZ4

/// Writes one LZ4 frame of linked 1 MiB blocks with a checksum.
final class LZ4Encoder: Encoder {
    let blockBytes = 1 << 20
    let outputBytes: Int
    private let context: OpaquePointer
    private var preferences = LZ4F_preferences_t()
    private var isStarted = false

    init(level: Int) throws(CodecError) {
        preferences.compressionLevel = Int32(level)
        preferences.autoFlush = 1
        preferences.frameInfo.blockSizeID = LZ4F_max1MB
        preferences.frameInfo.blockMode = LZ4F_blockLinked
        preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled
        // Room for the header of the frame before the first block.
        outputBytes = LZ4F_compressBound(blockBytes, &preferences) + 64
        var made: OpaquePointer?
        guard LZ4F_isError(LZ4F_createCompressionContext(&made, UInt32(LZ4F_VERSION))) == 0, let made else {
            throw CodecError(.lz4, .memory)
        }
        context = made
    }

    deinit {
        LZ4F_freeCompressionContext(context)
    }

    func begin(expectedBytes: Int64?) {
        // 0 means that the size is not known.
        preferences.frameInfo.contentSize = UInt64(max(expectedBytes ?? 0, 0))
        isStarted = false
    }

    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        var step = CodecStep()
        if !isStarted {
            step.producedBytes = try checked(
                LZ4F_compressBegin(context, output.baseAddress, output.count, &preferences)
            )
            isStarted = true
        }
        if !input.isEmpty {
            let room = UnsafeMutableRawBufferPointer(rebasing: output[step.producedBytes...])
            step.producedBytes += try checked(
                LZ4F_compressUpdate(context, room.baseAddress, room.count, input.baseAddress, input.count, nil)
            )
            step.consumedBytes = input.count
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: output[step.producedBytes...])
        // The end needs a few bytes; when they do not fit, the next step writes them.
        if isLast, input.isEmpty || room.count >= 64 {
            step.producedBytes += try checked(LZ4F_compressEnd(context, room.baseAddress, room.count, nil))
            step.isFinished = true
        }
        return step
    }
}

/// Reads concatenated LZ4 frames.
final class LZ4Decoder: Decoder {
    private let context: OpaquePointer
    private(set) var isComplete = false

    init() throws(CodecError) {
        var made: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))) == 0, let made else {
            throw CodecError(.lz4, .memory)
        }
        context = made
    }

    deinit {
        LZ4F_freeDecompressionContext(context)
    }

    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep {
        if isComplete, input.isEmpty { return CodecStep() }
        var produced = output.count
        var taken = input.count
        let hint = LZ4F_decompress(context, output.baseAddress, &produced, input.baseAddress, &taken, nil)
        _ = try checked(hint)
        isComplete = hint == 0
        return CodecStep(consumedBytes: taken, producedBytes: produced)
    }
}

private func checked(_ code: Int) throws(CodecError) -> Int {
    guard LZ4F_isError(code) == 0 else {
        throw CodecError(.lz4, .corrupt(String(cString: LZ4F_getErrorName(code))))
    }
    return code
}
