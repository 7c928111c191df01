import TestWorld
import Testing

/// A streaming directory that has files of timelines on which the server is not, or was before.
@Suite struct OtherTimelinesTests {
    @Test func `files of a timeline that the server is not on take nothing from the receiver`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 17)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let receiver = try site.startReceiver()
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            // What a visit to a server that was promoted long ago leaves.
            let early = "000000030000000000000001.partial"
            try world.shell("head -c 1M /dev/zero > \(site.streaming)/\(early); chown -R postgres \(site.streaming)")
                .orThrow()
            let open = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            try site.host.barman("archive-wal", "pg").orThrow()
            try site.cluster.sql("INSERT INTO ledger SELECT 1, generate_series(1, 1000)")
            try site.waitUntilCaughtUp()
            #expect(world.exists("\(site.streaming)/\(open).partial"))
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(receiver)

            // And one that came farther than the server, so that it is the newest by every order.
            let late = "0000000300000000000000FF.partial"
            let branch = try site.cluster.sql("SELECT pg_current_wal_lsn()")
            try world.write("1\t\(branch)\tvisit\n", to: "\(site.streaming)/00000003.history", as: .postgres)
            try world.run(["mv", "\(site.streaming)/\(early)", "\(site.streaming)/\(late)"]).orThrow()
            try site.host.barman("archive-wal", "pg").orThrow()
            let again = try site.startReceiver()
            let words = "the server has not been at 0/FF00000 on timeline 3: going on at "
            #expect(again.outcome.out.contains(words), "\(again.outcome)")
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(again)
            try site.host.barman("archive-wal", "pg").orThrow()
            try site.expectEqualSegments(from: first)
        }
    }

    @Test func `after a promotion a reset stays on the timeline of the slot, and leaves what goes on`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 15)
            // One that keeps WAL before anybody has used it.
            try site.cluster.sql("SELECT pg_create_physical_replication_slot('barman', true)")
            let first = try site.cluster.sql("SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots")
            try site.fillSegments(3)
            try site.cluster.stop()
            try world.write("", to: "\(site.cluster.dataDirectory)/standby.signal", as: .postgres)
            try site.cluster.start()
            try site.cluster.sql("SELECT pg_promote()")
            try site.cluster.waitUntilPromoted()
            // The name of a restore point may be in any encoding.
            let history = "\(site.cluster.dataDirectory)/pg_wal/00000002.history"
            try world.shell("printf '# caf\\351\\n' >> \(history)").orThrow()
            try site.fillSegments(1)

            try world.makeDirectory(site.streaming, as: .postgres)
            try world.write("", to: "\(site.streaming)/\(first).partial", as: .postgres)
            let aligned = try site.host.barman("receive-wal", "--reset", "pg")
            #expect(aligned.out == "Nothing to do. Position of receive-wal is aligned.\n", "\(aligned)")
            // Ahead by its name, but not on the way of this server, and of no use: it is not touched.
            let stranger = "00000003\(first.dropFirst(8)).partial"
            let newest = "00000002\(first.dropFirst(8)).partial"
            try world.run(["rm", "\(site.streaming)/\(first).partial"]).orThrow()
            for name in [stranger, newest] {
                try world.write("", to: "\(site.streaming)/\(name)", as: .postgres)
            }
            let reset = try site.host.barman("receive-wal", "--reset", "pg")
            #expect(
                reset.out == "Resetting receive-wal directory status\n"
                    + "Creating status file \(site.streaming)/\(first).partial\n",
                "\(reset)"
            )
            #expect(world.names(in: site.streaming) == ["\(first).partial", newest, stranger])
            // The receiver that an earlier release has reset so goes on as well.
            try world.run(["rm", "\(site.streaming)/\(first).partial", "\(site.streaming)/\(stranger)"]).orThrow()
            let receiver = try site.startReceiver()
            try site.waitUntilCaughtUp()
            try site.stop(receiver)
            let words =
                "the server has not been at 0/\(start(of: first)) on timeline 2: going on at 0/\(start(of: first)) on timeline 1"
            #expect(receiver.outcome.out.contains(words), "\(receiver.outcome)")
            try site.host.barman("archive-wal", "pg").orThrow()
            for name in ["\(first)", "00000002.history"] { #expect(site.host.archivedWAL("pg").contains(name)) }
            try world.run(["cmp", history, "\(site.host.home)/pg/wals/00000002.history"]).orThrow()
            let branch = try site.cluster.sql(
                "SELECT min(name) FROM pg_ls_waldir() WHERE name LIKE '00000002%' AND length(name) = 24"
            )
            try site.expectEqualSegments(from: branch)
        }
    }

    /// The low half of the position at which a segment of 1 MiB starts.
    private func start(of segment: String) -> String {
        String((Int(segment.suffix(8), radix: 16) ?? 0) << 20, radix: 16, uppercase: true)
    }
}
