import TestWorld
import Testing

/// `barman-wal-archive --batch` and the `put-wal` behind it, each killed or failing at every call that changes a file.
///
/// Whatever happens, PostgreSQL is never told that a file is safe which the backup host does not hold.
@Suite struct InterruptionTests {
    private static let count = 3

    @Test(arguments: ["kill", "EIO", "ENOSPC"])
    func `whatever befalls the client, only what the backup host holds is confirmed`(kind: String) throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...Self.count)
            var position = 0
            var isPast = false
            while !isPast, position < 60 {
                position += 1
                try start(site)
                let counts = try world.write("", to: "count", as: .postgres)
                let outcome = try batch(site, ["BARMAN_FAULT": "\(kind):\(position)", "BARMAN_FAULT_COUNT": counts])
                isPast = (Int(try world.read(counts).dropLast()) ?? .max) < position && outcome.status == 0
                try judge(site, outcome, "\(kind) at \(position) of the client")
            }
            #expect(isPast && position > 5, "\(position)")
        }
    }

    @Test(arguments: ["kill", "EIO", "ENOSPC"])
    func `whatever befalls put-wal, only what it holds is confirmed`(kind: String) throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...Self.count)
            // The host's `barman` is one that fails; what it counts is written when it comes to its end.
            let program = world.path("bin/barman-sound")
            try world.run(["mv", try world.program(), program]).orThrow()
            try world.write(
                """
                #!/bin/sh
                BARMAN_FAULT=$(cat '\(world.path("fault"))') BARMAN_FAULT_COUNT='\(world.path("count"))' exec '\(program)' "$@"

                """,
                to: "bin/barman",
                mode: 0o755
            )
            var position = 0
            var isPast = false
            while !isPast, position < 100 {
                position += 1
                try start(site)
                try world.write("\(kind):\(position)", to: "fault")
                try world.write("", to: "count", as: .barman)
                let outcome = try batch(site, [:])
                isPast = (Int(try world.read("count").dropLast()) ?? .max) < position && outcome.status == 0
                try world.write("none", to: "fault")
                try judge(site, outcome, "\(kind) at \(position) of put-wal")
            }
            #expect(isPast && position > 10, "\(position)")
        }
    }

    /// An empty backup host, and nothing confirmed.
    private func start(_ site: WALSite) throws {
        try site.clearIncoming()
        try site.world.shell("rm -f '\(site.world.path("state"))'/sent-*").orThrow()
    }

    /// Archives a file in a batch; the one ssh does what `isDead` says.
    private func batch(
        _ site: WALSite,
        _ environment: [String: String],
        _ number: Int = 1,
        isDead: Bool = false
    ) throws -> Outcome {
        let world = site.world
        if !world.exists("switched/ssh") {
            try world.makeDirectory("switched", mode: 0o755)
            let ssh = "[ -e '\(world.path("dead"))' ] && exit 255\nexec '\(world.path("bin/ssh"))' \"$@\""
            try world.write("#!/bin/sh\n\(ssh)\n", to: "switched/ssh", mode: 0o755)
        }
        if isDead { try world.write("", to: "dead") }
        defer { if isDead { Shell.removeTree(world.path("dead")) } }
        return try world.run(
            [
                try world.walProgram("barman-wal-archive"), "--state-dir", world.path("state"), "--batch", "8", "ours",
                "pg", world.path("pg_wal/\(WALSite.name(number))"),
            ],
            as: .postgres,
            environment: environment.merging(["PATH": "\(world.path("switched")):\(world.searchPath)"]) { $1 }
        )
    }

    /// What is confirmed, now or to a later call without a backup host, is there; a repeat brings everything, once.
    private func judge(_ site: WALSite, _ outcome: Outcome, _ title: String) throws {
        let world = site.world
        for number in 1...Self.count {
            let name = WALSite.name(number)
            let confirmed = number == 1 ? outcome.status == 0 : try batch(site, [:], number, isDead: true).status == 0
            let path = "\(site.incoming)/\(name)"
            if confirmed { #expect(world.exists(path), "\(title): \(name) is confirmed, and is not there") }
            // Under its own name a file is whole.
            if world.exists(path) { #expect(try Shell.read(path) == WALSite.contents(number), "\(title): \(name)") }
        }
        let again = try batch(site, [:])
        #expect(again.status == 0, "\(title): \(again)")
        #expect(site.received.filter { !$0.hasPrefix(".") } == (1...Self.count).map(WALSite.name), "\(title)")
        #expect(world.names(in: "\(site.home)/errors") == [], "\(title)")
    }
}
