/// The value of an option once its text is understood; unset is the absence of a value.
public enum OptionValue: Sendable, Hashable {
    /// Text, a path or a word.
    case string(String)
    /// A number without a unit of its own.
    case integer(Int64)
    /// On or off.
    case boolean(Bool)
    /// Bytes.
    case size(Int64)
    /// A span in seconds.
    case interval(seconds: Int64)
    /// Words in the order of the option's type.
    case words([String])
    /// Texts in the order written.
    case list([String])
    /// Kilobytes a second by tablespace, in the order written.
    case rates([TablespaceRate])
    /// A retention policy that can be enforced.
    case policy(RetentionPolicy)
}

/// The most kilobytes a second that the copy of one tablespace may use.
public struct TablespaceRate: Sendable, Hashable {
    /// The name of the tablespace.
    public let tablespace: String
    /// The limit; 0 sets none.
    public let kilobytesPerSecond: Int64

    /// Makes a limit.
    public init(tablespace: String, kilobytesPerSecond: Int64) {
        self.tablespace = tablespace
        self.kilobytesPerSecond = kilobytesPerSecond
    }
}
