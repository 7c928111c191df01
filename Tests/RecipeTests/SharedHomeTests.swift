import Glibc
import TestWorld
import Testing

/// Our program and the oracle on one home at the same time: the same locks, one sound catalog.
@Suite(.enabled(if: access(Scratch.oracle, X_OK) == 0, "needs the oracle: BARMAN_ORACLE names it"))
struct SharedHomeTests {
    /// What each of the two programs does over and over, beside all the others.
    private static let work = [
        "archive-wal pg", "-q cron", "backup pg", "delete pg oldest", "list-backups pg", "rebuild-xlogdb pg",
    ]

    @Test func `both programs work on one home at once, and every WAL file is there and listed, once`() throws {
        try World.with { world in
            let site = try Site.local(
                in: world,
                version: 17,
                segmentMegabytes: 1,
                options: ["minimum_redundancy": "2", "retention_policy": "REDUNDANCY 3"]
            )
            try site.createLedger(rows: 100)
            for _ in 1...2 { _ = try site.backup() }
            let workers = try Self.work.flatMap { command in
                try [Scratch.oracle, try world.program()].map { try start($0, command, site) }
            }
            for _ in 1...40 {
                try site.cluster.sql("INSERT INTO ledger SELECT 7, md5(i::text) FROM generate_series(1, 100) i")
                try site.cluster.sql("SELECT pg_switch_wal()")
                Shell.sleep(milliseconds: 100)
            }
            try world.write("", to: "stop")
            let outcomes = try workers.map { try $0.wait(seconds: 60) }
            try world.quiesce(site.host)

            // Whoever was refused says that the other was at it; nobody fails otherwise.
            for outcome in outcomes { try expectForeseen(outcome) }
            let idle = outcomes.filter { !$0.lines.contains("done 0") }.map(\.command)
            // Who takes or deletes backups may find the other at it every time.
            #expect(idle.allSatisfy { $0.contains(" backup pg ") || $0.contains(" delete pg ") }, "\(idle)")
            #expect(site.host.backupIDs("pg").count >= 2)
            try expectSound(site)
            try site.cluster.sql("INSERT INTO ledger VALUES (99, 'last')")
            try site.archiveEverything()
            try site.host.oracle("archive-wal", "pg").orThrow()
            try expectSound(site)
            let count = try site.cluster.sql("SELECT count(*) FROM ledger")
            for (name, restore) in [("ours", { try site.host.barman($0) }), ("theirs", { try site.host.oracle($0) })] {
                let destination = try world.makeDirectory("restored-\(name)", as: .postgres)
                try restore(["restore", "pg", "oldest", destination]).orThrow()
                #expect(try site.answer("SELECT count(*) FROM ledger", in: destination) == count, "\(name)")
            }
        }
    }

    /// Runs a command again and again until there is a file `stop`, with a line for each end.
    private func start(_ program: String, _ command: String, _ site: Site) throws -> BackgroundProgram {
        let line =
            "while [ ! -e \(site.world.path("stop")) ]; do \(program) \(command) >&2; echo done $?; sleep 0.2; done"
        return try site.world.start(
            ["/bin/sh", "-c", line],
            as: site.host.account,
            environment: ["BARMAN_CONFIG_FILE": site.host.configurationFile, "PYTHONWARNINGS": "ignore"]
        )
    }

    private func expectForeseen(_ outcome: Outcome) throws {
        let foreseen = [
            "ERROR: Another backup process is running",
            "WARNING: another process is updating barman configuration files",
            "ERROR: Another process in running on server pg. Impossible to delete",
            "ERROR: Another process is holding the lock for backup", "ERROR: Cannot delete backup",
            "WARNING: Skipping delete of backup", "ERROR: Unknown backup", "WARNING: Another action is in progress",
        ]
        // The oracle lists lock files before it opens them; a clean-up may come between.
        func isLockThatWent(_ line: Substring) -> Bool {
            outcome.command.contains(Scratch.oracle) && line.contains("No such file or directory")
                && line.contains(".lock'")
        }
        for line in outcome.err.split(separator: "\n") where !line.hasPrefix("DEBUG") {
            let isComplaint = ["ERROR: ", "EXCEPTION: ", "WARNING: ", "Traceback"].contains { line.hasPrefix($0) }
            let isForeseen = foreseen.contains { line.hasPrefix($0) } || isLockThatWent(line)
            #expect(!isComplaint || isForeseen, "\(outcome.command): \(line)")
        }
    }

    /// The archive is whole from the oldest backup on, and the list says of every file what it is.
    private func expectSound(_ site: Site) throws {
        let home = "\(site.host.home)/pg"
        try expectReadableCatalog(site)
        let list = try site.world.read("\(home)/wals/pg-xlog.db").split(separator: "\n").map {
            $0.split(separator: "\t").map(String.init)
        }
        let names = list.map { $0[0] }
        #expect(names.count == Set(names).count, "listed twice: \(names)")
        #expect(Set(names) == Set(site.host.archivedWAL("pg")))
        for fields in list {
            let path = "\(home)/wals/\(fields[0].prefix(16))/\(fields[0])"
            let found = try site.world.shell("stat -c '%s' \(path); gzip -dc \(path) | wc -c").lines
            #expect(found[0] == fields[1] && fields[3] == "gzip" && fields[4] == "None", "\(fields)")
            let isLabel = fields[0].hasSuffix(".backup")
            #expect(isLabel || found[1] == "1048576", "\(fields)")
        }
        let segments = names.filter { $0.count == 24 }.sorted()
        let numbers = segments.compactMap { Int($0.suffix(8), radix: 16) }
        let first = try #require(numbers.first)
        #expect(numbers == Array(first..<first + numbers.count), "\(segments)")
        let oldest = try #require(site.host.backupIDs("pg").first)
        #expect(try segments.contains(#require(try site.host.info("pg", oldest, "begin_wal"))))
        #expect(site.world.names(in: "\(home)/errors") == [])
        let debris = try site.world.shell("find \(home) -name '*.tmp' -o -name '*.compressed' -o -name '*-delete_this'")
            .out
        #expect(debris == "")
    }
}
