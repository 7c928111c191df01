public import Files
public import Postgres
import SystemPackage

/// What keeps a replication connection, or the writing of what comes through it, from going on.
public enum ReplicationError: Error, Sendable, CustomStringConvertible {
    /// libpq or the server says so.
    case postgres(PostgresError)
    /// The file system says so.
    case file(FileError)
    /// The server has removed the WAL that comes next; what it says.
    case missingWAL(PostgresError)
    /// The server is not the one that was expected; the two system identifiers.
    case otherServer(expected: String, found: String)
    /// Something else, in words.
    case other(String)

    /// The words.
    public var description: String {
        switch self {
        case .postgres(let error), .missingWAL(let error): error.description
        case .file(let error): error.description
        case .otherServer(let expected, let found):
            "the system Id of the connected PostgreSQL server changed from \(expected) to \(found)"
        case .other(let text): text
        }
    }

    /// True when nothing but a human can mend it.
    public var isFinal: Bool {
        if case .otherServer = self { true } else { false }
    }

    /// True when the server has removed the WAL that comes next.
    public var isMissingWAL: Bool {
        if case .missingWAL = self { true } else { false }
    }

    /// True when the server is there and does not want to, or cannot.
    var isRefusal: Bool {
        if case .postgres(let error) = self { error.kind == .statementFailed } else { false }
    }

    /// True when a file system is full.
    public var isNoSpace: Bool {
        if case .file(let error) = self { error.errno == .noSpace } else { false }
    }
}

/// Runs `body`; its error of the room below becomes one of this room.
func replicating<Value: ~Copyable>(
    _ body: () throws(PostgresError) -> Value
) throws(ReplicationError) -> Value {
    do throws(PostgresError) {
        return try body()
    } catch {
        throw .postgres(error)
    }
}

/// Runs `body`; its error of the room below becomes one of this room.
func storing<Value: ~Copyable>(_ body: () throws(FileError) -> Value) throws(ReplicationError) -> Value {
    do throws(FileError) {
        return try body()
    } catch {
        throw .file(error)
    }
}
