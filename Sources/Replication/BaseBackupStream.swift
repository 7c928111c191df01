public import Postgres
public import WAL

/// A position that begins or ends a base backup.
public struct BaseBackupPosition: Sendable, Equatable {
    /// Where in the WAL.
    public let lsn: LSN
    /// On which timeline.
    public let timeline: Timeline
}

/// One tar archive of a base backup.
public struct BaseBackupArchive: Sendable, Equatable {
    /// The tablespace in it; `nil` for the data directory.
    public let tablespaceOID: UInt32?
    /// Where the tablespace is on the server: absolute, or below the data directory for one that lives there.
    public let location: String?

    /// Describes an archive; without a tablespace it is that of the data directory.
    public init(tablespaceOID: UInt32? = nil, location: String? = nil) {
        self.tablespaceOID = tablespaceOID
        self.location = location
    }
}

/// What a base backup stream says, in the order of its coming.
public enum BaseBackupEvent: Sendable, Equatable {
    /// The backup begins here.
    case start(BaseBackupPosition)
    /// These archives will come.
    case archives([BaseBackupArchive])
    /// An archive begins; what was open before is complete.
    case archive(BaseBackupArchive)
    /// The manifest begins; what was open before is complete.
    case manifest
    /// The bytes of the message from this offset on belong to what is open.
    case contents(offset: Int)
    /// What was open is complete.
    case complete
    /// The backup ends here.
    case end(BaseBackupPosition)
    /// Nothing that anybody needs to know.
    case nothing
}

/// The replies to BASE_BACKUP as a state machine: what libpq hands out goes in, events come out; no input, no output.
///
/// Up to PostgreSQL 14 every archive is a stream of its own, and the manifest another; from 15 on all are in one stream of typed
/// messages (PostgreSQL manual, "Streaming Replication Protocol").
public struct BaseBackupStream: Sendable {
    private enum State {
        case start
        case archives
        case stream
        case between
        case end
        case finished
    }

    private let isModern: Bool
    private let hasManifest: Bool
    private var state = State.start
    private var expected: [BaseBackupArchive] = []
    /// How many archives have begun.
    private var begun = 0
    private var isManifestBegun = false
    /// Whether contents may come.
    private var isOpen = false

    /// Begins for a server of that version, by libpq's number.
    public init(serverVersion: Int) {
        isModern = serverVersion >= 150_000
        hasManifest = serverVersion >= 130_000
    }

    /// True after the last reply.
    public var isFinished: Bool { if case .finished = state { true } else { false } }

    /// Takes a reply of the server.
    public mutating func take(_ reply: CommandReply) throws(BaseBackupError) -> BaseBackupEvent {
        switch (state, reply) {
        case (.start, .rows(let rows)):
            state = .archives
            return .start(try Self.position(rows))
        case (.archives, .rows(let rows)):
            expected = try Self.archives(rows)
            state = .between
            return .archives(expected)
        case (.between, .copyOut): return try begin()
        case (.between, .rows(let rows)) where isEverythingHere:
            state = .end
            return .end(try Self.position(rows))
        case (.end, .rows): return .nothing
        case (.end, .end):
            state = .finished
            return .nothing
        case (_, .end): throw .unexpectedEnd
        default: throw .protocolViolation("a reply that has no place here")
        }
    }

    /// Takes the end of a stream of messages.
    public mutating func takeStreamEnd() throws(BaseBackupError) -> BaseBackupEvent {
        guard case .stream = state else { throw .protocolViolation("the end of a stream that never began") }
        state = .between
        isOpen = false
        if isModern { try checkAllBegun() }
        return .complete
    }

    /// Takes a message of the stream.
    public mutating func take(_ message: UnsafeRawBufferPointer) throws(BaseBackupError) -> BaseBackupEvent {
        guard case .stream = state else { throw .protocolViolation("a message outside of the stream") }
        guard isModern else { return .contents(offset: 0) }
        switch message.first {
        case UInt8(ascii: "n"): return try beginArchive(message)
        case UInt8(ascii: "m"):
            try checkAllBegunArchives()
            guard !isManifestBegun else { throw .protocolViolation("a second manifest") }
            isManifestBegun = true
            isOpen = true
            return .manifest
        case UInt8(ascii: "d"):
            guard isOpen else { throw .protocolViolation("contents before the name of an archive") }
            return .contents(offset: 1)
        case UInt8(ascii: "p"): return .nothing
        case .some(let type): throw .protocolViolation("message type \(type)")
        case nil: throw .protocolViolation("an empty message")
        }
    }

    // MARK: Steps

    private var isEverythingHere: Bool { begun == expected.count && (isManifestBegun || !hasManifest) }

    /// A stream begins: all of the backup, or its next part.
    private mutating func begin() throws(BaseBackupError) -> BaseBackupEvent {
        if isModern {
            guard begun == 0, !isManifestBegun else { throw .protocolViolation("a second stream") }
            state = .stream
            return .nothing
        }
        state = .stream
        isOpen = true
        if begun < expected.count {
            begun += 1
            return .archive(expected[begun - 1])
        }
        guard hasManifest, !isManifestBegun else { throw .protocolViolation("a stream too many") }
        isManifestBegun = true
        return .manifest
    }

    /// `n`, the name of the archive, the path of the tablespace; both end in a zero.
    private mutating func beginArchive(_ message: UnsafeRawBufferPointer) throws(BaseBackupError) -> BaseBackupEvent {
        let parts = message.dropFirst().split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].isEmpty else { throw .protocolViolation("a damaged name of an archive") }
        let name = String(decoding: parts[0], as: UTF8.self)
        guard let stem = name.split(separator: ".").first, begun < expected.count, !isManifestBegun else {
            throw .protocolViolation("an archive that was not announced: \(name)")
        }
        let archive = expected[begun]
        guard stem == archive.tablespaceOID.map(String.init) ?? "base" else {
            throw .protocolViolation("an archive that was not announced: \(name)")
        }
        begun += 1
        isOpen = true
        return .archive(archive)
    }

    private func checkAllBegunArchives() throws(BaseBackupError) {
        guard begun == expected.count else { throw .unexpectedEnd }
    }

    private func checkAllBegun() throws(BaseBackupError) {
        guard isEverythingHere else { throw .unexpectedEnd }
    }

    // MARK: Rows

    private static func position(_ rows: PostgresRows) throws(BaseBackupError) -> BaseBackupPosition {
        guard let row = rows.values.first, row.count >= 2, let lsn = row[0].flatMap({ LSN($0) }),
            let timeline = row[1].flatMap({ UInt32($0) })
        else { throw .protocolViolation("no position where one must be") }
        return BaseBackupPosition(lsn: lsn, timeline: Timeline(rawValue: timeline))
    }

    /// OID, location, size; the data directory has neither OID nor location.
    private static func archives(_ rows: PostgresRows) throws(BaseBackupError) -> [BaseBackupArchive] {
        var archives: [BaseBackupArchive] = []
        for row in rows.values {
            guard row.count >= 2 else { throw .protocolViolation("a tablespace without its columns") }
            guard let text = row[0] else {
                archives.append(BaseBackupArchive())
                continue
            }
            guard let oid = UInt32(text), let location = row[1] else {
                throw .protocolViolation("a tablespace without its number")
            }
            archives.append(BaseBackupArchive(tablespaceOID: oid, location: location))
        }
        guard archives.filter({ $0.tablespaceOID == nil }).count == 1 else {
            throw .protocolViolation("not just one data directory")
        }
        return archives
    }
}
