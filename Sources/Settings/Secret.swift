/// A text that must never reach a log, an argument list or an error: it describes itself masked.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself; only for the one who needs it to connect.
    public let exposed: String

    /// Wraps a text.
    public init(_ text: String) {
        exposed = text
    }

    /// The mask.
    public var description: String { "*REDACTED*" }

    /// The mask.
    public var debugDescription: String { description }

    /// Nothing, so that a dump shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
