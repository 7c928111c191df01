public import Failure
public import SystemPackage

/// A `backup.info` that cannot be read.
public struct BackupInfoError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// A line that is no `key=value`.
        case invalidLine(String)
        /// A key that no known release writes.
        case unsupportedField(String)
        /// A value that its key cannot have, and why.
        case invalidValue(key: String, value: String, reason: String)
        /// Bytes that are no UTF-8.
        case notText
    }

    /// The file.
    public let path: FilePath
    /// The line, from 1.
    public let line: Int
    /// What is wrong.
    public let reason: Reason

    /// What is wrong, with the file and, but for the texts of the reference, the line.
    public var description: String {
        switch reason {
        case .invalidLine(let text):
            "invalid line \(shortened(text)) in file \(path.string)"
        case .unsupportedField(let key):
            "Unsupported field '\(key)' found in backup metadata. This indicates the backup was created with a newer "
                + "version of Barman. Please upgrade to a compatible or newer version."
        case .invalidValue(let key, let value, let reason):
            "invalid value for '\(key)' in line \(line) of file \(path.string): \(shortened(value)) (\(reason))"
        case .notText:
            "line \(line) of file \(path.string) is not UTF-8 text"
        }
    }

    /// The beginning of a text that may be of any length.
    private func shortened(_ text: String) -> String {
        text.utf8.count <= 500 ? text : text.prefix(200) + "…"
    }

    /// What the user sees.
    public var failure: Failure {
        if case .unsupportedField = reason { return Failure(description, cause: self) }
        return Failure(description, kind: .exception, cause: self)
    }
}
