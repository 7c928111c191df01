import Glibc
import TestWorld
import Testing

/// `drill`: a sound backup passes, each kind of damage is found with its reason, and nothing stays behind.
@Suite struct RestoreDrillTests {
    @Test func `a drill tells a sound backup from a damaged one`() throws {
        try World.with { world in
            let drills = try Drills(world)
            try drills.pass()
            try drills.find(flipping: "ledger", byte: 41_000, says: "table public.ledger: invalid page in block 5")
            try drills.find(
                flipping: "ledger_key",
                byte: 9_000,
                says: "index public.ledger_key: invalid page in block 1"
            )
            try drills.findMissingWAL()
            try drills.findWrongAnswers()
            try drills.warnOfLostTimeline()
            try drills.findImpossible()
            try drills.judgeAge()
        }
    }

    @Test func `a drill that is ended leaves nothing, and what a killed one left goes with the next`() throws {
        try World.with { world in
            let drills = try Drills(world)
            try drills.end(by: SIGINT)
            #expect(world.names(in: drills.scratch).isEmpty)
            try drills.end(by: SIGKILL)
            #expect(world.names(in: drills.scratch).count == 1)
            try drills.pass()
            // Two that begin in one instant do not hurt each other, and both are remembered.
            let before = try world.read("\(drills.site.host.home)/pg/.drills").split(separator: "\n").count
            let twins = try (1...2).map { _ in
                try drills.site.host.startBarman("drill", "pg", "--directory", drills.scratch)
            }
            for twin in twins {
                let outcome = try twin.wait(seconds: 120)
                #expect(outcome.status == 0, "\(outcome)")
            }
            let after = try world.read("\(drills.site.host.home)/pg/.drills").split(separator: "\n").count
            #expect(after == before + 2 && world.names(in: drills.scratch).isEmpty)
            #expect(try drills.site.host.barman("check", "pg").out.contains("\trestore drill: OK (last drill "))
            let servers = try world.run(["pgrep", "-f", "--", "-D \(drills.scratch)"])
            #expect(servers.status == 1, "\(servers)")
        }
    }
}

/// A backup and the drills of it, with scratch directories in memory.
private struct Drills {
    let world: World
    let site: Site
    let id: String
    let scratch: String

    init(_ world: World) throws {
        self.world = world
        site = try Site.local(in: world, segmentMegabytes: 1)
        try site.createLedger(rows: 5000)
        try site.cluster.sql("CREATE UNIQUE INDEX ledger_key ON ledger (id)")
        id = try site.backup()
        try site.cluster.sql("INSERT INTO ledger SELECT i, 'late' FROM generate_series(5001, 5010) i")
        for _ in 0..<2 { try site.archiveEverything() }
        // A directory in memory is as good as one on disk here, and faster.
        let directory = "/dev/shm/drills-\(getpid())-\(UInt16.random(in: 0...UInt16.max))"
        scratch = try world.makeDirectory(directory, as: .postgres)
        world.atEnd { [world, scratch] in _ = try? world.run(["rm", "-rf", scratch]) }
    }

    func drill(_ options: String...) throws -> Outcome {
        try site.host.barman(["drill", "pg", "--directory", scratch] + options)
    }

    @discardableResult
    func pass() throws -> Outcome {
        try world.write(
            "-- what must hold\nSELECT count(*) = 5010 FROM ledger\n\\c template1\nSELECT true\n",
            to: "assertions.sql"
        )
        let outcome = try drill("--sql", world.path("assertions.sql"))
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.lines.contains("Result: PASSED"))
        #expect(outcome.out.contains(", 2 assertions\n") && outcome.out.contains("\tNewest commit: "))
        #expect(world.names(in: scratch).isEmpty)
        #expect(try site.host.barman("check", "pg").out.contains("\trestore drill: OK (last drill "))
        #expect(try site.host.barman("status", "pg").out.contains("\tLast restore drill: passed, "))
        return outcome
    }

    /// A backup may be sound, and yet not lead to where the server is.
    func warnOfLostTimeline() throws {
        let directory = "\(site.host.home)/pg/wals/0000000200000000"
        try world.shell("mkdir \(directory) && touch \(directory)/000000020000000000000FFF", as: .postgres).orThrow()
        #expect(
            try pass().err.hasPrefix("WARNING: recovery will end on timeline 1, although there is WAL of timeline 2")
        )
        try world.run(["rm", "-r", directory]).orThrow()
    }

    /// Flips one bit of a relation in the stored backup.
    func find(flipping relation: String, byte: Int, says: String) throws {
        let path = try site.cluster.sql("SELECT pg_relation_filepath('\(relation)')")
        let file = "\(site.host.home)/pg/base/\(id)/data/\(path)"
        let flip = """
            b=$(od -An -tu1 -j \(byte) -N 1 '\(file)')
            printf "$(printf '\\\\%03o' $((b ^ 4)))" | dd of='\(file)' bs=1 seek=\(byte) conv=notrunc status=none
            """
        try world.shell(flip, as: .postgres).orThrow()
        try expectDefect(drill(), says)
        try world.shell(flip, as: .postgres).orThrow()
    }

    func findMissingWAL() throws {
        let segments = site.host.archivedWAL("pg").filter { $0.count == 24 }
        let name = segments[segments.count - 2]
        let file = "\(site.host.home)/pg/wals/\(name.prefix(16))/\(name)"
        try world.shell("mv \(file) \(file).away", as: .postgres).orThrow()
        try expectDefect(drill(), "WAL file \(name) is missing")
        #expect(try site.host.barman("check", "pg").out.contains("\trestore drill: FAILED (last drill "))
        try world.shell("mv \(file).away \(file)", as: .postgres).orThrow()
    }

    func findWrongAnswers() throws {
        let file = try world.write(
            "SELECT count(*) = 5010 FROM ledger\nSELECT count(*) > 6000 FROM ledger\nSELECT 1 FROM nowhere\n"
                + "SELECT true WHERE false\n\\c nowhere\nSELECT true\n",
            to: "wrong.sql"
        )
        let outcome = try drill("--sql", file)
        try expectDefect(outcome, "line 2 of the assertions: SELECT count(*) > 6000 FROM ledger: f")
        for text in [
            "line 3 of the assertions: SELECT 1 FROM nowhere: relation", "line 4 of the assertions", "line 6 ",
        ] {
            #expect(outcome.out.contains("\tDEFECT: \(text)"), "\(outcome)")
        }
        let unread = try drill("--sql", "/nowhere/at/all")
        #expect(unread.status == 1 && unread.err.contains("cannot read the assertions"), "\(unread)")
        #expect(world.names(in: scratch).isEmpty)
    }

    /// What is wrong with the drill is not held against the backup.
    func findImpossible() throws {
        let records = try world.read("\(site.host.home)/pg/.drills")
        for (options, says) in [
            (["--target-time", "2099-01-01 00:00:00+00:00"], "is not before the end of the archived WAL"),
            (["--target-time", "2020-01-01 00:00:00+00:00"], "is before the backup end time"),
        ] {
            let outcome = try site.host.barman(["drill", "pg", "--directory", scratch] + options)
            #expect(outcome.status == 1 && outcome.err.contains(says), "\(outcome)")
            #expect(outcome.err.hasPrefix("ERROR: The drill of backup \(id) cannot be done: "), "\(outcome)")
        }
        #expect(try world.read("\(site.host.home)/pg/.drills") == records && world.names(in: scratch).isEmpty)
    }

    private func expectDefect(_ outcome: Outcome, _ says: String) throws {
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.out.contains("\tDEFECT: ") && outcome.out.contains(says), "\(outcome)")
        #expect(outcome.lines.contains("Result: FAILED"), "\(outcome)")
        #expect(world.names(in: scratch).isEmpty)
    }

    /// `drill_maximum_age` makes `check` fail; the record in JSON; a drill to a target.
    func judgeAge() throws {
        let json = try site.host.barman("-f", "json", "drill", "pg", "--directory", scratch, "--target-immediate")
        #expect(json.status == 0 && json.out.contains("\"passed\": true"), "\(json)")
        #expect(json.out.contains("\"target\": \"immediate\""), "\(json)")
        let file = "\(site.host.serversDirectory)/pg.conf"
        let text = try world.read(file)
        try world.write(text + "drill_maximum_age = 1 DAY\n", to: file, as: site.host.account)
        #expect(try site.host.barman("check", "pg").out.contains("\trestore drill: OK (last drill "))
        #expect(try site.host.barman("show-servers", "pg").out.contains("\tdrill_maximum_age: 1 day, 0:00:00\n"))
        // As if it had been two days ago: the record says when, and is signed, so that it has to go altogether.
        try world.shell("rm \(site.host.home)/pg/.drills", as: .postgres).orThrow()
        let check = try site.host.barman("check", "pg")
        #expect(check.out.contains("\trestore drill: FAILED (there was no drill)"), "\(check)")
        #expect(check.status == 1)
        #expect(try site.host.barman("backup", "pg", "--wait").status == 0, "a drill is no condition of a backup")
        try world.write(text, to: file, as: site.host.account)
        #expect(try !site.host.barman("check", "pg").out.contains("drill"))
    }

    /// Sends a signal while the server of a drill is up.
    func end(by signal: Int32) throws {
        let file = try world.write("SELECT pg_sleep(100) IS NULL\n", to: "long.sql")
        let program = try site.host.startBarman("drill", "pg", "--directory", scratch, "--sql", file)
        let isUp = try Shell.wait(seconds: 60) {
            try world.shell("grep -l 'ready to accept' \(scratch)/.drill-*/server.log").status == 0
                || world.shell("ls \(scratch)/.drill-*/s/.s.PGSQL.* 2>/dev/null").out.contains(".s.PGSQL")
        }
        #expect(isUp, "\(program.outcome)")
        kill(program.pid, signal)
        let outcome = try program.wait(seconds: 60)
        #expect(outcome.status != 0)
        if signal == SIGINT {
            #expect(outcome.status == 1 && outcome.err.contains("interrupted by user"), "\(outcome)")
        }
    }
}
