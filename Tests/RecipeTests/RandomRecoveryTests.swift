import Glibc
import TestWorld
import Testing

/// One transaction of the writer.
private struct Commit {
    let number: Int
    let time: String
    let xid: String
    /// The place in the WAL before its first record.
    let lsn: String
}

/// Point-in-time recovery at random: whatever target on whatever timeline, exactly the transactions committed by then.
///
/// `BARMAN_TEST_TARGETS` says how many targets in all (default 102), `BARMAN_TEST_SEED` which ones.
@Suite struct RandomRecoveryTests {
    private static let count = Environment["BARMAN_TEST_TARGETS"].flatMap { Int($0) } ?? 102
    private static let seed = Environment["BARMAN_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64(getpid())

    @Test(arguments: [15, 17, 18])
    func `every random target on three timelines brings back exactly its transactions`(version: Int) throws {
        try World.with { world in
            var random = SeededNumbers(seed: Self.seed &+ UInt64(version))
            let history = try History(world, version, &random)
            let share = Self.count / 3 + (version == 18 ? Self.count % 3 : 0)
            let targets = (0..<share).map { number in history.target(number, &random) }
            try history.recover(targets, atOnce: 4) { target, outcome in
                let answer = outcome.lines.last { $0.hasPrefix("answer ") } ?? ""
                #expect(
                    outcome.status == 0 && answer == "answer \(target.expected)",
                    "seed \(Self.seed), \(target.words): \(target.expected) expected\n\(outcome)"
                )
            }
        }
    }
}

/// A target and what must be there.
private struct Target {
    let number: Int
    let words: [String]
    let expected: String
}

/// A server that wrote on three timelines, each of which began with a recovery of the one before.
private struct History {
    private let world: World
    private let site: Site
    private let backup: String
    private let memory: String
    /// What each timeline has seen, its ancestors' transactions included.
    private var commits: [[Commit]] = []
    /// The first transaction after the backup.
    private let first: Int

    init(_ world: World, _ version: Int, _ random: inout SeededNumbers) throws {
        self.world = world
        site = try Site.local(
            in: world,
            version: version,
            segmentMegabytes: 1,
            options: ["path_prefix": Scratch.serverPrograms(version)]
        )
        let directory = "/dev/shm/recovery-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        memory = try world.makeDirectory(directory, as: .postgres)
        world.atEnd { [world, memory] in _ = try? world.run(["rm", "-rf", memory]) }
        try site.cluster.configure(["track_commit_timestamp": "on"])
        try site.cluster.restart()
        try site.cluster.sql("CREATE TABLE log (n int, x xid8, l pg_lsn)")
        try Self.write(1...200, on: site.cluster)
        backup = try site.backup()
        first = 201
        var cluster = site.cluster
        for timeline in 1...3 {
            let start = timeline * 10_000
            try Self.write(timeline == 1 ? 201...1_200 : start...(start + 1_000), on: cluster)
            let seen = try Self.read(cluster)
            commits.append(seen)
            try cluster.sql("SELECT pg_switch_wal()")
            // A fast shutdown waits until everything is archived.
            try cluster.stop()
            try site.host.barman("archive-wal", "pg").orThrow()
            guard timeline < 3 else { break }
            cluster = try branch(from: timeline, seen, &random)
        }
    }

    /// A new timeline from somewhere in the newer half of the one before.
    private mutating func branch(from timeline: Int, _ seen: [Commit], _ random: inout SeededNumbers) throws -> Cluster
    {
        let commit = seen[Int.random(in: (seen.count - 500)..<(seen.count - 100), using: &random)]
        let destination = world.path("timeline-\(timeline + 1)")
        try world.makeDirectory(destination, as: .postgres)
        try site.host.barman(
            "restore",
            "--target-xid",
            commit.xid,
            "--target-tli",
            "\(timeline)",
            "--target-action",
            "promote",
            "pg",
            backup,
            destination
        ).orThrow()
        let cluster = try world.restoredCluster(destination, version: site.cluster.version, as: .postgres)
        try cluster.configure(["archive_command": "'rsync -a %p \(site.host.home)/pg/incoming/%f'", "fsync": "off"])
        try cluster.start()
        try cluster.waitUntilPromoted()
        return cluster
    }

    private static func write(_ numbers: ClosedRange<Int>, on cluster: Cluster) throws {
        try cluster.sql(
            """
            DO $$ BEGIN
                FOR i IN \(numbers.lowerBound)..\(numbers.upperBound) LOOP
                    INSERT INTO log VALUES (i, pg_current_xact_id(), pg_current_wal_insert_lsn());
                    COMMIT;
                    IF i % 250 = 0 THEN PERFORM pg_switch_wal(); COMMIT; END IF;
                END LOOP;
            END $$
            """
        )
    }

    private static func read(_ cluster: Cluster) throws -> [Commit] {
        let rows = try cluster.sql("SELECT n, pg_xact_commit_timestamp(xmin), x, l FROM log ORDER BY l")
        return try rows.split(separator: "\n").map { row in
            let fields = row.split(separator: "|").map(String.init)
            guard fields.count == 4, let number = Int(fields[0]) else {
                throw WorldError("a row without facts: \(row)")
            }
            return Commit(number: number, time: fields[1], xid: fields[2], lsn: fields[3])
        }
    }

    // MARK: Targets

    /// Any target of any kind on any timeline, after the backup and before the last transactions.
    func target(_ number: Int, _ random: inout SeededNumbers) -> Target {
        let timeline = Int.random(in: 0..<3, using: &random)
        let seen = commits[timeline]
        let index = Int.random(in: (first + 1)..<(seen.count - 2), using: &random)
        let isExclusive = Bool.random(using: &random)
        var words: [String]
        var last = isExclusive ? index - 1 : index
        switch Int.random(in: 0..<3, using: &random) {
        case 0: words = ["--target-time", seen[index].time]
        case 1: words = ["--target-xid", seen[index].xid]
        default:
            // The place before the next transaction: whether its first record is replayed or not, it is not committed.
            words = ["--target-lsn", seen[index + 1].lsn]
            last = index
        }
        if isExclusive { words.append("--exclusive") }
        words += ["--target-tli", "\(timeline + 1)", "--target-action", "promote"]
        words.append(Bool.random(using: &random) ? "--get-wal" : "--no-get-wal")
        let there = seen[...last].map(\.number)
        let expected = "\(there.count)|\(there.reduce(0, +))|\(there.last ?? 0)"
        return Target(number: number, words: words, expected: expected)
    }

    /// Restores, starts, asks, several at once; `judge` sees what each said.
    func recover(_ targets: [Target], atOnce: Int, judge: (Target, Outcome) throws -> Void) throws {
        var running: [(Target, BackgroundProgram)] = []
        for target in targets {
            if running.count == atOnce {
                let (oldest, program) = running.removeFirst()
                try judge(oldest, program.wait(seconds: 300))
            }
            running.append((target, try start(target)))
        }
        for (target, program) in running { try judge(target, program.wait(seconds: 300)) }
    }

    private func start(_ target: Target) throws -> BackgroundProgram {
        let place = "\(memory)/\(target.number)"
        let line = """
            set -e
            mkdir -p "$P/s"
            "$BARMAN" -q restore "$@" pg "$ID" "$P/data"
            trap '"$BIN/pg_ctl" -D "$P/data" -m immediate -s stop; rm -rf "$P"' EXIT
            "$BIN/pg_ctl" -D "$P/data" -s -w -t 120 -l "$P/log" -o "-F -k $P/s -h '' -p 5432" start || { cat "$P/log"; exit 1; }
            n=0
            while :; do
                answer=$("$BIN/psql" -XAtq -h "$P/s" -p 5432 -U postgres -d postgres -c 'SELECT pg_is_in_recovery()' || true)
                [ "$answer" = f ] && break
                n=$((n + 1)); [ $n -lt 600 ] || { cat "$P/log"; exit 1; }
                sleep 0.1
            done
            printf 'answer '
            "$BIN/psql" -XAtq -h "$P/s" -p 5432 -U postgres -d postgres \\
                -c 'SELECT count(*), sum(n), (SELECT n FROM log ORDER BY l DESC LIMIT 1) FROM log'
            """
        return try world.start(
            ["/bin/sh", "-c", line, "sh"] + target.words,
            as: .postgres,
            environment: [
                "BARMAN_CONFIG_FILE": site.host.configurationFile, "BARMAN": try world.program(), "ID": backup,
                "P": place,
                "BIN": Scratch.serverPrograms(site.cluster.version),
            ]
        )
    }
}
