public import Failure
import Files
import Notation
public import SystemPackage

/// Which PostgreSQL cluster the backups of a server come from: `identity.json`, written once.
public struct Identity: Equatable, Sendable {
    /// PostgreSQL's system identifier.
    public let systemID: String
    /// The major version: `17`, `9.6`.
    public let version: String

    /// Makes an identity.
    public init(systemID: String, version: String) {
        self.systemID = systemID
        self.version = version
    }

    /// Reads the identity of a server; nil when none is stored yet.
    public static func load(_ home: ServerHome) throws(Failure) -> Identity? {
        let path = home.identityPath
        guard let bytes = try namingFailure({ () throws(FileError) in try FileSystem.readIfPresent(path) }) else {
            return nil
        }
        return try Identity(parsing: bytes, path: path)
    }

    /// The content of the file, without the line end.
    public var fileText: String {
        JSONValue.object([("systemid", .string(systemID)), ("version", .string(version))]).text(indent: 4)
    }

    /// Reads the content of such a file; `path` is for the error only.
    public init(parsing bytes: [UInt8], path: FilePath) throws(Failure) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw Failure("cannot parse file \(path.string): \(error)", kind: .exception, cause: error)
        }
        guard let systemID = value["systemid"]?.stringValue, let version = value["version"]?.stringValue else {
            throw Failure("systemid or version is missing in file \(path.string)", kind: .exception)
        }
        self.init(systemID: systemID, version: version)
    }

    /// Stores the identity durably unless the server has one already; returns whether it did.
    @discardableResult
    public func writeOnce(_ home: ServerHome) throws(Failure) -> Bool {
        let text = fileText
        return try namingFailure { () throws(FileError) in
            guard try !FileSystem.exists(home.identityPath) else { return false }
            try FileSystem.createDirectories(home.backupDirectory)
            try FileSystem.replaceDurably(home.identityPath, contents: Array((text + "\n").utf8))
            return true
        }
    }
}
