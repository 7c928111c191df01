public import Failure
public import SystemPackage

/// A configuration that can not be read: the file, the line when there is one, and the reason in words.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file at fault.
    public let path: FilePath
    /// The line at fault, counted from 1.
    public let line: Int?
    /// The text the user sees.
    public let text: String

    /// The text the user sees.
    public var description: String { text }

    /// The failure that ends the program because of this error.
    public var failure: Failure { Failure(text, kind: .exception, cause: self) }
}
