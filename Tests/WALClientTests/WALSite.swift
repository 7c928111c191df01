import TestWorld
import Testing

/// A database host that sends WAL to, and gets it from, two names of one backup host: `ours` runs our program, `theirs` the oracle.
struct WALSite {
    let world: World
    let host: BarmanHost
    let sshHosts: [SSHHost]

    static let segment = "000000010000000000000001"

    init(_ world: World, global: KeyValuePairs<String, String> = [:]) throws {
        self.world = world
        host = try world.barmanHost(as: .barman, global: global)
        try host.addServer(
            "pg",
            [
                "description": "The test's server", "backup_method": "local-rsync", "archiver": "on",
                "backup_options": "concurrent_backup",
                "conninfo": "host=127.0.0.1 port=1 user=barman dbname=postgres",
            ]
        )
        _ = try world.program()
        let path = "/usr/bin:/bin"
        let theirs = Scratch.oracle.split(separator: "/").dropLast().joined(separator: "/")
        let configuration = ["BARMAN_CONFIG_FILE": host.configurationFile]
        sshHosts = try world.sshHosts(
            ["ours": .barman, "theirs": .barman],
            environments: [
                "ours": configuration.merging(["PATH": "\(world.path("bin")):\(path)"]) { $1 },
                "theirs": configuration.merging(["PATH": "/\(theirs):\(path)"]) { $1 },
            ]
        )
        // A login without a home directory says so on standard error.
        try world.shell("mkdir -p ~\(Account.barman.name) && chown \(Account.barman.name) ~\(Account.barman.name)")
        try world.makeKey(of: .postgres)
        for sshHost in sshHosts { try sshHost.authorize(.postgres) }
        try world.makeDirectory("state", as: .postgres)
        try world.makeDirectory("pg_wal", as: .postgres)
        try world.makeDirectory("pg_wal/archive_status", as: .postgres)
        try world.run(["mkdir", "-p", incoming, wals, "\(home)/streaming"], as: .barman).orThrow()
    }

    var home: String { "\(host.home)/pg" }
    var incoming: String { "\(home)/incoming" }
    var wals: String { "\(home)/wals/0000000100000000" }

    /// Segment number N, of 1 MiB, with a header that belongs there; the same bytes every time.
    static func contents(_ number: Int, sizeBytes: Int = 1 << 20) -> [UInt8] {
        var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 | 1
        var bytes = [UInt8](repeating: 0, count: sizeBytes)
        for index in stride(from: 40, to: sizeBytes, by: 3) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[index] = UInt8(truncatingIfNeeded: state >> 56)
        }
        func put(_ value: UInt64, _ count: Int, at offset: Int) {
            for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        put(0xD116, 2, at: 0)
        put(0x0002, 2, at: 2)
        put(1, 4, at: 4)
        put(UInt64(number) &* UInt64(sizeBytes), 8, at: 8)
        put(7_000_000_000_000_000_001, 8, at: 24)
        put(UInt64(sizeBytes), 4, at: 32)
        put(8192, 4, at: 36)
        return bytes
    }

    static func name(_ number: Int) -> String {
        let digits = String(number, radix: 16, uppercase: true)
        return "0000000100000000" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// Puts segments where PostgreSQL has them, ready to be archived.
    func makeReady(_ numbers: ClosedRange<Int>) throws {
        for number in numbers {
            try write(Self.contents(number), to: world.path("pg_wal/\(Self.name(number))"), as: .postgres)
            try world.write("", to: "pg_wal/archive_status/\(Self.name(number)).ready", as: .postgres)
        }
    }

    /// Puts segments into the archive, compressed by a program, plain without one.
    func makeArchived(_ numbers: ClosedRange<Int>, by compressor: String? = nil) throws {
        for number in numbers {
            let path = "\(wals)/\(Self.name(number))"
            try write(Self.contents(number), to: path, as: .barman)
            if let compressor {
                try world.shell("\(compressor) -c '\(path)' > '\(path).tmp' && mv '\(path).tmp' '\(path)'").orThrow()
                try world.run(["chown", Account.barman.name, path])
            }
        }
    }

    func write(_ bytes: [UInt8], to path: String, as account: Account) throws {
        try Shell.write(bytes, to: path)
        try world.run(["chown", account.name, path])
    }

    /// Runs one of our client programs as PostgreSQL would, or the oracle's.
    func client(
        _ program: String,
        _ words: [String],
        oracle: Bool = false,
        seconds: Int = 60
    ) throws -> Outcome {
        let directory = Scratch.oracle.split(separator: "/").dropLast().joined(separator: "/")
        let path = oracle ? "/\(directory)/\(program)" : try world.walProgram(program)
        let ours = oracle ? [] : ["--state-dir", world.path("state")]
        return try world.run([path] + ours + words, as: .postgres, seconds: seconds)
    }

    func archive(_ number: Int, to name: String, _ options: String..., oracle: Bool = false) throws -> Outcome {
        let words = options + [name, "pg", world.path("pg_wal/\(Self.name(number))")]
        return try client("barman-wal-archive", words, oracle: oracle)
    }

    func restore(_ wal: String, from name: String, _ options: [String] = [], oracle: Bool = false) throws -> Outcome {
        let words = options + ["--spool-dir", world.path("state/spool"), name, "pg", wal, destination]
        return try client("barman-wal-restore", words, oracle: oracle)
    }

    var destination: String { world.path("pg_wal/RECOVERYXLOG") }

    /// Names in the incoming directory, hidden ones included.
    var received: [String] { world.names(in: incoming) }

    func clearIncoming() throws {
        try world.shell("rm -rf '\(incoming)'/* '\(incoming)'/.[!.]*").orThrow()
    }
}
