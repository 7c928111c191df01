import Glibc
import TestWorld
import Testing

/// RPO 0: with our receiver as the synchronous standby, no commit that a client saw confirmed is ever lost.
@Suite struct NothingLostTests {
    /// Twenty rounds over three versions; in every other round the receiver is killed as well, and started again.
    @Test(arguments: [(15, 7), (17, 7), (18, 6)])
    func `every confirmed commit is there after the server was killed and its data directory lost`(
        version: Int,
        rounds: Int
    ) throws {
        try World.with { world in
            let site = try StreamingSite.make(in: world, version: version)
            var receiver = try site.startReceiver()
            try site.host.barman("backup", "pg", "--wait", "--wait-timeout", "60").orThrow()
            try site.stop(receiver)
            try site.cluster.configure(["synchronous_standby_names": "'barman_receive_wal'"])
            try site.cluster.stop()
            try world.run(["cp", "-a", site.cluster.dataDirectory, world.path("data-before")]).orThrow()
            try world.run(["cp", "-a", "\(site.host.home)/pg", world.path("home-before")]).orThrow()

            for round in 1...rounds {
                if round > 1 {
                    try world.run(["rm", "-rf", "\(site.host.home)/pg"]).orThrow()
                    try world.run(["cp", "-a", world.path("home-before"), "\(site.host.home)/pg"]).orThrow()
                    try world.run(["cp", "-a", world.path("data-before"), site.cluster.dataDirectory]).orThrow()
                }
                try site.cluster.start()
                receiver = try site.startReceiver()
                let clients = try (1...3).map { try client($0, site) }
                Shell.sleep(milliseconds: Int.random(in: 150...900))
                if round.isMultiple(of: 2) {
                    receiver.signal(SIGKILL)
                    try receiver.wait()
                    Shell.sleep(milliseconds: Int.random(in: 0...100))
                    receiver = try site.host.startBarman("receive-wal", "pg")
                    Shell.sleep(milliseconds: Int.random(in: 100...900))
                }
                try kill(site.cluster)
                try world.run(["rm", "-rf", site.cluster.dataDirectory]).orThrow()
                let confirmed = try clients.map { try $0.wait().lines.compactMap { Int($0) } }
                // The backup host may go down with it.
                receiver.signal(round.isMultiple(of: 3) ? SIGKILL : SIGINT)
                try receiver.wait()
                #expect(confirmed.allSatisfy { !$0.isEmpty }, "round \(round): nothing was confirmed")
                try expectRestored(confirmed, site, round)
            }
        }
    }

    /// A client that commits one row after the other, and prints the number of each that was confirmed.
    private func client(_ number: Int, _ site: StreamingSite) throws -> BackgroundProgram {
        let statements = (1...20_000).map { "INSERT INTO ledger VALUES (\(number), \($0)) RETURNING number;\n" }
        let file = site.world.path("client-\(number).sql")
        if !site.world.exists(file) { try site.world.write(statements.joined(), to: file) }
        return try site.world.start(
            [
                site.cluster.program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h",
                site.world.path("s"),
                "-p", "\(site.cluster.port)", "-U", "postgres", "-d", "postgres", "-f", file,
            ],
            as: .postgres
        )
    }

    /// Kills every process of a server at once.
    private func kill(_ cluster: Cluster) throws {
        let line = try cluster.world.read("\(cluster.dataDirectory)/postmaster.pid").split(separator: "\n").first
        let postmaster = try #require(line)
        // A process that has just ended by itself is no less dead.
        try cluster.world.shell("kill -9 \(postmaster) $(pgrep -P \(postmaster)) || true").orThrow()
    }

    private func expectRestored(_ confirmed: [[Int]], _ site: StreamingSite, _ round: Int) throws {
        let world = site.world
        try site.host.barman("archive-wal", "pg").orThrow()
        let destination = try world.makeDirectory("restored-\(round)", as: .postgres)
        try site.host.barman("restore", "--partial-wal", "pg", "latest", destination).orThrow()
        let restored = try world.restoredCluster(destination, version: site.cluster.version, as: .postgres)
        try restored.configure(["synchronous_standby_names": "''"])
        try restored.start()
        try restored.waitUntilPromoted()
        for (index, numbers) in confirmed.enumerated() {
            let there = try restored.sql("SELECT number FROM ledger WHERE client = \(index + 1)")
            let missing = Set(numbers).subtracting(there.split(separator: "\n").compactMap { Int($0) })
            #expect(missing.isEmpty, "round \(round): client \(index + 1) lost \(missing.sorted())")
        }
        try restored.stop(mode: "immediate")
        try world.run(["rm", "-rf", destination]).orThrow()
    }
}
