/// A base backup stream that is not what the protocol promises, or a wish that the server cannot fulfil.
public enum BaseBackupError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The server is too old for what was asked.
    case unsupported(String)
    /// The server said something that cannot come here.
    case protocolViolation(String)
    /// The server has gone over to something else before the end.
    case unexpectedEnd

    /// The problem in words.
    public var description: String {
        switch self {
        case .unsupported(let reason): reason
        case .protocolViolation(let detail): "unexpected message in the base backup: \(detail)"
        case .unexpectedEnd: "the base backup ended too early"
        }
    }
}
