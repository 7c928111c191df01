import Processes
import SystemPackage
import TestWorld
import Testing

@testable import WALClient

/// What the process behind `barman-wal-restore -p` may hand over, and how it ends.
@Suite struct PrefetchTests {
    /// A backup host with segments, in a directory that a script looks into.
    private struct Site {
        let world: World
        let host: ScriptedHost

        init(_ world: World, _ numbers: ClosedRange<Int>) throws {
            self.world = world
            host = try ScriptedHost(world)
            try world.makeDirectory("stored", mode: 0o755)
            try world.write("", to: "sent", as: .postgres)
            for number in numbers { try store(WALSite.contents(number), number) }
            // The remote command is the last word, the name of the file its last one, in quotes.
            try host.answer(
                """
                for last; do :; done
                name=${last%\\'} name=${name##*\\'}
                cd '\(world.path("stored"))' || exit
                case $last in
                *--peek*) ls | sed -n "/^$name\\$/,\\$p" ;;
                *) cat "$name" && echo "$name" >> '\(world.path("sent"))' ;;
                esac
                """
            )
            // Whoever still fetches then has nobody to fetch for.
            world.atEnd { for process in Self.fetchers(world) { _ = try? world.run(["kill", process]) } }
        }

        func store(_ bytes: [UInt8], _ number: Int) throws {
            try Shell.write(bytes, to: world.path("stored/\(WALSite.name(number))"))
        }

        @discardableResult
        func restore(_ number: Int, to destination: String? = nil, spool: String? = nil) throws -> Outcome {
            let options = ["-p", "3", "--spool-dir", spool ?? world.path("state/spool")]
            return try host.restore(WALSite.name(number), options, to: destination)
        }

        /// The directories of files that were fetched ahead.
        var places: [String] {
            world.names(in: "state/spool").filter { $0.hasPrefix(".ahead-") }.map { "state/spool/\($0)" }
        }

        /// Waits until these segments have come ahead, and nothing else is there or on its way.
        func waitUntilAhead(_ numbers: Int..., in place: String? = nil) -> Bool {
            Shell.wait(seconds: 20) {
                guard let place = place ?? places.first else { return false }
                let names = world.names(in: place).filter { $0.count == 24 || $0.hasSuffix(".part") }
                return names == numbers.map(WALSite.name)
            }
        }

        var fetchers: [String] { Self.fetchers(world) }

        static func fetchers(_ world: World) -> [String] {
            let found = try? world.run(["pgrep", "-f", "--", "\(Prefetcher.word) .*\(world.root)"])
            return found?.out.split(separator: "\n").map(String.init) ?? []
        }
    }

    @Test func `what a process that was killed has fetched is not handed over`() throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(2, 3))
            let fetcher = try #require(site.fetchers.first)
            try world.run(["kill", "-9", fetcher]).orThrow()
            #expect(Shell.wait(seconds: 20) { site.fetchers == [] })
            // Another cluster has the name now; its segments have the same ones.
            var other = WALSite.contents(2)
            other[100] ^= 1
            try site.store(other, 2)
            let outcome = try site.restore(2)
            #expect(outcome.status == 0 && outcome.err == "", "\(outcome)")
            #expect(try Shell.read(site.host.destination) == other)
            #expect(site.waitUntilAhead(3))
            #expect(try world.read("sent").split(separator: "\n").count { $0 == WALSite.name(3) } == 2)
        }
    }

    @Test(arguments: [true, false])
    func `a process that is asked to end, or that fails, takes with it what it has fetched`(isAsked: Bool) throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(2, 3))
            let place = try #require(site.places.first)
            let fetcher = try #require(site.fetchers.first)
            let command = isAsked ? "kill \(fetcher)" : "cd '\(world.path(place))' && rm delivered && mkdir delivered"
            try world.shell(command).orThrow()
            #expect(Shell.wait(seconds: 20) { site.fetchers == [] })
            #expect(world.names(in: place) == ["delivered", "lock"])
        }
    }

    @Test func `a process that was not given the lock does nothing`() throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(2, 3))
            let sent = try world.read("sent")
            let words = ["-p", "3", "--spool-dir", world.path("state/spool"), "host", "pg", "x", site.host.destination]
            try world.run(
                [try world.walProgram("barman-wal"), Prefetcher.word, "/"] + words,
                as: .postgres,
                environment: ["PATH": "\(world.path("ssh")):\(world.searchPath)"],
                seconds: 20
            )
            #expect(site.waitUntilAhead(2, 3))
            #expect(try world.read("sent") == sent)
        }
    }

    @Test(arguments: [0, 30, 1 << 19])
    func `a segment that has not come whole is not handed over`(sizeBytes: Int) throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            // As it is when the disk of the spool is full and ssh says that all is well.
            try site.store(Array(WALSite.contents(2).prefix(sizeBytes)), 2)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(3))
            try site.store(WALSite.contents(2), 2)
            #expect(try site.restore(2).status == 0)
            #expect(try Shell.read(site.host.destination) == WALSite.contents(2))
        }
    }

    @Test func `a file that cannot be moved is fetched`() throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(2, 3))
            let place = world.path(try #require(site.places.first))
            try world.run(["chmod", "0500", place]).orThrow()
            let outcome = try site.restore(2)
            #expect(outcome.status == 0 && outcome.err == "", "\(outcome)")
            #expect(try Shell.read(site.host.destination) == WALSite.contents(2))
            try world.run(["chmod", "0700", place]).orThrow()
        }
    }

    @Test func `paths are those of PostgreSQL's directory`() throws {
        try World.with { world in
            let site = try Site(world, 1...3)
            let program = try world.walProgram("barman-wal-restore")
            let words = "-p 3 --state-dir . --spool-dir spool --no-multiplex host pg \(WALSite.name(1)) ../pg_wal/X"
            try world.run(
                ["sh", "-c", "cd '\(world.path("state"))' && exec '\(program)' \(words)"],
                as: .postgres,
                environment: ["PATH": "\(world.path("ssh")):\(world.searchPath)"]
            ).orThrow()
            #expect(site.waitUntilAhead(2, 3))
            // It is the same place, however it is called.
            let sent = try world.read("sent")
            #expect(try site.restore(2, to: world.path("pg_wal/X")).status == 0)
            #expect(try !world.read("sent").dropFirst(sent.count).contains(WALSite.name(2)))
        }
    }

    @Test func `a spool directory that others can write to is not used`() throws {
        try World.with { world in
            let site = try Site(world, 1...2)
            try world.run(["chmod", "1777", world.path("state")]).orThrow()
            let warning = "WARNING: '\(world.path("state/spool"))' cannot be used safely: nothing is fetched ahead\n"
            let mine = try world.makeDirectory("mine", as: .postgres)
            for command in [
                "mkdir -m 0755 spool && chown nobody spool", "mkdir spool && chmod 0777 spool && chown postgres spool",
                "ln -s '\(mine)' spool && chown -h nobody spool",
            ] {
                try world.shell("cd '\(world.path("state"))' && \(command)").orThrow()
                let outcome = try site.restore(1)
                #expect(outcome.status == 0 && outcome.err == warning, "\(command)\n\(outcome)")
                #expect(site.places == [] && world.names(in: mine) == [])
                try world.run(["rm", "-rf", world.path("state/spool")]).orThrow()
            }
            // A link of root's is the administrator's will.
            try world.run(["ln", "-s", mine, world.path("state/spool")]).orThrow()
            let outcome = try site.restore(1)
            #expect(outcome.status == 0 && outcome.err == "", "\(outcome)")
            #expect(site.waitUntilAhead(2))
        }
    }

    @Test func `two clusters that replay the same WAL do not disturb each other`() throws {
        try World.with { world in
            let site = try Site(world, 1...6)
            let other = try world.makeDirectory("other", as: .postgres)
            #expect(try site.restore(1).status == 0)
            #expect(site.waitUntilAhead(2, 3))
            let first = try #require(site.places.first)
            #expect(try site.restore(4, to: "\(other)/RECOVERYXLOG").status == 0)
            let second = try #require(site.places.first { $0 != first })
            #expect(site.waitUntilAhead(5, 6, in: second))
            #expect(site.waitUntilAhead(2, 3, in: first))
        }
    }

    @Test func `a transfer that brings nothing for too long is over, a slow one is not`() throws {
        var silence = Silence(limitSeconds: 30, now: 100)
        let moments: [(Int64, Double)] = [(0, 129), (1, 131), (1, 160), (1, 161)]
        let answers = moments.map { silence.isTooLong(sizeBytes: $0, now: $1) }
        #expect(answers == [false, false, false, true])
        try World.with { world in
            let file = FilePath(try world.write("", to: "file"))
            var request = ProcessRequest("/bin/sh", ["-c", "trap '' TERM; while :; do sleep 1; done"])
            request.output = .discard
            request.errorOutput = .discard
            #expect(throws: Silence.End.self) { try request.run(writing: file, silenceSeconds: 0.1) }
            #expect(
                try ProcessRequest("/bin/sh", ["-c", "exit 3"]).run(writing: file, silenceSeconds: 60) == .exited(3)
            )
        }
    }
}
