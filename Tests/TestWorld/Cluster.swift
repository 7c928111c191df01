import Glibc

/// A PostgreSQL server with a data directory of its own: a source of backups, or one that came back from a restore.
///
/// It listens on its own port of 127.0.0.1 and on a socket in the world; every role may connect without a password.
public final class Cluster {
    /// The world it lives in.
    public let world: World
    /// The major version.
    public let version: Int
    /// PGDATA.
    public let dataDirectory: String
    /// The port.
    public let port: Int
    /// Who owns and runs it.
    public let account: Account
    /// The server's log.
    public let logFile: String
    /// The environment for programs that find the server by it: `host=angus` in a conninfo resolves through `PGHOSTADDR`.
    public var addressEnvironment: [String: String] { ["PGHOSTADDR": "127.0.0.1", "PGPORT": "\(port)"] }
    /// What the server's own environment is besides the world's: `archive_command` sees it.
    public var environment: [String: String] = [:]
    /// Whether the server may lose data in a crash of the machine; for speed, and only for servers that are sources.
    private let isFast: Bool

    init(
        world: World,
        version: Int,
        dataDirectory: String,
        account: Account,
        isFast: Bool,
        port: Int? = nil
    ) throws {
        self.world = world
        self.version = version
        self.dataDirectory = dataDirectory
        self.account = account
        self.isFast = isFast
        self.port = try port ?? world.freePort()
        let port = self.port
        logFile = world.path("server-\(port).log")
        try world.write("", to: logFile, as: account)
    }

    /// A program of this server's version.
    public func program(_ name: String) -> String { "\(Scratch.serverPrograms(version))/\(name)" }

    /// Appends settings to `postgresql.conf`; values are written as they stand, quote what needs quotes.
    public func configure(_ settings: KeyValuePairs<String, String>) throws {
        let text = settings.map { "\($0) = \($1)\n" }.joined()
        try Shell.write(
            try Shell.read("\(dataDirectory)/postgresql.conf") + Array(text.utf8),
            to: "\(dataDirectory)/postgresql.conf"
        )
    }

    /// Starts the server and waits until it answers.
    public func start(seconds: Int = 60) throws {
        var options = "-p \(port) -k \(world.path("s")) -h 127.0.0.1"
        if isFast { options += " -F" }
        let outcome = try world.run(
            [program("pg_ctl"), "-D", dataDirectory, "-l", logFile, "-w", "-t", "\(seconds)", "-o", options, "start"],
            as: account,
            environment: environment
        )
        guard outcome.status == 0 else {
            throw WorldError("\(outcome)\n--- server log\n\(try world.read(logFile))")
        }
    }

    /// Stops the server; `immediate` is a crash.
    public func stop(mode: String = "fast") throws {
        try world.run([program("pg_ctl"), "-D", dataDirectory, "-m", mode, "-w", "stop"], as: account).orThrow()
    }

    /// Stops and starts.
    public func restart() throws {
        try stop()
        try start()
    }

    /// Makes the server read its configuration again.
    public func reload() throws {
        try world.run([program("pg_ctl"), "-D", dataDirectory, "reload"], as: account).orThrow()
        Shell.sleep(milliseconds: 200)
    }

    /// Runs SQL through psql as the superuser and returns the rows, columns separated by `|`, without the last newline.
    @discardableResult
    public func sql(_ text: String, database: String = "postgres") throws -> String {
        let outcome = try world.run(
            [
                program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", world.path("s"), "-p",
                "\(port)",
                "-U", "postgres", "-d", database, "-c", text,
            ],
            as: account
        ).orThrow()
        return String(outcome.out.drop { $0 == "\n" }.reversed().drop { $0 == "\n" }.reversed())
    }

    /// A number that a query returns.
    public func number(_ query: String) throws -> Int {
        let text = try sql(query)
        guard let number = Int(text) else { throw WorldError("\(query): not a number: \(text)") }
        return number
    }

    /// Makes the role that backs up: not a superuser, with just the privileges that the check requires.
    public func createBackupRole(_ name: String = "barman") throws {
        try sql(
            """
            CREATE ROLE \(name) LOGIN REPLICATION;
            GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO \(name);
            GRANT EXECUTE ON FUNCTION pg_backup_stop(boolean) TO \(name);
            GRANT EXECUTE ON FUNCTION pg_switch_wal() TO \(name);
            GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO \(name);
            GRANT pg_read_all_settings, pg_read_all_stats, pg_checkpoint TO \(name);
            """
        )
    }

    /// Runs pgbench to its end; `-i` initialises its tables.
    @discardableResult
    public func pgbench(_ options: [String]) throws -> Outcome {
        try world.run(pgbenchCommand(options), as: account).orThrow()
    }

    /// A write load beside the test, until it is ended; as fast as it can be unless a rate is given.
    public func startLoad(clients: Int = 2, transactionsPerSecond: Int? = nil) throws -> BackgroundProgram {
        let rate = transactionsPerSecond.map { ["-R", "\($0)"] } ?? []
        return try world.start(pgbenchCommand(["-n", "-c", "\(clients)", "-T", "600"] + rate), as: account)
    }

    /// Waits until the server has left recovery.
    public func waitUntilPromoted(seconds: Int = 60) throws {
        let done = try Shell.wait(seconds: seconds) { try sql("SELECT pg_is_in_recovery()") == "f" }
        guard done else { throw WorldError("still in recovery:\n\(try world.read(logFile))") }
    }

    private func pgbenchCommand(_ options: [String]) -> [String] {
        [program("pgbench")] + options + ["-h", world.path("s"), "-p", "\(port)", "-U", "postgres", "postgres"]
    }
}

extension World {
    /// A new cluster with data checksums, not started yet; made once per version, then copied.
    ///
    /// Small segments make a test that handles many of them fast.
    public func cluster(
        _ version: Int = 15,
        named name: String = "pg",
        segmentMegabytes: Int = 16
    ) throws -> Cluster {
        let template = try clusterTemplate(version, segmentMegabytes: segmentMegabytes)
        let parent = try makeDirectory("\(name)", as: .postgres, mode: 0o755)
        let dataDirectory = "\(parent)/data"
        try run(["cp", "-a", "--reflink=auto", template, dataDirectory]).orThrow()
        return try adopt(dataDirectory, version: version, account: .postgres, isFast: true)
    }

    /// A cluster over a data directory that came back from a restore.
    ///
    /// It gets a port of its own unless one is given.
    public func restoredCluster(
        _ dataDirectory: String,
        version: Int,
        as account: Account,
        port: Int? = nil
    ) throws -> Cluster {
        try adopt(dataDirectory, version: version, account: account, isFast: false, port: port)
    }

    private func adopt(
        _ dataDirectory: String,
        version: Int,
        account: Account,
        isFast: Bool,
        port: Int? = nil
    ) throws -> Cluster {
        let cluster = try Cluster(
            world: self,
            version: version,
            dataDirectory: dataDirectory,
            account: account,
            isFast: isFast,
            port: port
        )
        atEnd { [weak self] in
            guard let self, exists("\(dataDirectory)/postmaster.pid") else { return }
            // A server that does not stop is reported by the removal of its directory, and swept later.
            _ = try? run(
                [cluster.program("pg_ctl"), "-D", dataDirectory, "-m", "immediate", "-w", "-t", "20", "stop"],
                as: account
            )
        }
        return cluster
    }

    private static let templateSettings = """
        listen_addresses = '127.0.0.1'
        shared_buffers = 32MB
        max_connections = 40
        max_wal_senders = 20
        wal_level = replica
        checkpoint_completion_target = 0.0
        log_timezone = 'UTC'
        timezone = 'UTC'

        """

    /// The data directory that clusters of this version are copied from.
    private func clusterTemplate(_ version: Int, segmentMegabytes: Int) throws -> String {
        let programs = Scratch.serverPrograms(version)
        let release = try run(["\(programs)/postgres", "--version"]).orThrow().out
        guard let number = release.split(whereSeparator: { $0 == " " || $0 == "\n" }).dropFirst(2).first else {
            throw WorldError("\(programs)/postgres --version says: \(release)")
        }
        let templates = "\(Scratch.root)/templates-\(Account.postgres.name)"
        // Other settings make another template, beside what older tests left.
        let mark = Self.templateSettings.utf8.reduce(UInt32(5381)) { $0 &* 33 &+ UInt32($1) }
        let template = "\(templates)/\(number)-\(segmentMegabytes)-\(String(mark, radix: 36))"
        try makeDirectory(templates, as: .postgres, mode: 0o755)
        // Two processes or threads that want the same template: the second waits and finds it made.
        let lock = open("\(templates)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw WorldError("open \(templates)/.lock: \(errnoText())") }
        defer { close(lock) }
        guard flock(lock, LOCK_EX) == 0 else { throw WorldError("flock: \(errnoText())") }
        if exists(template) { return template }

        let unfinished = "\(template).tmp"
        Shell.removeTree(unfinished)
        try run(
            [
                "\(programs)/initdb", "-D", unfinished, "-U", "postgres", "-A", "trust", "-N", "--data-checksums",
                "-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=\(segmentMegabytes)",
            ],
            as: .postgres
        ).orThrow()
        try Shell.write(
            try Shell.read("\(unfinished)/postgresql.conf") + Array(Self.templateSettings.utf8),
            to: "\(unfinished)/postgresql.conf"
        )
        guard rename(unfinished, template) == 0 else { throw WorldError("rename \(unfinished): \(errnoText())") }
        return template
    }
}
