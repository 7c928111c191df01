import CLibpq
import Glibc

/// One message of a COPY stream, in libpq's memory: nothing is copied until somebody does.
public struct CopyMessage: ~Copyable, @unchecked Sendable {
    // Sendable: the memory is malloc's, this value is its only owner, and nobody writes to it.
    private let start: UnsafeMutablePointer<CChar>
    /// How many bytes it has; at least one.
    public let count: Int

    fileprivate init(start: UnsafeMutablePointer<CChar>, count: Int) {
        self.start = start
        self.count = count
    }

    deinit { PQfreemem(start) }

    /// Lends the bytes.
    public borrowing func withBytes<Result, Trouble: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Trouble) -> Result
    ) throws(Trouble) -> Result {
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }
}

/// What a look at a COPY stream brought.
public enum CopyEvent: ~Copyable, Sendable {
    /// A message.
    case message(CopyMessage)
    /// No whole message is there, or came in the time given.
    case nothingYet
    /// The server has ended its side; what it says about that is the next reply.
    case end
}

/// One of the replies to a command: a replication command may have several.
public enum CommandReply: Sendable, Equatable {
    /// Rows; none for a command that returns none.
    case rows(PostgresRows)
    /// The server sends until it ends the copy.
    case copyOut
    /// The server takes what we send until we end the copy.
    case copyIn
    /// Both.
    case copyBoth
    /// There are no more replies.
    case end
}

// MARK: - Commands with streams (PostgreSQL manual, "Streaming Replication Protocol" and "COPY Operations")

extension PostgresSession {
    /// The socket, to be waited for together with something else; -1 once the connection is lost.
    public var socketDescriptor: Int32 { PQsocket(handle) }

    /// Sends a command; its replies are taken by `nextReply`, to the end, before the next command.
    public borrowing func send(_ command: String) throws(PostgresError) {
        guard PQsendQuery(handle, command) == 1 else { throw connectionError() }
    }

    /// Waits for the next reply to the command that was sent; throws what the server says is wrong.
    ///
    /// `whileWaiting` is called about ten times a second.
    public borrowing func nextReply(
        whileWaiting: (() throws(PostgresError) -> Void)? = nil
    ) throws(PostgresError) -> CommandReply {
        try waitForResult(whileWaiting)
        guard let result = PQgetResult(handle) else { return .end }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: return .rows(Self.rows(of: result))
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .rows(PostgresRows(columns: [], values: []))
        case PGRES_COPY_OUT: return .copyOut
        case PGRES_COPY_IN: return .copyIn
        case PGRES_COPY_BOTH: return .copyBoth
        default: throw statementError(result)
        }
    }

    /// Looks for the next whole message of the stream, and waits for it at most so long.
    ///
    /// 0 takes what has arrived and does not wait; `nil` does not even ask the kernel: there is what was read together with an
    /// earlier message, or nothing. Throws when the connection is lost, or when it has to wait and an interruption is asked for.
    public borrowing func nextCopyEvent(waitMilliseconds: Int32?) throws(PostgresError) -> CopyEvent {
        var end: ContinuousClock.Instant?
        var isRead = false
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &buffer, 1)
            if count > 0, let buffer { return .message(CopyMessage(start: buffer, count: Int(count))) }
            if count == -1 { return .end }
            if count == -2 { throw connectionError() }
            guard let waitMilliseconds else { return .nothingYet }
            if waitMilliseconds > 0 {
                if isInterrupted() { throw PostgresError(.interrupted, message: "interrupted") }
                let now = ContinuousClock.now
                let last = end ?? now + .milliseconds(waitMilliseconds)
                end = last
                guard now < last else { return .nothingYet }
                let rest = Int32(((last - now) / Duration.milliseconds(1)).rounded(.up))
                let slice = min(rest, Self.sliceMilliseconds)
                guard Self.poll(PQsocket(handle), Int16(POLLIN), milliseconds: slice) else { continue }
            } else if isRead, !Self.poll(PQsocket(handle), Int16(POLLIN), milliseconds: 0) {
                // One read does not always take everything.
                return .nothingYet
            }
            guard PQconsumeInput(handle) == 1 else { throw connectionError() }
            isRead = true
        }
    }

    /// Sends bytes into the stream as one message; waits until the kernel has them.
    public borrowing func putCopyData(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
        guard let count = Int32(exactly: bytes.count) else {
            throw PostgresError(.unexpectedReply, message: "a message of \(bytes.count) bytes is too long")
        }
        let start = bytes.bindMemory(to: CChar.self).baseAddress
        try sendAll { PQputCopyData(handle, start, count) }
    }

    /// Ends our side of the stream.
    public borrowing func endCopy() throws(PostgresError) {
        try sendAll { PQputCopyEnd(handle, nil) }
    }

    /// Sends what `put` gives to libpq, which says 0 when it has no room; a blocking libpq would wait for a silent server for ever.
    private borrowing func sendAll(_ put: () -> Int32) throws(PostgresError) {
        guard PQsetnonblocking(handle, 1) == 0 else { throw connectionError() }
        defer { PQsetnonblocking(handle, 0) }
        while true {
            let answer = put()
            if answer == 1 { break }
            guard answer == 0 else { throw connectionError() }
            try waitForRoom()
        }
        while true {
            let answer = PQflush(handle)
            if answer == 0 { return }
            guard answer == 1 else { throw connectionError() }
            try waitForRoom()
        }
    }

    /// Waits until something can be sent; takes what arrives meanwhile, which the server may be waiting for.
    private borrowing func waitForRoom() throws(PostgresError) {
        if isInterrupted() { throw PostgresError(.interrupted, message: "interrupted") }
        guard Self.poll(PQsocket(handle), Int16(POLLIN | POLLOUT)) else { return }
        guard PQconsumeInput(handle) == 1 else { throw connectionError() }
    }
}
