/// Decompresses frames that are wholly in memory, one after another, with the same memory of the library.
///
/// Belongs to one thread at a time; after an error it is of no more use.
public final class FrameDecompressor {
    private let format: CompressionFormat
    private let decoder: any Decoder

    /// Sets the library up.
    public init(_ format: CompressionFormat) throws(CodecError) {
        self.format = format
        decoder = try DecompressingReader.makeDecoder(format)
    }

    /// Writes what the frame holds to the start of `output` and returns the number of bytes.
    ///
    /// Whatever the frame says, it is not let grow beyond `output`: that is an error, as is a frame that is damaged or cut.
    public func decompress(
        _ frame: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        var taken = 0
        var produced = 0
        while taken < frame.count || !decoder.isComplete {
            let room = UnsafeMutableRawBufferPointer(rebasing: output[produced...])
            let step = try decoder.decode(frame.dropping(taken), isLast: true, into: room)
            taken += step.consumedBytes
            produced += step.producedBytes
            guard step.consumedBytes > 0 || step.producedBytes > 0 else {
                throw CodecError(format, room.isEmpty ? .corrupt("a frame holds more than it says") : .truncated)
            }
        }
        return produced
    }
}
