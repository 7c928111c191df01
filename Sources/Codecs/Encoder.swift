/// What one step of an encoder or decoder did.
struct CodecStep {
    /// Bytes taken from the input.
    var consumedBytes = 0
    /// Bytes put into the output.
    var producedBytes = 0
    /// True when an encoder has written its stream to the end; decoders leave it false.
    var isFinished = false
}

/// One compression library as a machine of steps, reusable for one stream after another.
protocol Encoder: AnyObject {
    /// The input comes in blocks of exactly this size; only the last may be shorter.
    var blockBytes: Int { get }
    /// The output has at least this room in every step.
    var outputBytes: Int { get }
    /// Starts a stream; the size of what will come, when known.
    func begin(expectedBytes: Int64?) throws(CodecError)
    /// Takes what is left of a block; `isLast` says that nothing follows it.
    func encode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep
}

/// One decompression library as a machine of steps, for one file.
protocol Decoder: AnyObject {
    /// True between two streams and after the last one: the input may end here.
    var isComplete: Bool { get }
    /// Takes as much as fits. A step that neither takes nor gives asks for more input.
    func decode(
        _ input: UnsafeRawBufferPointer,
        isLast: Bool,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> CodecStep
}

extension UnsafeRawBufferPointer {
    /// The rest from `offset`.
    func dropping(_ offset: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[offset...])
    }
}
