import TestWorld
import Testing

/// A server that has removed WAL before we had it.
@Suite struct LostSlotTests {
    @Test func `a receiver whose next WAL is gone ends at once, check says so, and the advice mends it`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 17, settings: ["wal_keep_size": "0"])
            let first = try site.startReceiver()
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(first)
            try site.host.barman("receive-wal", "--drop-slot", "pg").orThrow()
            try site.fillSegments(2)
            try site.cluster.sql("CHECKPOINT")
            let wayOut = "'barman receive-wal --reset pg' goes on without it, then 'barman backup pg'"
            let receiver = try site.host.barman("receive-wal", "pg")
            #expect(receiver.status == 1, "\(receiver)")
            #expect(receiver.err.hasSuffix(" has already been removed\nHINT: \(wayOut)\n"), "\(receiver)")
            let check = try site.host.barman("check", "--explain", "pg").out
            #expect(check.contains(" has already been removed; \(wayOut))\n"), "\(check)")
            #expect(check.contains("\t\tfix: barman receive-wal --reset pg\n"), "\(check)")
            try site.host.barman("receive-wal", "--reset", "pg").orThrow()
            let again = try site.startReceiver()
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            #expect(try site.host.barman("check", "pg").out.contains("\treceive-wal running: OK\n"))
            try site.stop(again)
        }
    }

    @Test func `a slot that the server has given up is called lost, and the advice mends it`() throws {
        try World.with { world in
            let limits: KeyValuePairs = ["wal_keep_size": "0", "max_slot_wal_keep_size": "'1MB'"]
            let site = try StreamingSite.make(in: world, version: 15, settings: limits)
            let first = try site.startReceiver()
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(first)
            try site.fillSegments(5)
            try site.cluster.sql("CHECKPOINT")
            let text = "slot 'barman' is lost: the server has removed WAL that had not been received"
            let check = try site.host.barman("check", "pg")
            #expect(check.out.contains("\treplication slot: FAILED (\(text))\n"), "\(check)")
            let receiver = try site.host.barman("receive-wal", "pg")
            #expect(
                receiver.status == 1 && receiver.err.contains("ArchiverFailure:replication \(text)."),
                "\(receiver)"
            )
            let commands = try site.host.barman("check", "--explain", "pg").out.split(separator: "\n").compactMap {
                line in
                line.hasPrefix("\t\tfix: barman receive-wal ")
                    ? line.split(separator: " ").dropFirst(2).map(String.init) : nil
            }
            #expect(commands.map { $0[1] } == ["--drop-slot", "--create-slot", "--reset"])
            for words in commands { try site.host.barman(words).orThrow() }
            let again = try site.startReceiver()
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            #expect(try site.host.barman("check", "pg").out.contains("\treplication slot: OK\n"))
            try site.stop(again)
        }
    }
}
