import Glibc
import TestWorld
import Testing

/// The receiver as a citizen: started by cron, interrupted anywhere, without disk, without a server.
@Suite struct ReceiverTests {
    @Test func `cron starts it, check sees it, and each complete segment is archived at once`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 18, options: ["compression": "gzip"])
            let cron = try site.host.barman("cron")
            #expect(cron.out.contains("Starting streaming archiver for server pg"), "\(cron)")
            let streams = try Shell.wait(seconds: 20) {
                try site.cluster.number("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1
            }
            #expect(streams)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            try site.fillSegments(1)
            // The file has its name before its line is in the list.
            let isArchived = try Shell.wait(seconds: 40) {
                try site.host.archivedWAL("pg").contains(first)
                    && world.read("\(site.host.home)/pg/wals/pg-xlog.db").contains("\(first)\t")
            }
            #expect(isArchived)
            let check = try site.host.barman("check", "pg")
            for row in [
                "pg_receivexlog: OK", "pg_receivexlog compatible: OK", "receive-wal running: OK",
                "replication slot: OK",
            ] {
                #expect(check.out.contains("\t\(row)"), "\(check)")
            }
            let processes = try site.host.barman("list-processes", "pg")
            #expect(processes.out.contains(" receive-wal"), "\(processes)")
            // A second turn of cron finds it running, and a second receiver is refused.
            #expect(try site.host.barman("cron").out.contains("Starting streaming archiver") == false)
            let second = try site.host.barman("receive-wal", "pg")
            #expect(second.status == 1)
            #expect(second.err == "ERROR: Another receive-wal process is already running for server pg.\n")
            let stop = try site.host.barman("receive-wal", "--stop", "pg")
            #expect(stop.status == 0 && stop.out.hasPrefix("Stopped process receive-wal("), "\(stop)")
            #expect(world.names(in: site.streaming).allSatisfy { $0.hasSuffix(".partial") })
        }
    }

    @Test(arguments: [16, 64])
    func `segments of that many megabytes are received, archived and fetched bit for bit`(megabytes: Int) throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 18, segmentMegabytes: megabytes)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let killed = try site.startReceiver()
            try site.fillSegments(1)
            try site.cluster.sql("SELECT pg_logical_emit_message(false, 'test', repeat(md5('x'), 100000))")
            try site.waitUntilCaughtUp()
            // In the middle of a segment.
            killed.signal(SIGKILL)
            try killed.wait()
            let receiver = try startAgain(site)
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.stop(receiver)
            try site.host.barman("archive-wal", "pg").orThrow()
            try site.expectEqualSegments(from: first)
            try expectListedOnce(site, "\(megabytes) MB")
            let fetched = try world.makeDirectory("fetched", as: .postgres)
            try site.host.barman("get-wal", "-o", fetched, "pg", first).orThrow()
            let same = try world.run(["cmp", "\(fetched)/\(first)", "\(site.cluster.dataDirectory)/pg_wal/\(first)"])
            #expect(same.status == 0, "\(same)")
        }
    }

    @Test func `a server that goes away is reported and tried again, and the receiver ends well meanwhile`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 15)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let receiver = try site.startReceiver()
            try site.fillSegments(1)
            try site.cluster.stop(mode: "immediate")
            let isTold = Shell.wait(seconds: 10) { receiver.outcome.err.contains("trying again in 2 seconds") }
            #expect(isTold, "\(receiver.outcome)")
            let reason = "failed opening the PostgreSQL streaming connection for server pg: connection to server at"
            #expect(receiver.outcome.err.contains(reason), "\(receiver.outcome)")
            try site.cluster.start()
            try site.waitUntilStreaming(receiver, from: site.cluster)
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.expectEqualSegments(from: first)
            try site.cluster.stop()
            _ = Shell.wait(seconds: 10) { receiver.outcome.err.components("terminated before stop point") > 0 }
            try site.stop(receiver)
            let again = try site.host.barman("receive-wal", "pg")
            #expect(again.status == 1)
            #expect(
                again.err == "ERROR: Impossible to start WAL streaming. "
                    + "Check the log for more details, or run 'barman check pg'\n"
            )
        }
    }

    @Test func `a slot that the server still holds for a lost connection is waited for, that of another client is not`()
        throws
    {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 18, settings: ["wal_sender_timeout": "'3s'"])
            let network = try world.networkProxy(to: site.cluster.port)
            defer { network.resume() }
            try connect(site, to: network.port, insteadOf: site.cluster.port)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let lost = try site.startReceiver()
            // The network is gone and the receiver with it: the server hears nothing of either.
            network.fallSilent()
            lost.signal(SIGKILL)
            try lost.wait()
            try connect(site, to: site.cluster.port, insteadOf: network.port)
            let receiver = try site.host.startBarman("receive-wal", "pg")
            let words = "the server has not noticed yet that an earlier connection is gone; trying again in 1 seconds"
            let isTold = Shell.wait(seconds: 20) { receiver.outcome.err.contains(words) }
            #expect(isTold, "\(receiver.outcome)")
            let holder = "replication slot 'barman' is held by barman_receive_wal from 127.0.0.1 (process "
            #expect(receiver.outcome.err.contains(holder), "\(receiver.outcome)")
            try site.fillSegments(1)
            try site.waitUntilCaughtUp()
            try site.expectEqualSegments(from: first)
            try site.stop(receiver)

            let other = try world.start(
                [
                    "\(Scratch.serverPrograms(18))/pg_receivewal", "-D",
                    try world.makeDirectory("other", as: .postgres),
                    "-S", "barman", "-h", "127.0.0.1", "-p", "\(site.cluster.port)", "-U", "barman", "-s", "1",
                ],
                as: .postgres
            )
            let holds = try Shell.wait(seconds: 20) {
                try site.cluster.sql("SELECT active FROM pg_replication_slots") == "t"
            }
            #expect(holds, "\(other.outcome)")
            let refused = try site.host.barman("receive-wal", "pg")
            #expect(refused.status == 1)
            #expect(refused.err.contains("replication slot 'barman' is held by pg_receivewal from 127.0.0.1 (process "))
            #expect(refused.err.hasSuffix("ERROR: ArchiverFailure:replication slot 'barman' is already in use\n"))
            // What the other one has taken will never come here.
            #expect(try site.host.barman("check", "pg").out.contains("\treplication slot: OK\n"))
            try site.fillSegments(3)
            let isSeen = try Shell.wait(seconds: 20) {
                try site.host.barman("check", "pg").out.contains("ends before: does another receiver use the slot?)")
            }
            #expect(isSeen)
        }
    }

    @Test func `interrupted at any call, the next receiver completes every segment bit for bit`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 17)
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
            let start = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            try site.fillSegments(3)
            try site.cluster.sql("INSERT INTO ledger SELECT 1, generate_series(1, 500)")
            #expect(first < start)
            try site.host.barman("receive-wal", "--create-slot", "pg").orThrow()
            let countFile = try world.write("", to: "count", as: .postgres)
            try reset(site, at: start)
            let counted = try site.startReceiver(environment: ["BARMAN_FAULT_COUNT": countFile])
            try site.waitUntilCaughtUp()
            try site.stop(counted)
            let total = Int(try world.read(countFile).filter(\.isNumber)) ?? 0
            try #require(total > 20, "the program counted \(total) calls: is it a debug build?")

            for (kind, limit) in [("kill", 12), ("EIO", 5), ("ENOSPC", 4)] {
                for step in 1...limit {
                    let position = max(1, step * total / limit)
                    let what = "\(kind):\(position) of \(total)"
                    try reset(site, at: start)
                    let broken = try site.host.startBarman(
                        "receive-wal",
                        "pg",
                        environment: ["BARMAN_FAULT": "\(kind):\(position)"]
                    )
                    let isOver = try Shell.wait(seconds: 10) { try !broken.isRunning || isCaughtUp(site) }
                    #expect(isOver, "\(what): \(broken.outcome)")
                    broken.signal(SIGKILL)
                    try broken.wait()
                    let again = try startAgain(site)
                    try site.waitUntilCaughtUp()
                    try site.stop(again)
                    try site.host.barman("archive-wal", "pg").orThrow()
                    try site.expectEqualSegments(from: start, after: what)
                    try expectListedOnce(site, what)
                }
            }
        }
    }

    @Test func `what arrived right before the end of the connection is kept, though nobody was told`() throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: 17)
            let receiver = try site.startReceiver()
            try site.waitUntilCaughtUp()
            receiver.signal(SIGSTOP)
            try site.cluster.sql("INSERT INTO ledger SELECT 7, generate_series(1, 50)")
            let isSent = try Shell.wait(seconds: 20) {
                try site.cluster.sql("SELECT sent_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication") == "t"
            }
            try #require(isSent)
            let place = try site.cluster.sql("SELECT * FROM pg_walfile_name_offset(pg_current_wal_flush_lsn())")
                .split(separator: "|")
            try #require(place.count == 2)
            // The end of the connection waits right behind the WAL.
            try site.cluster.stop(mode: "immediate")
            receiver.signal(SIGCONT)
            let isTold = Shell.wait(seconds: 20) { receiver.outcome.err.contains("trying again") }
            #expect(isTold, "\(receiver.outcome)")
            try world.run([
                "cmp", "-n", "\(place[1])", "\(site.cluster.dataDirectory)/pg_wal/\(place[0])",
                "\(site.streaming)/\(place[0]).partial",
            ]).orThrow()
            try site.stop(receiver)
        }
    }

    @Test(.enabled(if: getuid() == 0, "a small file system can be mounted by root alone"))
    func `a full disk is reported, leaves room, and holds up neither PostgreSQL nor what comes after`() throws {
        try World.with { world in
            let small = try world.makeDirectory("small", as: .postgres)
            try world.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700,uid=postgres,gid=postgres", "tmpfs", small])
                .orThrow()
            world.atEnd { _ = try? world.run(["umount", small]) }
            let site = try StreamingSite.make(
                in: world,
                version: 17,
                options: ["streaming_wals_directory": "\(small)/streaming"]
            )
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let receiver = try site.startReceiver()
            // Nobody archives, as when the archive itself is in trouble.
            let lock = "\(site.host.home)/.pg-archive-wal.lock"
            let holder = try world.start(["flock", lock, "sleep", "600"], as: .postgres)
            try site.fillSegments(20)
            let isTold = Shell.wait(seconds: 20) { receiver.outcome.err.contains("No space left on device") }
            #expect(isTold, "\(receiver.outcome)")
            #expect(
                receiver.outcome.err.contains("(room for two segments has to stay free); trying again in 1 seconds")
            )
            let free = try world.shell("df --output=avail -B1 \(small) | tail -1").orThrow().out
            #expect((Int(free.filter(\.isNumber)) ?? 0) >= 2 << 20, "room is left for the archiver: \(free)")
            // PostgreSQL goes on.
            try site.cluster.sql("INSERT INTO ledger VALUES (1, 1)")
            holder.signal(SIGKILL)
            try holder.wait()
            try site.waitUntilStreaming(receiver, from: site.cluster)
            try site.waitUntilCaughtUp()
            try site.stop(receiver)
            for name in world.names(in: "\(site.cluster.dataDirectory)/pg_wal")
            where name.count == 24 && name >= first && site.host.archivedWAL("pg").contains(name) {
                let stored = "\(site.host.home)/pg/wals/\(name.prefix(16))/\(name)"
                let outcome = try world.run(["cmp", "\(site.cluster.dataDirectory)/pg_wal/\(name)", stored])
                #expect(outcome.status == 0, "\(outcome)")
            }
            #expect(site.host.archivedWAL("pg").count >= 15)
        }
    }

    /// Lets the backup host reach the server at another port.
    private func connect(_ site: StreamingSite, to port: Int, insteadOf other: Int) throws {
        let change = "s/port=\(other) /port=\(port) /g"
        try site.world.run(["sed", "-i", change, "\(site.host.serversDirectory)/pg.conf"]).orThrow()
    }

    /// A home without WAL whose receiver begins at that segment.
    private func reset(_ site: StreamingSite, at segment: String) throws {
        try site.world.run(["rm", "-rf", "\(site.host.home)/pg"]).orThrow()
        try site.world.makeDirectory("\(site.host.home)/pg", as: .postgres)
        try site.world.makeDirectory(site.streaming, as: .postgres)
        try site.world.write("", to: "\(site.streaming)/\(segment).partial", as: .postgres)
        // The slot may be held for a moment by the one that was killed.
        _ = try Shell.wait(seconds: 10) { try site.cluster.number("SELECT count(*) FROM pg_stat_replication") == 0 }
    }

    private func isCaughtUp(_ site: StreamingSite) throws -> Bool {
        try site.cluster.sql(
            "SELECT count(*) > 0 FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_flush_lsn()"
        ) == "t"
    }

    private func startAgain(_ site: StreamingSite) throws -> BackgroundProgram {
        _ = try Shell.wait(seconds: 10) { try site.cluster.number("SELECT count(*) FROM pg_stat_replication") == 0 }
        return try site.startReceiver()
    }

    /// Each archived segment has one line in the list, and each line its segment.
    private func expectListedOnce(_ site: StreamingSite, _ what: String) throws {
        let lines = try site.world.read("\(site.host.home)/pg/wals/pg-xlog.db").split(separator: "\n").compactMap {
            $0.split(separator: "\t").first.map(String.init)
        }
        #expect(lines.sorted() == site.host.archivedWAL("pg"), "\(what)")
        #expect(site.world.names(in: "\(site.host.home)/pg/errors") == [], "\(what)")
    }
}

extension String {
    /// How often another text occurs.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
