public import Catalog
import Files
import SystemPackage

/// What keeps the receiver of a server from its work, for `check`: one line in a file of ours that the reference ignores.
///
/// It is there from when a receiver has ended for it, or has tried in vain for a minute, until a stream brings something again.
public struct ReceiverTrouble: Sendable {
    private let path: FilePath

    /// The trouble of that server's receiver, if there is any.
    public init(of home: ServerHome) {
        path = home.receiverTroublePath
    }

    /// Why the last try failed; nil when there is no trouble.
    public var reason: String? {
        get throws(FileError) {
            guard let bytes = try FileSystem.readIfPresent(path) else { return nil }
            return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    /// Notes why a try failed; of several lines the first.
    public func note(_ reason: String) {
        // The log has it as well, and what keeps us from writing here may be the very trouble.
        _ = try? FileSystem.replaceDurably(
            path,
            contents: Array("\(reason)\n".utf8),
            permissions: FilePermissions(rawValue: 0o600)
        )
    }

    /// Forgets it: the stream runs again.
    public func clear() {
        // A file that stays makes `check` fail without need, which somebody will look into.
        _ = try? FileSystem.unlinkIfPresent(path)
    }

    /// How one goes on when the server has removed the WAL that comes next.
    public static func wayOut(of server: String) -> String {
        "'barman receive-wal --reset \(server)' goes on without it, then 'barman backup \(server)'"
    }
}
