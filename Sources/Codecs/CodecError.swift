/// Why data cannot be compressed or decompressed.
public struct CodecError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Equatable {
        /// The data ends before the compressed stream does.
        case truncated
        /// The data is not what the format says; the library's words.
        case corrupt(String)
        /// This build cannot read or write the format.
        case unsupported
        /// The library could not get its memory, or would need more than we allow.
        case memory
    }

    /// The format in question.
    public let format: CompressionFormat
    /// What is wrong.
    public let reason: Reason

    /// Makes an error.
    public init(_ format: CompressionFormat, _ reason: Reason) {
        self.format = format
        self.reason = reason
    }

    /// The error in words.
    public var description: String {
        switch reason {
        case .truncated: "compressed file ended before the end of the \(format.rawValue) stream was reached"
        case .corrupt(let detail): "corrupt \(format.rawValue) data: \(detail)"
        case .unsupported: "\(format.rawValue) compression is not supported by this build"
        case .memory: "not enough memory for \(format.rawValue)"
        }
    }
}
