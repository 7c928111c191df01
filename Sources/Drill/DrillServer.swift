import Failure
import Files
import Glibc
import Postgres
import Processes
import SystemPackage

/// A private PostgreSQL on the restored data: reached by a socket that only this account can reach, cut off from everything else.
struct DrillServer {
    private let programs: ServerPrograms
    private let scratch: DrillScratch
    private let process: RunningProcess
    /// Who can connect: the superuser, once it is known.
    private var user: String

    /// Libraries that begin to work by themselves when they are loaded: scheduled jobs, replication.
    private static let actingLibraries: Set<String> = [
        "pg_cron", "pg_partman_bgw", "pglogical", "bdr", "spock", "pgl_ddl_deploy",
    ]

    /// Starts the server; it recovers as the restored settings say.
    init(programs: ServerPrograms, scratch: DrillScratch, user: String?) throws {
        guard getuid() != 0 else {
            throw Failure("PostgreSQL does not run as root", hint: "Run the drill as the account of barman.")
        }
        self.programs = programs
        self.scratch = scratch
        self.user = user ?? "postgres"
        try FileSystem.replaceDurably(
            scratch.directory.appending("hba.conf"),
            contents: Array("local all all trust\n".utf8)
        )
        // Only what is set here, by postgresql.auto.conf of the backup, and on the command line counts.
        try FileSystem.replaceDurably(scratch.directory.appending("postgresql.conf"), contents: [])
        let output = try OwnedDescriptor(opening: scratch.log, .writeOnly, options: [.create, .append])
        var request = ProcessRequest(programs.path("postgres"), try Self.arguments(programs, scratch))
        request.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"]
        request.output = .descriptor(output.raw)
        request.errorOutput = .descriptor(output.raw)
        // A signal from the terminal is for us; we stop the server.
        request.newSession = true
        process = try request.start()
    }

    // MARK: Settings

    private static func arguments(_ programs: ServerPrograms, _ scratch: DrillScratch) throws -> [String] {
        let control = try controlFile(programs, scratch)
        var settings = [
            ("config_file", scratch.directory.appending("postgresql.conf").string),
            ("hba_file", scratch.directory.appending("hba.conf").string),
            ("data_directory", scratch.data.string), ("external_pid_file", ""),
            // Reached by nobody else.
            ("listen_addresses", ""), ("unix_socket_directories", scratch.socketDirectory.string),
            ("unix_socket_permissions", "0700"), ("port", String(DrillScratch.port)), ("ssl", "off"),
            // Reaches nobody else.
            ("archive_mode", "off"), ("synchronous_standby_names", ""), ("primary_conninfo", ""),
            ("max_logical_replication_workers", "0"),
            ("shared_preload_libraries", preloaded(programs, scratch).joined(separator: ",")),
            ("local_preload_libraries", ""), ("session_preload_libraries", ""),
            // Changes nothing by itself, and needs to survive nothing.
            ("autovacuum", "off"), ("fsync", "off"), ("full_page_writes", "off"), ("restart_after_crash", "off"),
            // Small, whatever the original had.
            ("shared_buffers", "128MB"), ("huge_pages", "off"), ("work_mem", "16MB"), ("maintenance_work_mem", "128MB"),
            // What was there before must find room again.
            ("hot_standby", "off"), ("wal_level", "logical"), ("max_replication_slots", "256"),
            ("logging_collector", "off"), ("log_destination", "stderr"), ("log_min_messages", "warning"),
            ("log_statement", "none"), ("lc_messages", "C"), ("jit", "off"),
        ]
        // Transactions that were prepared need their places; the other numbers go with them.
        for (label, option) in [
            ("max_connections setting", "max_connections"), ("max_worker_processes setting", "max_worker_processes"),
            ("max_wal_senders setting", "max_wal_senders"),
            ("max_prepared_xacts setting", "max_prepared_transactions"),
            ("max_locks_per_xact setting", "max_locks_per_transaction"),
        ] {
            if let value = control[label], Int(value) != nil { settings.append((option, value)) }
        }
        return ["-D", scratch.data.string] + settings.flatMap { ["-c", "\($0.0)=\($0.1)"] }
    }

    /// What `pg_controldata` says of the restored data.
    private static func controlFile(_ programs: ServerPrograms, _ scratch: DrillScratch) throws -> [String: String] {
        var request = ProcessRequest(programs.path("pg_controldata"), [scratch.data.string])
        request.environment = ["LC_ALL": "C"]
        request.timeoutSeconds = 60
        let outcome = try request.runChecked()
        var values: [String: String] = [:]
        for line in outcome.outputText.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            values[String(parts[0])] = String(parts[1].drop { $0 == " " })
        }
        return values
    }

    /// The libraries that the original loads at its start, without those that are not here or would begin to work.
    private static func preloaded(_ programs: ServerPrograms, _ scratch: DrillScratch) -> [String] {
        var request = ProcessRequest(
            programs.path("postgres"),
            ["-D", scratch.data.string, "-C", "shared_preload_libraries"]
        )
        request.timeoutSeconds = 60
        // Settings that cannot be read, for an included file that is not in the backup, name no libraries.
        guard let outcome = try? request.run(), outcome.isSuccess else { return [] }
        let library = programs.directory.removingLastComponent().appending("lib")
        let text = outcome.outputText.filter { !$0.isWhitespace && $0 != "\"" }
        return text.split(separator: ",").map(String.init).filter { name in
            let base = name.split(separator: "/").last.map(String.init) ?? name
            guard !actingLibraries.contains(base.hasSuffix(".so") ? String(base.dropLast(3)) : base) else {
                return false
            }
            let file = name.hasSuffix(".so") ? name : name + ".so"
            let path = name.hasPrefix("$libdir/") ? String(file.dropFirst(8)) : file
            return FileSystem.isAccessible(library.pushing(FilePath(path)), for: .read)
        }
    }

    // MARK: Life

    /// Waits until recovery has come to its target and the server is open.
    mutating func waitUntilOpen(timeoutSeconds: Double) throws {
        let end = Interruption.monotonicSeconds + timeoutSeconds
        while true {
            try SignalWatch.check()
            if let status = process.statusIfEnded() {
                throw Failure("the server ended with \(status) before it came to its target: \(lastWords)")
            }
            do throws(PostgresError) {
                let session = try connect(to: "template1")
                if try session.rows("SELECT pg_is_in_recovery()").first == "f" {
                    if let name = try session.rows("SELECT rolname FROM pg_roles WHERE oid = 10").first { user = name }
                    return
                }
            } catch {
                // A role that is missing will not come: every other trouble may pass.
                if error.message.contains("does not exist") { try tryOtherUser(error) }
            }
            guard Interruption.monotonicSeconds < end else {
                throw Failure("the server has not come to its target in \(Int(timeoutSeconds)) seconds: \(lastWords)")
            }
            try SignalWatch.pause(seconds: 0.05)
        }
    }

    /// The role that made the cluster is called as the account of the server was, mostly.
    private mutating func tryOtherUser(_ error: PostgresError) throws(Failure) {
        guard user != "postgres" else {
            throw Failure("cannot connect to the restored server: \(error)", hint: "There is no role 'postgres'.")
        }
        user = "postgres"
    }

    /// A connection to one database, as the superuser.
    func connect(to database: String) throws(PostgresError) -> PostgresSession {
        func quoted(_ text: String) -> String {
            "'" + text.flatMap { $0 == "'" || $0 == "\\" ? ["\\", $0] : [$0] } + "'"
        }
        return try PostgresSession(
            conninfo: "host=\(quoted(scratch.socketDirectory.string)) port=\(DrillScratch.port) user=\(quoted(user)) "
                + "dbname=\(quoted(database)) application_name=barman-drill client_encoding=UTF8 sslmode=disable",
            isInterrupted: { Interruption.isRequested }
        )
    }

    /// Ends the server; it has nothing to save.
    func stop() {
        process.send(signal: SIGQUIT)
        for _ in 0..<200 {
            if process.statusIfEnded() != nil { return }
            usleep(50_000)
        }
        process.send(signal: SIGKILL)
        _ = process.wait()
    }

    /// What the server said last that tells why.
    var lastWords: String {
        // A log that cannot be read has nothing to say.
        guard let bytes = try? FileSystem.read(scratch.log, limit: 64 << 20) else { return "there is no log" }
        let lines = String(decoding: bytes.suffix(1 << 16), as: UTF8.self).split(separator: "\n")
        let grave = lines.last { line in ["FATAL:", "PANIC:"].contains { line.contains($0) } }
        return String(grave ?? lines.last ?? "its log is empty")
    }
}
