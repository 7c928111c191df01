import TestWorld

/// malcolm, the backup host, and angus, the PostgreSQL host: what the pages call them, in a world.
struct DocHosts {
    private let world: World
    private let angus: Cluster
    private let malcolm: BarmanHost
    /// What stands in pages, and what it is in this world.
    private let places: [(word: String, here: String)]
    private let environments: [String: [String: String]]

    init(_ world: World, isBackedUp: Bool) throws {
        self.world = world
        angus = try world.cluster(15, named: "angus", segmentMegabytes: 1)
        malcolm = try world.barmanHost()
        // Hosts of the same names in other worlds must not share a connection, which the programs keep by host name.
        let state = try world.makeDirectory("wal-state", as: .postgres)
        let client = try world.walProgram("barman-wal")
        for name in ["barman-wal-archive", "barman-wal-restore"] {
            let script = "#!/bin/sh\nexec \(client) \(name) --state-dir \(state) \"$@\"\n"
            try world.write(script, to: "bin/\(name)", mode: 0o755)
        }
        _ = try world.program()
        let path = "\(world.path("bin")):\(Scratch.serverPrograms(15)):/usr/local/bin:/usr/bin:/bin"
        environments = [
            "malcolm": angus.addressEnvironment.merging(
                ["PATH": path, "BARMAN_CONFIG_FILE": malcolm.configurationFile]
            ) { $1 },
            "angus": ["PATH": path, "PGHOST": world.path("s"), "PGPORT": "\(angus.port)", "PGUSER": "postgres"],
        ]
        let hosts = try world.sshHosts(["angus": .postgres, "malcolm": .barman], environments: environments)
        for account in [Account.postgres, .barman] { try world.makeKey(of: account) }
        try hosts[0].authorize(.barman)
        try hosts[1].authorize(.postgres)
        try world.makeDirectory("tmp", mode: 0o1777)
        // In this order: what a later line puts in is not looked at again by an earlier one.
        places = [
            ("/tmp", world.path("tmp")), ("5499", "\(try world.freePort())"),
            ("/etc/barman.d", malcolm.serversDirectory), ("/var/lib/barman", malcolm.home),
            ("/var/lib/postgresql/15/main", angus.dataDirectory), ("/var/lib/postgresql/15", world.path("angus")),
        ]
        angus.environment = environments["angus", default: [:]]
        if isBackedUp { try backUp() } else { try angus.start() }
    }

    private func backUp() throws {
        try malcolm.addServer(
            "angus",
            [
                "conninfo": "host=angus user=barman dbname=postgres", "backup_method": "rsync", "archiver": "on",
                "backup_options": "concurrent_backup", "ssh_command": "ssh postgres@angus",
                "immediate_checkpoint": "true",
            ]
        )
        try malcolm.barman("check", "angus", environment: environments["malcolm", default: [:]])
        try angus.configure(["archive_mode": "on", "archive_command": "'barman-wal-archive malcolm angus %p'"])
        try angus.start()
        try angus.createBackupRole()
        try shell("barman switch-wal --force --archive angus; barman backup --wait angus", on: "malcolm", as: .barman)
            .orThrow()
    }

    /// Does what a block says; a status other than 0 is for the caller to judge.
    func run(_ block: DocPage.Block) throws -> Outcome {
        let text = places.reduce(block.text) { $0.replacing($1.word, with: $1.here) }
        switch (block.language, block.place) {
        case ("sh", "barman@malcolm"): return try shell(text, on: "malcolm", as: .barman)
        case ("sh", "postgres@angus"): return try shell(text, on: "angus", as: .postgres)
        case ("sql", "angus"):
            let file = try world.write(text, to: "block.sql")
            return try shell("psql -X -q -v ON_ERROR_STOP=1 -d postgres -f \(file)", on: "angus", as: .postgres)
        case ("ini", "angus:postgresql.conf"):
            let file = "\(angus.dataDirectory)/postgresql.conf"
            try world.write(try world.read(file) + text, to: file, as: .postgres)
        case ("ini", let place) where place.hasPrefix("malcolm:/etc/barman.d/"):
            let file = "\(malcolm.serversDirectory)/\(place.split(separator: "/").last ?? "")"
            // A block with the name of the section is the whole file, one without goes on with it.
            let before = text.hasPrefix("[") ? "" : try world.read(file)
            try world.write(before + text, to: file, as: .barman)
        default: throw WorldError("line \(block.line): nobody knows '\(block.language) \(block.place)'")
        }
        return try world.run(["true"])
    }

    /// What our program has logged.
    func log() throws -> String { world.exists(malcolm.logFile) ? try world.read(malcolm.logFile) : "" }

    /// Ends what the pages have started besides: the receiver, and servers that came back from a restore.
    func end() throws {
        let end = "barman terminate-process angus receive-wal >/dev/null 2>&1 || true"
        try shell(end, on: "malcolm", as: .barman).orThrow()
        let isOver = try Shell.wait(seconds: 10) {
            !(try shell("barman list-processes angus", on: "malcolm", as: .barman).out.contains("receive-wal"))
        }
        guard isOver else { throw WorldError("the receiver does not end") }
        for name in world.names(in: "angus") where world.exists("angus/\(name)/postmaster.pid") {
            let words = [angus.program("pg_ctl"), "-D", world.path("angus/\(name)"), "-m", "immediate", "stop"]
            try world.run(words, as: .postgres).orThrow()
        }
    }

    private func shell(_ text: String, on host: String, as account: Account) throws -> Outcome {
        try world.run(
            ["bash", "-euo", "pipefail", "-c", text],
            as: account,
            environment: environments[host, default: [:]]
        )
    }
}
