import Glibc
import TestWorld
import Testing

/// The streaming directory is one and the same for pg_receivewal, the oracle and us, in the middle of a segment as well.
@Suite struct TakeOverTests {
    @Test(arguments: [15, 17, 18])
    func `pg_receivewal, the oracle and we go on where the other was stopped or killed`(version: Int) throws {
        try World.with { world in
            let site = try StreamingSite.make(
                in: world,
                version: version,
                options: ["path_prefix": Scratch.serverPrograms(version)]
            )
            let first = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            let receivers = ["oracle", "ours", "pg_receivewal", "ours", "oracle", "pg_receivewal", "ours"]
            for (turn, name) in receivers.enumerated() {
                let program = try start(name, site)
                try site.waitUntilStreaming(program, from: site.cluster)
                try site.fillSegments(2)
                // The next one begins in the middle of a segment.
                try site.cluster.sql("INSERT INTO ledger SELECT \(turn), generate_series(1, 500)")
                if turn.isMultiple(of: 2) { try waitUntilWritten(site) }
                program.signal(turn.isMultiple(of: 3) ? SIGKILL : SIGINT)
                try program.wait(seconds: 30)
                let isFree = try Shell.wait(seconds: 10) {
                    try site.cluster.number("SELECT count(*) FROM pg_stat_replication") == 0
                }
                #expect(isFree, "the receiver of turn \(turn) is still there")
            }
            let last = try site.startReceiver()
            try site.waitUntilCaughtUp()
            try site.stop(last)
            // A segment that was complete when the receiver was stopped waits for the next run of the archiver.
            try site.host.barman("archive-wal", "pg").orThrow()
            let partials = world.names(in: site.streaming).filter { $0.hasSuffix(".partial") }
            #expect(partials.count == 1 && world.names(in: site.streaming) == partials)
            try site.expectEqualSegments(from: first)
            // What is not complete is equal as far as it goes.
            let partial = try #require(partials.first)
            let offset = try site.cluster.number(
                "SELECT (pg_walfile_name_offset(pg_current_wal_flush_lsn())).file_offset"
            )
            let path = "\(site.cluster.dataDirectory)/pg_wal/\(partial.dropLast(".partial".count))"
            let outcome = try world.run(["cmp", "-n", "\(offset)", path, "\(site.streaming)/\(partial)"])
            #expect(outcome.status == 0, "\(outcome)")
        }
    }

    private func start(_ name: String, _ site: StreamingSite) throws -> BackgroundProgram {
        let variables = ["BARMAN_CONFIG_FILE": site.host.configurationFile]
        switch name {
        case "ours": return try site.host.startBarman("receive-wal", "pg")
        case "oracle":
            return try site.world.start([Scratch.oracle, "receive-wal", "pg"], as: .postgres, environment: variables)
        default:
            return try site.world.start(
                [
                    site.cluster.program("pg_receivewal"), "--no-loop", "-D", site.streaming, "--slot=barman",
                    "-h", "127.0.0.1", "-p", "\(site.cluster.port)", "-U", "barman", "--synchronous",
                ],
                as: .postgres
            )
        }
    }

    /// Waits until a receiver that does not flush has at least written everything.
    private func waitUntilWritten(_ site: StreamingSite) throws {
        let target = try site.cluster.sql("SELECT pg_current_wal_flush_lsn()")
        _ = try Shell.wait(seconds: 3) {
            try site.cluster.sql("SELECT bool_and(sent_lsn >= '\(target)') FROM pg_stat_replication") == "t"
        }
    }

    @Test func `slots, reset and refusals are answered as by the oracle`() throws {
        try World.with { world in
            let site = try StreamingSite.make(
                in: world,
                version: 17,
                options: ["path_prefix": Scratch.serverPrograms(17), "create_slot": "manual"]
            )
            let questions = [
                ["--drop-slot"], [], ["--reset"], ["--create-slot"], ["--create-slot"],
                ["--create-slot", "--if-not-exists"], ["--reset"], ["--stop"], ["--stop", "--reset"], ["--drop-slot"],
            ]
            for words in questions {
                // The oracle first; what it changed, ours finds changed back.
                let theirs = try site.host.oracle(["receive-wal"] + words + ["pg"])
                if words == ["--create-slot"], theirs.status == 0 {
                    try site.cluster.sql("SELECT pg_drop_replication_slot('barman')")
                }
                if words == ["--drop-slot"], theirs.status == 0 {
                    try site.cluster.sql("SELECT pg_create_physical_replication_slot('barman')")
                }
                try expectEqual(try site.host.barman(["receive-wal"] + words + ["pg"]), theirs, "\(words)")
            }
            try site.host.barman("receive-wal", "--create-slot", "pg").orThrow()
            // Positions: behind the slot, ahead of the server, and the files that a reset leaves.
            let segment = try site.cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
            try site.fillSegments(2)
            for file in ["\(segment).partial", segment, "0000000100000000000000F0.partial", "00000001000000000000000F"]
            {
                var files: [[String]] = []
                var outcomes: [Outcome] = []
                for program in [site.host.oracle, { try site.host.barman($0) }] {
                    try world.run(["rm", "-rf", site.streaming]).orThrow()
                    try world.makeDirectory(site.streaming, as: .postgres)
                    try world.write("", to: "\(site.streaming)/\(file)", as: .postgres)
                    outcomes.append(try program(["receive-wal", "--reset", "pg"]))
                    files.append(world.names(in: site.streaming))
                }
                try expectEqual(outcomes[1], outcomes[0], file)
                #expect(files[1] == files[0], "\(file)")
            }
        }
    }

    private func expectEqual(_ ours: Outcome, _ theirs: Outcome, _ what: String) throws {
        #expect(ours.out == theirs.out, "\(what)\n\(ours)\n\(theirs)")
        #expect(ours.err == theirs.err, "\(what)\n\(ours)\n\(theirs)")
        #expect(ours.status == theirs.status, "\(what)\n\(ours)\n\(theirs)")
    }
}
