/// The one error a user sees: what went wrong in words they can act on, and how the program ends.
///
/// Leaf targets throw typed errors that hold facts; a `Failure` is made above them, where the purpose is known.
public struct Failure: Error, Sendable, CustomStringConvertible {
    /// How a failure is announced and logged.
    public enum Kind: Sendable {
        /// A foreseen situation: `ERROR: message`.
        case error
        /// Something unexpected below us: `EXCEPTION: message` and a pointer to the log file.
        case exception
        /// Before any writer exists (configuration, user): the message as it stands, on standard error.
        case plain
        /// The message has been shown already; only the exit status is left to do.
        case reported
    }

    /// How the failure is announced.
    public let kind: Kind
    /// The text for the user; may span lines.
    public let message: String
    /// What the user can do about it; shown below the message as `HINT: …`.
    public let hint: String?
    /// The exit status of the program when this failure ends it.
    public let exitStatus: Int32
    /// The error below this one, for the log.
    public let cause: (any Error)?

    /// Makes a failure; the exit status is 1 unless the reference says otherwise.
    public init(
        _ message: String,
        kind: Kind = .error,
        hint: String? = nil,
        exitStatus: Int32 = 1,
        cause: (any Error)? = nil
    ) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.exitStatus = exitStatus
        self.cause = cause
    }

    /// The message and, on a line of its own, the hint.
    public var description: String {
        guard let hint else { return message }
        return "\(message)\nHINT: \(hint)"
    }
}
