import Glibc
import Postgres
import TestWorld
import Testing

/// Commands with streams, on a real server.
@Suite struct CopyTests {
    private func withSession(_ body: (borrowing PostgresSession) throws -> Void) throws {
        try World.with { world in
            let cluster = try world.cluster(15)
            try cluster.start()
            let session = try PostgresSession(
                conninfo: "host=127.0.0.1 port=\(cluster.port) user=postgres dbname=postgres"
            )
            try body(session)
        }
    }

    /// Everything up to the end of the server's side.
    private func drain(_ session: borrowing PostgresSession) throws -> (messages: Int, text: String) {
        var messages = 0
        var text = ""
        while true {
            switch try session.nextCopyEvent(waitMilliseconds: 1000) {
            case .message(let message):
                messages += 1
                text += message.withBytes { String(decoding: $0, as: UTF8.self) }
            case .nothingYet: throw PostgresError(.unexpectedReply, message: "the server is silent")
            case .end: return (messages, text)
            }
        }
    }

    @Test func `a stream from the server comes whole, then the reply after it`() throws {
        try withSession { session in
            try session.send("COPY (SELECT n FROM generate_series(1, 50000) n) TO STDOUT; SELECT 7 AS answer")
            #expect(try session.nextReply() == .copyOut)
            let (messages, text) = try drain(session)
            #expect(messages == 50000)
            #expect(text == (1...50000).map { "\($0)\n" }.joined())
            guard case .rows = try session.nextReply(), case .rows(let rows) = try session.nextReply() else {
                throw PostgresError(.unexpectedReply, message: "no rows after the stream")
            }
            #expect(rows["answer"] == "7")
            #expect(try session.nextReply() == .end)
        }
    }

    @Test func `without a look at the kernel there is only what was read with an earlier message`() throws {
        try withSession { session in
            try session.send("COPY (SELECT n FROM generate_series(1, 200000) n) TO STDOUT")
            #expect(try session.nextReply() == .copyOut)
            var messages = 0
            var looks = 0
            var isOver = false
            while !isOver {
                switch try session.nextCopyEvent(waitMilliseconds: nil) {
                case .message:
                    messages += 1
                    continue
                case .nothingYet: break
                case .end:
                    isOver = true
                    continue
                }
                // However much has arrived.
                var waiting = pollfd(fd: session.socketDescriptor, events: Int16(POLLIN), revents: 0)
                try #require(poll(&waiting, 1, 10_000) == 1)
                guard case .nothingYet = try session.nextCopyEvent(waitMilliseconds: nil) else {
                    throw PostgresError(.unexpectedReply, message: "the kernel was asked")
                }
                looks += 1
                switch try session.nextCopyEvent(waitMilliseconds: 0) {
                case .message: messages += 1
                case .nothingYet: break
                case .end: isOver = true
                }
            }
            #expect(messages == 200_000)
            #expect(looks > 1)
        }
    }

    @Test func `a stream to the server is taken`() throws {
        try withSession { session in
            _ = try session.rows("CREATE TABLE t (a int)")
            try session.send("COPY t FROM STDIN")
            #expect(try session.nextReply() == .copyIn)
            try "1\n2\n".utf8.withContiguousStorageIfAvailable { try session.putCopyData(UnsafeRawBufferPointer($0)) }
            try session.endCopy()
            while try session.nextReply() != .end {}
            #expect(try session.rows("SELECT sum(a) FROM t").first == "3")
        }
    }

    @Test func `an error within a stream is thrown after it, and the session goes on`() throws {
        try withSession { session in
            try session.send("COPY (SELECT 1 / (3 - n) FROM generate_series(1, 5) n) TO STDOUT")
            #expect(try session.nextReply() == .copyOut)
            _ = try drain(session)
            let error = #expect(throws: PostgresError.self) { try session.nextReply() }
            #expect(error?.sqlState == "22012")
            #expect(try session.nextReply() == .end)
            #expect(try session.rows("SELECT 1").first == "1")
        }
    }

    @Test func `a silent server is waited for as long as was said`() throws {
        try withSession { session in
            // The server sends when its buffer of 8 KiB is full.
            try session.send(
                "COPY (SELECT CASE n WHEN 9000 THEN pg_sleep(0.6)::text ELSE 'x' END FROM generate_series(1, 9000) n) TO STDOUT"
            )
            #expect(try session.nextReply() == .copyOut)
            var messages = 0
            var isSilent = false
            var began = ContinuousClock.now
            while !isSilent {
                began = .now
                switch try session.nextCopyEvent(waitMilliseconds: 200) {
                case .message: messages += 1
                case .nothingYet: isSilent = true
                case .end: throw PostgresError(.unexpectedReply, message: "the server did not wait")
                }
            }
            #expect(ContinuousClock.now - began >= .milliseconds(200))
            #expect(try messages + drain(session).messages == 9000)
        }
    }
}
