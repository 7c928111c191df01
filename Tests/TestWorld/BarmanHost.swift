import Glibc

/// A backup host: configuration, home and the two programs that work on it, ours and the oracle.
public final class BarmanHost {
    /// The world it lives in.
    public let world: World
    /// Who runs `barman` here.
    public let account: Account
    /// The main configuration file; the programs find it by `BARMAN_CONFIG_FILE`.
    public let configurationFile: String
    /// The directory of the servers' files, included by the main file.
    public let serversDirectory: String
    /// `barman_home`.
    public let home: String
    /// The log file.
    public let logFile: String
    /// Variables for every command: where the PostgreSQL servers are, for example.
    public var environment: [String: String] = [:]
    /// Where the process of the oracle listens that forks for each command, when there is one.
    private var oracleSocket: String?

    init(world: World, account: Account, name: String, global: KeyValuePairs<String, String>) throws {
        self.world = world
        self.account = account
        try world.makeDirectory(name, as: account, mode: 0o755)
        configurationFile = world.path("\(name)/barman.conf")
        serversDirectory = try world.makeDirectory("\(name)/barman.d", as: account)
        home = try world.makeDirectory("\(name)/home", as: account)
        logFile = world.path("\(name)/barman.log")
        let text = """
            [barman]
            barman_user = \(account.name)
            configuration_files_directory = \(serversDirectory)
            barman_home = \(home)
            log_file = \(logFile)
            log_level = INFO

            """
        try world.write(
            text + global.map { "\($0) = \($1)\n" }.joined(),
            to: configurationFile,
            as: account
        )
    }

    /// Adds or replaces a server's file.
    public func addServer(_ name: String, _ options: KeyValuePairs<String, String>) throws {
        try world.write(
            "[\(name)]\n" + options.map { "\($0) = \($1)\n" }.joined(),
            to: "\(serversDirectory)/\(name).conf",
            as: account
        )
    }

    /// Runs our program.
    @discardableResult
    public func barman(
        _ arguments: String...,
        environment extra: [String: String] = [:],
        seconds: Int = 120
    ) throws -> Outcome {
        try run([try world.program()] + arguments, extra: extra, seconds: seconds)
    }

    /// Runs our program on a list of arguments.
    @discardableResult
    public func barman(
        _ arguments: [String],
        environment extra: [String: String] = [:],
        seconds: Int = 120
    ) throws -> Outcome {
        try run([try world.program()] + arguments, extra: extra, seconds: seconds)
    }

    /// Starts our program beside the test.
    public func startBarman(
        _ arguments: String...,
        environment extra: [String: String] = [:]
    ) throws -> BackgroundProgram {
        try world.start([try world.program()] + arguments, as: account, environment: variables(extra))
    }

    /// Runs the oracle.
    @discardableResult
    public func oracle(
        _ arguments: String...,
        environment extra: [String: String] = [:]
    ) throws -> Outcome {
        try run(oracleCommand + arguments, extra: extra, seconds: 120)
    }

    /// Runs the oracle on a list of arguments.
    @discardableResult
    public func oracle(_ arguments: [String]) throws -> Outcome {
        try run(oracleCommand + arguments, extra: [:], seconds: 120)
    }

    /// Has a process of the oracle load its modules once and fork for each command from now on, for tests that ask it often.
    public func forkOracle() throws {
        let socket = "\(try world.makeDirectory("oracle", as: account, mode: 0o700))/socket"
        let interpreter = Scratch.oracle.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/python3"
        let command = [interpreter, "-B", Self.oracleScript, "serve", socket, Scratch.oracle]
        let server = try world.start(command, as: account, environment: variables([:]))
        // Who calls while it still loads is answered when it has.
        guard Shell.wait(seconds: 60, until: { world.exists(socket) || !server.isRunning }), server.isRunning else {
            throw WorldError("\(server.outcome)")
        }
        oracleSocket = socket
    }

    private static let oracleScript = "\(World.repository)/Tests/Conformance/oracle.py"

    private var oracleCommand: [String] {
        guard let oracleSocket else { return [Scratch.oracle] }
        return ["python3", "-I", "-S", Self.oracleScript, "call", oracleSocket, Scratch.oracle]
    }

    /// The identifiers of a server's backups of any status, oldest first, as they lie on disk.
    public func backupIDs(_ server: String) -> [String] {
        let suffix = "-backup.info"
        return world.names(in: "\(home)/\(server)/meta").filter { $0.hasSuffix(suffix) }.map {
            String($0.dropLast(suffix.count))
        }
    }

    /// A value in a backup's `backup.info`; `nil` when there is no such key.
    public func info(_ server: String, _ backup: String, _ key: String) throws -> String? {
        let file = "\(home)/\(server)/meta/\(backup)-backup.info"
        let line = try world.read(file).split(separator: "\n").first { $0.hasPrefix("\(key)=") }
        return line.map { String($0.dropFirst(key.count + 1)) }
    }

    /// The WAL files in a server's archive, sorted: segments, history and backup files, not `xlog.db`.
    public func archivedWAL(_ server: String) -> [String] {
        let wals = "\(home)/\(server)/wals"
        return world.names(in: wals).flatMap { name -> [String] in
            if name.hasSuffix(".history") { return [name] }
            return name.count == 16 ? world.names(in: "\(wals)/\(name)") : []
        }.sorted()
    }

    private func run(_ words: [String], extra: [String: String], seconds: Int) throws -> Outcome {
        try world.run(words, as: account, environment: variables(extra), seconds: seconds)
    }

    private func variables(_ extra: [String: String]) -> [String: String] {
        environment.merging(["BARMAN_CONFIG_FILE": configurationFile]) { $1 }.merging(extra) { $1 }
    }
}

extension World {
    /// Waits until what `cron` started in the background on that host has ended.
    public func quiesce(_ host: BarmanHost) throws {
        let isQuiet = try Shell.wait(seconds: 30) {
            try run(["pgrep", "-f", "barman.* -c \(host.configurationFile) -q"]).status != 0
        }
        guard isQuiet else { throw WorldError("what cron started does not end") }
    }

    /// A backup host with its configuration and an empty home.
    public func barmanHost(
        as account: Account = .barman,
        named name: String = "backup-host",
        global: KeyValuePairs<String, String> = [:]
    ) throws -> BarmanHost {
        try BarmanHost(world: self, account: account, name: name, global: global)
    }

    /// The program under test, as it was built with these tests, where every user can run it.
    ///
    /// `BARMAN_TEST_PROGRAM` names another one: run on the oracle, the tests show whether they ask for the right thing.
    public func program() throws -> String {
        if let other = Environment["BARMAN_TEST_PROGRAM"] { return other }
        let copy = self.path("bin/barman")
        if !exists(copy) { try run(["cp", "--reflink=auto", try Self.builtProgram(), copy]).orThrow() }
        return copy
    }

    /// One of the programs beside PostgreSQL (`barman-wal-archive`, `barman-wal-restore`), where every user can run it.
    public func walProgram(_ name: String) throws -> String {
        let copy = self.path("bin/\(name)")
        if !exists(copy) { try run(["cp", "--reflink=auto", try Self.builtProgram("barman-wal"), copy]).orThrow() }
        return copy
    }

    /// A program under test beside the test bundle.
    public static func builtProgram(_ name: String = "barman") throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw WorldError("readlink /proc/self/exe: \(errnoText())") }
        let bundle = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard let slash = bundle.lastIndex(of: "/") else { throw WorldError("no directory in \(bundle)") }
        return bundle[..<slash] + "/\(name)"
    }
}
