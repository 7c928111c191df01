public import Postgres

/// Who takes what comes in a base backup; all calls come from one thread.
///
/// What a method throws ends the backup.
public protocol BaseBackupConsumer: AnyObject {
    /// The backup begins here and will bring these archives.
    func start(at position: BaseBackupPosition, archives: [BaseBackupArchive]) throws
    /// An archive begins.
    func begin(_ archive: BaseBackupArchive) throws
    /// The manifest begins.
    func beginManifest() throws
    /// The next bytes of what has begun; they are gone afterwards.
    func take(_ bytes: UnsafeRawBufferPointer) throws
    /// What has begun is complete.
    func complete() throws
    /// Nothing has arrived for a tenth of a second; also called every now and then while much arrives.
    func check() throws
}

/// Runs BASE_BACKUP on a replication connection and hands everything to a consumer.
public struct BaseBackupReception {
    private let consumer: any BaseBackupConsumer
    private var stream: BaseBackupStream
    private var start: BaseBackupPosition?
    private var end: BaseBackupPosition?
    /// Whether something has begun that is not complete.
    private var isOpen = false

    /// Messages between two looks at the world.
    private static let messagesPerCheck = 256

    /// Receives a whole backup; returns where it begins and ends.
    ///
    /// After a failure the backup has been cancelled on the server and the session is of no further use. Closing it alone would
    /// leave the server waiting for its checkpoint, minutes perhaps, before it notices.
    public static func run(
        _ request: BaseBackupRequest,
        on session: borrowing PostgresSession,
        consumer: any BaseBackupConsumer
    ) throws -> (start: BaseBackupPosition, end: BaseBackupPosition) {
        let version = session.serverVersionNumber
        var reception = BaseBackupReception(consumer: consumer, stream: BaseBackupStream(serverVersion: version))
        try session.send(try request.command(serverVersion: version))
        do {
            return try reception.run(session)
        } catch {
            session.cancel()
            throw error
        }
    }

    private mutating func run(
        _ session: borrowing PostgresSession
    ) throws -> (start: BaseBackupPosition, end: BaseBackupPosition) {
        var reply = try nextReply(session)
        while true {
            try handle(try stream.take(reply))
            if stream.isFinished { break }
            guard case .copyOut = reply else {
                reply = try nextReply(session)
                continue
            }
            try receiveMessages(session)
            // When the server gives up, the stream ends as well, and the next reply says why.
            reply = try nextReply(session)
            try handle(try stream.takeStreamEnd())
        }
        guard let start, let end else { throw BaseBackupError.unexpectedEnd }
        return (start, end)
    }

    private mutating func receiveMessages(_ session: borrowing PostgresSession) throws {
        var count = 0
        while true {
            switch try session.nextCopyEvent(waitMilliseconds: 100) {
            case .message(let message):
                try message.withBytes { bytes in
                    let event = try stream.take(bytes)
                    guard case .contents(let offset) = event else { return try handle(event) }
                    try consumer.take(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                }
                count += 1
                if count % Self.messagesPerCheck == 0 { try consumer.check() }
            case .nothingYet: try consumer.check()
            case .end: return
            }
        }
    }

    private mutating func handle(_ event: BaseBackupEvent) throws {
        switch event {
        case .start(let position): start = position
        case .archives(let archives):
            guard let start else { throw BaseBackupError.unexpectedEnd }
            try consumer.start(at: start, archives: archives)
        case .archive(let archive):
            try close()
            try consumer.begin(archive)
            isOpen = true
        case .manifest:
            try close()
            try consumer.beginManifest()
            isOpen = true
        case .complete: try close()
        case .end(let position): end = position
        case .contents, .nothing: break
        }
    }

    private mutating func close() throws {
        guard isOpen else { return }
        isOpen = false
        try consumer.complete()
    }

    /// Waits for the next reply and lets the consumer look at the world meanwhile.
    private func nextReply(_ session: borrowing PostgresSession) throws -> CommandReply {
        var failure: (any Error)?
        do {
            return try session.nextReply { () throws(PostgresError) in
                do {
                    try consumer.check()
                } catch {
                    failure = error
                    throw PostgresError(.interrupted, message: "\(error)")
                }
            }
        } catch {
            throw failure ?? error
        }
    }
}
