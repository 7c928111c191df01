import Archive
import Failure
import Files
import Pipeline
import Postgres
import Replication
import Synchronization
import TestHomes
import TestWorld
import Testing

/// The receiver as `receive-wal` runs it, against a real server behind a network of ours.
@Suite struct WALStreamingTests {
    @Test func `a network that falls silent is told, PostgreSQL goes on, and the stream comes back with it`() throws {
        try withStream { stream in
            let first = try stream.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            stream.network.fallSilent()
            try stream.fillSegment()
            // The connection itself, then one that is accepted and never answered.
            stream.waitUntil("the server has been silent for 2 seconds; trying again in 1 seconds")
            stream.waitUntil("the server has been silent for 2 seconds; trying again in 2 seconds")
            let trouble = ReceiverTrouble(of: stream.fixture.home)
            #expect(try trouble.reason == "the server has been silent for 2 seconds")
            try stream.fillSegment()
            stream.network.resume()
            try stream.waitUntilArchived(first)
            let data = "\(stream.cluster.dataDirectory)/pg_wal"
            for name in stream.fixture.archived where name.count == 24 {
                #expect(try stream.fixture.holds(name, try Shell.read("\(data)/\(name)")), "\(name)")
            }
            #expect(stream.fixture.archived.contains(first) && stream.fixture.errors == [])
            #expect(try trouble.reason == nil)
        }
    }

    @Test func `a receiver that ends because nothing gets better says so`() throws {
        try withStream(patienceSeconds: 1) { stream in
            stream.network.fallSilent()
            stream.waitUntil(
                "the server has been silent for 2 seconds; no success for 1 seconds, the receiver ends; cron starts another one"
            )
        }
    }

    @Test func `that commits come to wait for it is noticed without a new connection`() throws {
        try withStream { stream in
            let setting = "ALTER SYSTEM SET synchronous_standby_names ="
            try stream.cluster.sql("\(setting) 'other, BARMAN_receive_wal'")
            try stream.cluster.reload()
            stream.waitUntil("Server pg waits for us at each commit: flushing at once")
            // Each of these would wait a fifth of a second for a receiver that does not know.
            let began = Interruption.monotonicSeconds
            try stream.cluster.sql(
                "DO $$ BEGIN FOR i IN 1..30 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$"
            )
            #expect(Interruption.monotonicSeconds - began < 3)
            try stream.cluster.sql("\(setting) ''")
            try stream.cluster.reload()
            stream.waitUntil("Server pg waits for us no more at commits")
            #expect(stream.recorder.told.count { $0.contains("starting log streaming") } == 1)
        }
    }

    @Test func `what was not ready for longer than a server may be silent is taken up when it is`() throws {
        try withStream { stream in
            stream.isHeld.set(true)
            try stream.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
            stream.waitUntil("not ready; trying again in 4 seconds")
            stream.isHeld.set(false)
            let goesOn = try Shell.wait(seconds: 20) {
                try stream.cluster.number("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1
            }
            #expect(goesOn, "\(stream.recorder.told)")
            #expect(!stream.recorder.told.contains { $0.contains("nothing is known") })
        }
    }

    // MARK: A stream

    /// A server, a network before it, a home, and a receiver that runs on a thread of its own.
    private struct Stream {
        let fixture: ArchiveFixture
        let cluster: Cluster
        let network: NetworkProxy
        let recorder: Recorder
        /// While it is set nothing is ready for another try.
        let isHeld: Flag

        func fillSegment() throws {
            let message = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 500000))"
            try cluster.sql("\(message); SELECT pg_switch_wal()")
        }

        func waitUntil(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
            let isTold = Shell.wait(seconds: 20) { recorder.told.contains { $0.contains(text) } }
            #expect(isTold, "\(text): \(recorder.told)", sourceLocation: sourceLocation)
        }

        /// Everything that is complete on the server is in the archive.
        func waitUntilArchived(_ first: String) throws {
            let current = try cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let expected = fixture.world.names(in: "\(cluster.dataDirectory)/pg_wal").filter {
                $0.count == 24 && $0 >= first && $0 < current
            }
            #expect(!expected.isEmpty)
            let isThere = Shell.wait(seconds: 20) { Set(fixture.archived).isSuperset(of: expected) }
            #expect(isThere, "\(expected): \(fixture.archived) \(recorder.told)")
        }
    }

    private func withStream(patienceSeconds: Double = 300, _ body: (Stream) throws -> Void) throws {
        try World.with { world in
            let cluster = try world.cluster(17, segmentMegabytes: 1)
            try cluster.configure(["wal_keep_size": "'64MB'"])
            try cluster.start()
            let network = try world.networkProxy(to: cluster.port)
            let recorder = Recorder()
            let fixture = try ArchiveFixture(world: world, options: "streaming_archiver = on")
            let address = try ConnectionString("host=127.0.0.1 port=\(network.port) user=postgres dbname=postgres")
            let server = PostgresServer(conninfo: address, streamingConninfo: address)
            var pace = WALStreaming.Pace()
            (pace.silenceSeconds, pace.questionSeconds, pace.patienceSeconds) = (2, 0.5, patienceSeconds)
            pace.discreetSeconds = 1
            let streaming = WALStreaming(
                home: fixture.home,
                server: server,
                reporter: recorder,
                archiveReporter: recorder,
                pace: pace
            )
            let (isOver, isHeld) = (Flag(), Flag())
            let worker = OnDemandWorker {
                // What nobody can mend ends it at the next try.
                try? streaming.run {
                    if isOver.isSet { throw ReplicationError.otherServer(expected: "one", found: "another") }
                    if isHeld.wasSet, server.facts().segmentSize == nil { throw Failure("nothing is known") }
                    if isHeld.isSet { throw Failure("not ready") }
                }
            }
            defer {
                isOver.set(true)
                network.resume()
                _ = try? cluster.stop(mode: "immediate")
                worker.end()
            }
            worker.wake()
            let streams = try Shell.wait(seconds: 20) {
                try cluster.number("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1
            }
            try #require(streams, "\(recorder.told)")
            try body(Stream(fixture: fixture, cluster: cluster, network: network, recorder: recorder, isHeld: isHeld))
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        private let everValue = Atomic(false)
        var isSet: Bool { value.load(ordering: .acquiring) }
        var wasSet: Bool { everValue.load(ordering: .acquiring) }

        func set(_ isSet: Bool) {
            if isSet { everValue.store(true, ordering: .releasing) }
            value.store(isSet, ordering: .releasing)
        }
    }
}
