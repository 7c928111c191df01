import Glibc
import Postgres
import Synchronization
import TestWorld
import Testing

/// A server that is there and says nothing, as one whose host has stalled.
@Suite struct SilenceTests {
    /// Runs a test on a running server that the test may stop, and lets it go on afterwards, after a while in any case.
    private func withServer(_ body: (Cluster, _ conninfo: String, _ stop: (Int32) -> Void) throws -> Void) throws {
        try World.with { world in
            let cluster = try world.cluster(15)
            try cluster.start()
            var stopped: [Int32] = []
            defer { for process in stopped { kill(process, SIGCONT) } }
            try body(cluster, "host=127.0.0.1 port=\(cluster.port) user=postgres dbname=postgres") { process in
                stopped.append(process)
                kill(process, SIGSTOP)
                // Whoever waits without a limit is to fail the test, not to hang it.
                let waker = try? world.start(["sh", "-c", "sleep 30; kill -CONT \(process)"])
                #expect(waker != nil)
            }
        }
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let began = ContinuousClock.now
        try body()
        return (ContinuousClock.now - began) / .seconds(1)
    }

    private func postmaster(_ cluster: Cluster) throws -> Int32 {
        let text = try cluster.world.read("\(cluster.dataDirectory)/postmaster.pid")
        return try #require(text.split(separator: "\n").first.flatMap { Int32($0) })
    }

    @Test func `a statement ends soon when the request to cancel it is not taken`() throws {
        try withServer { cluster, conninfo, stop in
            let isInterrupted = Flag()
            let session = try PostgresSession(conninfo: conninfo, isInterrupted: { isInterrupted.isSet })
            stop(try postmaster(cluster))
            isInterrupted.set()
            let took = seconds {
                let error = #expect(throws: PostgresError.self) { try session.rows("SELECT pg_sleep(60)") }
                #expect(error?.kind == .interrupted)
            }
            #expect(took < 20)
        }
    }

    @Test func `a connection that is to have all the time in the world can be interrupted`() throws {
        try withServer { cluster, conninfo, stop in
            stop(try postmaster(cluster))
            let took = seconds {
                let error = #expect(throws: PostgresError.self) {
                    _ = try PostgresSession(conninfo: "\(conninfo) connect_timeout=0", isInterrupted: { true })
                }
                #expect(error?.kind == .interrupted)
            }
            #expect(took < 20)
        }
    }

    @Test func `what is sent to a server that does not read can be interrupted`() throws {
        try withServer { _, conninfo, stop in
            let isInterrupted = Flag()
            let session = try PostgresSession(conninfo: conninfo, isInterrupted: { isInterrupted.isSet })
            let number = try session.rows("CREATE TEMP TABLE lines (line text); SELECT pg_backend_pid()").first
            try session.send("COPY lines FROM STDIN")
            #expect(try session.nextReply() == .copyIn)
            stop(try #require(number.flatMap { Int32($0) }))
            isInterrupted.set()
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + [10]
            let took = seconds {
                let error = #expect(throws: PostgresError.self) {
                    for _ in 0..<64 { try line.withUnsafeBytes { try session.putCopyData($0) } }
                }
                #expect(error?.kind == .interrupted)
            }
            #expect(took < 20)
        }
    }

    @Test(arguments: [("", 60), ("keepalives_idle=500", 500)])
    func `the kernel looks after a minute whether the other end is there, unless told otherwise`(
        option: String,
        idleSeconds: Int
    ) throws {
        try withServer { cluster, conninfo, _ in
            let session = try PostgresSession(conninfo: "\(conninfo) \(option)")
            let isOpen = session.isOpen
            #expect(isOpen)
            let port = String(cluster.port, radix: 16, uppercase: true)
            let rows = try cluster.world.read("/proc/net/tcp").split(separator: "\n")
                .map { $0.split(separator: " ") }
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when …; state 01 is ESTABLISHED, timer 02 keepalive.
            let row = try #require(rows.first { $0[2].hasSuffix(":\(port)") && $0[3] == "01" })
            let timer = row[5].split(separator: ":")
            #expect(timer[0] == "02")
            let rest = try #require(Int(timer[1], radix: 16)) / sysconf(Int32(_SC_CLK_TCK))
            #expect(idleSeconds - 30...idleSeconds ~= rest)
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
