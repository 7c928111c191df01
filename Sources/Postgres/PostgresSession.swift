import CLibpq
import Glibc

/// The rows of one statement, as text; SQL NULL is `nil`.
public struct PostgresRows: Sendable, Equatable {
    /// The names of the columns.
    public let columns: [String]
    /// The values, row by row; every row has as many as there are columns.
    public let values: [[String?]]

    /// The value of a column in the first row; `nil` if NULL or if there is no such row or column.
    public subscript(_ column: String) -> String? {
        guard let index = columns.firstIndex(of: column), let row = values.first, index < row.count else { return nil }
        return row[index]
    }

    /// The value of the first column of the first row.
    public var first: String? {
        guard let row = values.first, let value = row.first else { return nil }
        return value
    }
}

/// One libpq connection: opened by `init`, closed by `deinit`, never shared.
///
/// Every wait looks at `isInterrupted` several times a second, and gives up with an error of kind `interrupted`.
public struct PostgresSession: ~Copyable {
    let handle: OpaquePointer
    let isInterrupted: @Sendable () -> Bool
    /// Who hears the notices; libpq holds a pointer to it.
    private let listener: NoticeListener?

    /// Connects; blocks until the server answers.
    ///
    /// How long that may take is libpq's rule: without `connect_timeout` in the string, the environment or the service
    /// file there is no limit but the one of the kernel. `onNotice` hears what the server says besides its answers, on the
    /// thread that uses the session.
    public init(
        conninfo: String,
        isInterrupted: @escaping @Sendable () -> Bool = { false },
        onNotice: (@Sendable (PostgresNotice) -> Void)? = nil
    ) throws(PostgresError) {
        handle = try Self.connect(conninfo, isInterrupted)
        self.isInterrupted = isInterrupted
        // The default processor prints the server's notices on our standard error.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        listener = onNotice.map { NoticeListener($0) }
        listener?.listen(to: handle)
    }

    deinit { PQfinish(handle) }

    /// libpq's number of the server's version: 150020 for 15.20; 0 once the connection is lost.
    public var serverVersionNumber: Int { Int(PQserverVersion(handle)) }

    /// True while libpq knows nothing bad about the connection; a dead peer shows only with the next statement.
    public var isOpen: Bool { PQstatus(handle) == CONNECTION_OK }

    /// False once the other end has closed the connection; asks nothing of the server and does not wait.
    public borrowing func peerIsThere() -> Bool {
        guard isOpen else { return false }
        let socket = PQsocket(handle)
        guard socket >= 0 else { return false }
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&descriptor, 1, 0) > 0 else { return true }
        return PQconsumeInput(handle) == 1 && isOpen
    }

    /// What the server reports about a setting such as `DateStyle` or `client_encoding`.
    public borrowing func parameter(_ name: String) -> String? {
        PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    /// Runs one or more statements separated by `;` and returns the rows of each, in order.
    ///
    /// Several statements run as one transaction: the first failure undoes and ends them. `handover` sees the rows of the
    /// statements before it.
    public borrowing func results(
        _ sql: String,
        handover: (PostgresRows) -> Void
    ) throws(PostgresError) {
        try run(sql) { result in
            handover(result.map { Self.rows(of: $0) } ?? PostgresRows(columns: [], values: []))
        }
    }

    /// Runs one statement and returns the bytes in a column of its first row, whatever text they are not; `nil` if NULL or not there.
    public borrowing func bytes(_ sql: String, _ column: String) throws(PostgresError) -> [UInt8]? {
        var bytes: [UInt8]?
        try run(sql) { result in
            guard let result, PQntuples(result) > 0, case let index = PQfnumber(result, column), index >= 0,
                PQgetisnull(result, 0, index) == 0, let value = PQgetvalue(result, 0, index)
            else { return }
            let buffer = UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, 0, index)))
            bytes = Array(buffer)
        }
        return bytes
    }

    /// Runs statements; `handover` sees what libpq has of the rows of each, `nil` for one that has none.
    private borrowing func run(_ sql: String, _ handover: (OpaquePointer?) -> Void) throws(PostgresError) {
        guard PQsendQuery(handle, sql) == 1 else { throw connectionError() }
        var failure: PostgresError?
        while true {
            if failure == nil {
                do throws(PostgresError) {
                    try waitForResult(nil)
                } catch {
                    guard error.kind != .connectionLost, cancel() else { throw error }
                    failure = error
                }
            }
            guard let result = PQgetResult(handle) else { break }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: handover(result)
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: handover(nil)
            default: failure = failure ?? statementError(result)
            }
            if PQstatus(handle) == CONNECTION_BAD, failure == nil { failure = connectionError() }
        }
        if let failure { throw failure }
    }

    /// Runs one statement and returns its rows as text; SQL NULL is `nil`.
    public borrowing func rows(_ sql: String) throws(PostgresError) -> PostgresRows {
        var last = PostgresRows(columns: [], values: [])
        try results(sql) { last = $0 }
        return last
    }

    /// The text as a literal of SQL, quotes included.
    public borrowing func literal(_ text: String) throws(PostgresError) -> String {
        guard let escaped = PQescapeLiteral(handle, text, text.utf8.count) else { throw connectionError() }
        defer { PQfreemem(escaped) }
        return String(cString: escaped)
    }
}

// MARK: - Waiting

extension PostgresSession {
    /// How long one look at the socket lasts; the pace at which interruptions are seen.
    static var sliceMilliseconds: Int32 { 100 }

    /// What the connection string, the environment or a service says about an option; `nil` when they do not name it.
    private static func option(_ name: String, _ handle: OpaquePointer) -> String? {
        guard let options = PQconninfo(handle) else { return nil }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            if strcmp(keyword, name) == 0 { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
    }

    /// True when a time limit is asked for; zero and less are none, and about what is no number libpq will complain.
    private static func hasConnectTimeout(_ handle: OpaquePointer) -> Bool {
        guard let text = option("connect_timeout", handle), !text.isEmpty else { return false }
        return Int(text).map { $0 > 0 } ?? true
    }

    /// Has the kernel find out within two minutes that the other end is gone, unless the user has said when.
    ///
    /// Its own limit is two hours, for which a backup would wait, and its lock keep the next one out.
    private static func limitKeepalive(_ handle: OpaquePointer) {
        let limits: [(name: String, number: Int32, value: Int32)] = [
            ("keepalives_idle", TCP_KEEPIDLE, 60), ("keepalives_interval", TCP_KEEPINTVL, 10),
            ("keepalives_count", TCP_KEEPCNT, 6),
        ]
        for limit in limits where option(limit.name, handle) == nil {
            var value = limit.value
            // A socket of this host has no such limit and needs none.
            _ = setsockopt(
                PQsocket(handle),
                Int32(IPPROTO_TCP),
                limit.number,
                &value,
                socklen_t(MemoryLayout<Int32>.size)
            )
        }
    }

    /// A connection that is open.
    private static func connect(
        _ conninfo: String,
        _ isInterrupted: () -> Bool
    ) throws(PostgresError) -> OpaquePointer {
        guard var handle = PQconnectStart(conninfo) else {
            throw PostgresError(.connectionFailed, message: "out of memory")
        }
        if hasConnectTimeout(handle) {
            // Only the blocking call honours the option, and tries the next host after it.
            PQfinish(handle)
            guard let blocking = PQconnectdb(conninfo) else {
                throw PostgresError(.connectionFailed, message: "out of memory")
            }
            handle = blocking
        }
        if let error = finishConnecting(handle, isInterrupted) {
            PQfinish(handle)
            throw error
        }
        limitKeepalive(handle)
        return handle
    }

    /// Takes a started connection to its end; returns what went wrong.
    private static func finishConnecting(
        _ handle: OpaquePointer,
        _ isInterrupted: () -> Bool
    ) -> PostgresError? {
        var state = PQstatus(handle) == CONNECTION_OK ? PGRES_POLLING_OK : PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_BAD, state != PGRES_POLLING_OK, state != PGRES_POLLING_FAILED {
            if isInterrupted() { return PostgresError(.interrupted, message: "interrupted while connecting") }
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            if poll(PQsocket(handle), Int16(events)) { state = PQconnectPoll(handle) }
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            return PostgresError(.connectionFailed, message: String(cString: PQerrorMessage(handle)))
        }
        return nil
    }

    /// One slice of waiting for a socket; true when it is worth looking at.
    static func poll(_ socket: Int32, _ events: Int16, milliseconds: Int32 = sliceMilliseconds) -> Bool {
        guard socket >= 0 else { return true }
        var descriptor = pollfd(fd: socket, events: events, revents: 0)
        return Glibc.poll(&descriptor, 1, milliseconds) > 0
    }

    /// Waits until a result can be taken without blocking.
    borrowing func waitForResult(
        _ whileWaiting: (() throws(PostgresError) -> Void)?
    ) throws(PostgresError) {
        while PQisBusy(handle) == 1 {
            if isInterrupted() { throw PostgresError(.interrupted, message: "interrupted") }
            if Self.poll(PQsocket(handle), Int16(POLLIN)) {
                guard PQconsumeInput(handle) == 1 else { throw connectionError() }
            } else {
                try whileWaiting?()
            }
        }
    }

    /// Asks the server to drop the running command; true when it answers within a few seconds, or is sending.
    @discardableResult
    public borrowing func cancel() -> Bool {
        guard isOpen, let request = CancelRequest(handle), request.send(limitSeconds: 2) else { return false }
        for _ in 0..<50 where PQisBusy(handle) == 1 {
            if Self.poll(PQsocket(handle), Int16(POLLIN)), PQconsumeInput(handle) != 1 { return false }
        }
        return PQisBusy(handle) == 0
    }
}

// MARK: - Results

extension PostgresSession {
    static func rows(of result: OpaquePointer) -> PostgresRows {
        let width = PQnfields(result)
        let columns = (0..<width).map { column in
            PQfname(result, column).map { String(cString: $0) } ?? ""
        }
        let values = (0..<PQntuples(result)).map { row in
            (0..<width).map { column -> String? in
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    return nil
                }
                return String(cString: value)
            }
        }
        return PostgresRows(columns: columns, values: values)
    }

    borrowing func connectionError() -> PostgresError {
        PostgresError(.connectionLost, message: String(cString: PQerrorMessage(handle)))
    }

    borrowing func statementError(_ result: OpaquePointer) -> PostgresError {
        func field(_ letter: Character) -> String? {
            guard let code = letter.asciiValue, let text = PQresultErrorField(result, Int32(code)) else { return nil }
            return String(cString: text)
        }
        // PostgreSQL manual, "Error and Notice Message Fields": M the primary message, D the detail, H the hint, C the SQLSTATE.
        let message = field("M") ?? PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        let isLost = PQstatus(handle) == CONNECTION_BAD
        return PostgresError(
            isLost ? .connectionLost : .statementFailed,
            message: message,
            sqlState: field("C"),
            remarks: [field("D").map { "DETAIL:  \($0)" }, field("H").map { "HINT:  \($0)" }].compactMap { $0 }
        )
    }
}
