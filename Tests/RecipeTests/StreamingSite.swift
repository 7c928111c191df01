import Glibc
import TestWorld
import Testing

/// One PostgreSQL server, `pg`, with small segments unless others are asked for, and a backup host that streams its WAL through a slot.
struct StreamingSite {
    let world: World
    let cluster: Cluster
    let host: BarmanHost

    /// Everything runs as user `postgres`; the server is started and has a ledger.
    ///
    /// No program of PostgreSQL is in the search path of the backup host. WAL is streamed from the server at `port`, or from that
    /// at `second` when the first is not there.
    static func make(
        in world: World,
        version: Int,
        settings: KeyValuePairs<String, String> = [:],
        options: KeyValuePairs<String, String> = [:],
        port: Int? = nil,
        second: Int? = nil,
        segmentMegabytes: Int = 1
    ) throws -> StreamingSite {
        let cluster = try world.cluster(version, segmentMegabytes: segmentMegabytes)
        try cluster.configure(["wal_keep_size": "'1GB'", "max_wal_size": "'1GB'"])
        try cluster.configure(settings)
        let host = try world.barmanHost(as: .postgres)
        // libpq tries the second server when the first one is not there.
        let address =
            second.map { "host=127.0.0.1,127.0.0.1 port=\(port ?? cluster.port),\($0) user=barman" }
            ?? "host=127.0.0.1 port=\(port ?? cluster.port) user=barman"
        try host.addServer(
            "pg",
            [
                "description": "The test's server", "backup_method": "local-rsync", "streaming_archiver": "on",
                "backup_options": "concurrent_backup", "immediate_checkpoint": "true", "slot_name": "barman",
                "create_slot": "auto", "conninfo": "\(address) dbname=postgres", "streaming_conninfo": "\(address)",
            ],
            options
        )
        let site = StreamingSite(world: world, cluster: cluster, host: host)
        // The check makes the directories, and fails for want of everything else.
        try host.barman("check", "pg")
        try cluster.start()
        try cluster.createBackupRole()
        try cluster.sql("CREATE TABLE ledger (client integer, number integer)")
        return site
    }

    var streaming: String { "\(host.home)/pg/streaming" }

    /// Starts our receiver and waits until it streams.
    func startReceiver(from source: Cluster? = nil, environment: [String: String] = [:]) throws -> BackgroundProgram {
        let program = try host.startBarman("receive-wal", "pg", environment: environment)
        try waitUntilStreaming(program, from: source ?? cluster)
        return program
    }

    func waitUntilStreaming(_ program: BackgroundProgram, from source: Cluster) throws {
        let streams = try Shell.wait(seconds: 40) {
            try !program.isRunning
                || source.number("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") > 0
        }
        guard streams, program.isRunning else { throw WorldError("the receiver does not stream:\n\(program.outcome)") }
    }

    /// Waits until the receiver has confirmed everything that the server has written.
    func waitUntilCaughtUp(from source: Cluster? = nil, seconds: Int = 40) throws {
        let source = source ?? cluster
        let target = try source.sql("SELECT pg_current_wal_flush_lsn()")
        let isThere = try Shell.wait(seconds: seconds) {
            try source.sql(
                """
                SELECT count(*) > 0 FROM pg_stat_replication
                WHERE application_name = 'barman_receive_wal' AND flush_lsn >= '\(target)'
                """
            ) == "t"
        }
        guard isThere else { throw WorldError("the receiver is not at \(target)") }
    }

    /// Asks a receiver to end and expects it to do so well.
    func stop(_ receiver: BackgroundProgram) throws {
        receiver.signal(SIGINT)
        let outcome = try receiver.wait(seconds: 30)
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.out.hasSuffix("SIGINT received. Terminate gracefully.\n"), "\(outcome)")
    }

    /// Fills so many segments.
    func fillSegments(_ count: Int, of source: Cluster? = nil) throws {
        let source = source ?? cluster
        for _ in 0..<count {
            try source.sql(
                "SELECT pg_logical_emit_message(false, 'test', repeat(md5(random()::text), 20000)); SELECT pg_switch_wal()"
            )
        }
    }

    /// Where a received segment lies, plain: in the archive or in the queue; nil when it is nowhere.
    func path(ofSegment name: String) -> String? {
        let places = ["\(host.home)/pg/wals/\(name.prefix(16))/\(name)", "\(streaming)/\(name)"].filter(world.exists)
        return places.first
    }

    /// Expects every complete segment that the server has, from one on, to have been received bit for bit.
    func expectEqualSegments(
        from first: String,
        of source: Cluster? = nil,
        after what: String = ""
    ) throws {
        let source = source ?? cluster
        let current = try source.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
        let names = world.names(in: "\(source.dataDirectory)/pg_wal").filter {
            $0.count == 24 && $0 >= first && $0 < current && $0.prefix(8) == current.prefix(8)
        }
        #expect(!names.isEmpty, "\(what)")
        for name in names {
            guard let path = path(ofSegment: name) else {
                Issue.record("\(name) has not been received \(what)")
                continue
            }
            let outcome = try world.run(["cmp", "\(source.dataDirectory)/pg_wal/\(name)", path])
            #expect(outcome.status == 0, "\(outcome) \(what)")
        }
    }
}
