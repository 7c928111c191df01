import TestWorld
import Testing

/// Something that a tired person does, or that happened to the catalog, and what must be said about it.
private struct Mistake {
    let name: String
    /// What happened before, in shell: `$H` is the server's home, `$ID` the backup, `$D` the destination, `$W` the case's own place.
    var happened = ""
    var options: [String] = []
    var backup = "latest"
    /// Where to; `$D` unless another place is meant.
    var destination: String?
    /// What the refusal says.
    let says: String
    /// Whether the plan finds it too; the command line is refused before there is a plan.
    var isPlanned = true
}

/// What cannot work is refused before the first byte, each with its reason; `--plan` says the same.
@Suite struct RefusalTests {
    @Test func `every mistake is refused before the first byte`() throws {
        try World.with { world in
            let site = try Site.local(in: world, segmentMegabytes: 1)
            for name in ["fast", "slow"] {
                let directory = try world.makeDirectory(name, as: .postgres)
                try site.cluster.sql("CREATE TABLESPACE \(name) LOCATION '\(directory)'")
            }
            try site.createLedger(rows: 100, tablespace: "fast")
            let writer = try startWriter(site)
            let id = try site.backup()
            writer.end()
            try site.host.barman("generate-manifest", "pg", id).orThrow()
            for step in 1...4 {
                try site.cluster.sql("INSERT INTO ledger VALUES (\(step), 'after')")
                try site.archiveEverything()
            }
            let facts = try Facts(site, id)
            // Whatever is decided is decided without the server.
            try site.cluster.stop(mode: "immediate")
            for (number, mistake) in mistakes(facts).enumerated() { try check(mistake, number, facts) }
        }
    }

    /// Commits all the time, so that some transaction ends while the backup is taken.
    private func startWriter(_ site: Site) throws -> BackgroundProgram {
        try site.cluster.sql("CREATE TABLE busy (x xid8, l pg_lsn)")
        let loop = """
            DO $$ BEGIN
                FOR i IN 1..3000 LOOP
                    INSERT INTO busy VALUES (pg_current_xact_id(), pg_current_wal_insert_lsn());
                    COMMIT;
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END $$
            """
        return try site.world.start(
            [
                site.cluster.program("psql"), "-Xq", "-h", "127.0.0.1", "-p", "\(site.cluster.port)", "-U", "postgres",
                "-d", "postgres", "-c", loop,
            ],
            as: .postgres
        )
    }

    /// What the cases are made of.
    private struct Facts {
        let site: Site
        let id: String
        let end: String
        let segments: [String]
        let begin: String
        /// A transaction that ended while the backup was taken, and one from before.
        let busyTransaction: String
        let earlyTransaction: String

        init(_ site: Site, _ id: String) throws {
            self.site = site
            self.id = id
            end = try #require(try site.host.info("pg", id, "end_xlog"))
            begin = try #require(try site.host.info("pg", id, "begin_wal"))
            segments = site.host.archivedWAL("pg").filter { $0.count == 24 }
            let first = try #require(try site.host.info("pg", id, "begin_xlog"))
            busyTransaction = try site.cluster.sql(
                "SELECT x FROM busy WHERE l > '\(first)' AND l < pg_lsn '\(end)' - 2000 ORDER BY l OFFSET 1 LIMIT 1"
            )
            earlyTransaction = try site.cluster.sql("SELECT xmin FROM ledger WHERE id = 1 AND note <> 'after'")
        }

        /// A segment after the backup, and the newest.
        var middle: String { segments[segments.count - 2] }
        var newest: String { segments[segments.count - 1] }
        /// The end of the newest segment, which was closed long before it was full.
        var behindLast: String {
            let segment = Int(newest.suffix(8), radix: 16) ?? 0
            return "\(Int(newest.dropFirst(8).prefix(8), radix: 16) ?? 0)/"
                + String(segment << 20 | 0xFFFF8, radix: 16, uppercase: true)
        }
        func file(_ segment: String) -> String { "$H/wals/\(segment.prefix(16))/\(segment)" }
    }

    private func mistakes(_ facts: Facts) -> [Mistake] {
        wal(facts) + targets(facts) + timelines(facts) + backups(facts) + places(facts) + commandLines(facts)
    }

    private func wal(_ facts: Facts) -> [Mistake] {
        [
            Mistake(
                name: "a WAL file was removed",
                happened: "rm \(facts.file(facts.middle))",
                says: "WAL file \(facts.middle) is missing; recovery would end there"
            ),
            Mistake(
                name: "a WAL file was removed, and get-wal would notice it late",
                happened: "rm \(facts.file(facts.middle))",
                options: ["--get-wal"],
                says: "WAL file \(facts.middle) is missing"
            ),
            Mistake(
                name: "the newest WAL file was removed",
                happened: "rm \(facts.file(facts.newest))",
                says: "WAL file \(facts.newest) is missing"
            ),
            Mistake(
                name: "a WAL file of the backup was removed",
                happened: "rm \(facts.file(facts.begin))",
                options: ["--target-immediate"],
                says: "WAL file \(facts.begin) is missing; without it the backup cannot become consistent"
            ),
            Mistake(
                name: "all WAL was removed",
                happened: "rm -r $H/wals/0*",
                says: "without it the backup cannot become consistent"
            ),
        ]
    }

    private func targets(_ facts: Facts) -> [Mistake] {
        [
            Mistake(
                name: "a target in the future",
                options: ["--target-time", "2099-01-01 00:00:00+00:00"],
                says: "is not before the end of the archived WAL: the last transaction in it ended at"
            ),
            Mistake(
                name: "a target before the end of the backup",
                options: ["--target-time", "2020-01-01 00:00:00+00:00"],
                says: "The requested target time 2020-01-01 00:00:00+00:00 is before the backup end time"
            ),
            Mistake(
                name: "a position before the end of the backup",
                options: ["--target-lsn", "0/100028"],
                says: "the requested target LSN 0/100028 is before the end of the backup at \(facts.end)"
            ),
            Mistake(
                name: "a position beyond the archive",
                options: ["--target-lsn", "7/0"],
                says: "the requested target LSN 7/0 is beyond the end of the archived WAL at"
            ),
            Mistake(
                name: "a position that is none",
                options: ["--target-lsn", "yesterday"],
                says: "'yesterday' is not a position in the WAL"
            ),
            Mistake(
                name: "a position behind the last record",
                options: ["--target-lsn", facts.behindLast],
                says: "is beyond the last record of the archived WAL, which begins at"
            ),
            Mistake(
                name: "a transaction that has not been",
                options: ["--target-xid", "4000000"],
                says:
                    "the archived WAL does not hold the end of transaction 4000000; the last transaction in it ended at"
            ),
            Mistake(
                name: "a transaction that ended during the backup",
                options: ["--target-xid", facts.busyTransaction],
                says: ", before the end of the backup at \(facts.end)"
            ),
            Mistake(
                name: "a transaction that ended before the backup",
                options: ["--target-xid", facts.earlyTransaction],
                says: "the archived WAL does not hold the end of transaction \(facts.earlyTransaction)"
            ),
            Mistake(
                name: "a restore point that was never made",
                options: ["--target-name", "before the accident"],
                says: "the archived WAL does not hold the restore point 'before the accident'"
            ),
            Mistake(
                name: "a transaction that is none",
                options: ["--target-xid", "12a"],
                says: "'12a' is not a transaction ID"
            ),
            Mistake(
                name: "a name that PostgreSQL does not take",
                options: ["--target-name", String(repeating: "n", count: 64)],
                says: "the name of a restore point has at most 63 bytes"
            ),
            Mistake(
                name: "a time that is none",
                options: ["--target-time", "half past"],
                says: "Unable to parse the target time parameter 'half past'"
            ),
        ]
    }

    private func timelines(_ facts: Facts) -> [Mistake] {
        [
            Mistake(
                name: "a timeline that nobody knows",
                options: ["--target-tli", "7"],
                says: "timeline 7 is unknown: its history file is not in the archive"
            ),
            Mistake(
                name: "a branch from before the end of the backup",
                happened: "printf '1\\t0/100000\\twhy\\n' > $H/wals/00000002.history",
                options: ["--target-tli", "2"],
                says: "timeline 2 branches off at 0/100000, before the end of the backup"
            ),
            Mistake(
                name: "the newest timeline is on the wrong branch",
                happened: "printf '1\\t0/100000\\twhy\\n' > $H/wals/00000002.history",
                options: ["--get-wal"],
                says: "HINT: From this backup only timeline 1 can be followed: use '--target-tli 1'."
            ),
            Mistake(
                name: "a timeline of another family",
                happened: "printf '2\\t0/9000000\\twhy\\n' > $H/wals/00000003.history",
                options: ["--target-tli", "3"],
                says: "timeline 3 does not descend from timeline 1"
            ),
        ]
    }

    private func backups(_ facts: Facts) -> [Mistake] {
        let record = "$H/meta/$ID-backup.info"
        let table = "$H/base/$ID/data/global/1262"
        return [
            Mistake(
                name: "a parent was deleted",
                happened: "sed -i 's/^parent_backup_id=.*/parent_backup_id=20200101T000000/' \(record)",
                says: "backup 20200101T000000, on which \(facts.id) builds, is not in the catalog",
                isPlanned: false
            ),
            Mistake(
                name: "a parent failed",
                happened: """
                    sed 's/^status=.*/status=FAILED/' \(record) > $H/meta/20200101T000000-backup.info
                    sed -i 's/^parent_backup_id=.*/parent_backup_id=20200101T000000/' \(record)
                    """,
                says: "backup 20200101T000000 of its chain has the status FAILED"
            ),
            Mistake(
                name: "the files of the backup are gone",
                happened: "rm -r $H/base/$ID/data",
                says: "there is no directory"
            ),
            Mistake(
                name: "a tablespace of the backup is gone",
                happened: "rm -r $H/base/$ID/[0-9]*",
                says: "the files of its tablespace 'fast' are missing"
            ),
            Mistake(name: "a file of the backup is missing", happened: "rm \(table)", says: "file 'global/1262'"),
            Mistake(
                name: "a file of the backup was cut off",
                happened: "head -c 100 \(table) > \(table).x && mv \(table).x \(table)",
                says: "has 100 bytes where its manifest says 8192"
            ),
            Mistake(
                name: "a file of the backup cannot be read",
                happened: "cp \(table) \(table).x && mv -f \(table).x \(table) && chmod 0 \(table)",
                says: "global/1262 cannot be read by this user"
            ),
            Mistake(
                name: "the backup failed",
                happened: "sed -i 's/^status=.*/status=FAILED/' \(record)",
                backup: facts.id,
                says: "backup status is not DONE",
                isPlanned: false
            ),
        ]
    }

    private func places(_ facts: Facts) -> [Mistake] {
        [
            Mistake(
                name: "a server runs in the destination",
                happened: "mkdir -p $D && echo $$ > $D/postmaster.pid",
                says: "is not empty. To prevent accidental data loss, the destination must be empty."
            ),
            Mistake(
                name: "another server's data lies in the destination",
                happened: "mkdir -p $D/global && echo 15 > $D/PG_VERSION && printf 12345678 > $D/global/pg_control",
                options: ["--delta-restore"],
                says: "is of system 4050765991979987505, the backup is of system"
            ),
            Mistake(
                name: "the data of another version lies in the destination",
                happened: "mkdir -p $D/global && echo 9.6 > $D/PG_VERSION && printf 12345678 > $D/global/pg_control",
                options: ["--delta-restore"],
                says: "is of PostgreSQL 9.6, the backup is of PostgreSQL 15"
            ),
            Mistake(
                name: "something else lies in the destination",
                happened: "mkdir -p $D && echo x > $D/precious",
                options: ["--delta-restore"],
                says: "is not a PostgreSQL data directory"
            ),
            Mistake(
                name: "the destination is a file",
                happened: "echo x > $D",
                says: "the destination folder '"
            ),
            Mistake(
                name: "the destination cannot be written",
                happened: "mkdir -p $D && chmod 500 $D",
                says: "cannot be written by this user"
            ),
            Mistake(
                name: "the destination cannot be made",
                happened: "mkdir -p $W/closed && chmod 500 $W/closed",
                destination: "$W/closed/data",
                says: "cannot be made: '"
            ),
            Mistake(
                name: "the destination is in the catalog",
                destination: "$H/base/restored",
                says: "where the backups and WAL of the server are"
            ),
            Mistake(
                name: "the disk is too small",
                happened: "truncate -s 12T $H/base/$ID/data/base/huge",
                says: "not enough space for '"
            ),
            Mistake(
                name: "a tablespace goes to a used place",
                happened: "mkdir $W/used && echo x > $W/used/file",
                options: ["--tablespace", "fast:$W/used"],
                says: "for the tablespace 'fast' is not empty"
            ),
            Mistake(
                name: "two tablespaces go to one place",
                options: ["--tablespace", "fast:$W/one", "--tablespace", "slow:$W/one"],
                says: "cannot share the directory",
                isPlanned: false
            ),
            Mistake(
                name: "a tablespace goes into another",
                options: ["--tablespace", "fast:$W/one", "--tablespace", "slow:$W/one/two"],
                says: "would be inside one another"
            ),
            Mistake(
                name: "a tablespace takes the place of the data",
                options: ["--tablespace", "fast:$D/base"],
                says: "tablespace 'fast' would be inside 'base' of the data directory"
            ),
            Mistake(
                name: "the data goes into a tablespace",
                options: ["--tablespace", "fast:$W/x"],
                destination: "$W/x/data",
                says: "tablespace 'fast' would hold the data directory"
            ),
            Mistake(
                name: "a relative path on another host",
                options: ["--tablespace", "fast:spaces/fast", "--remote-ssh-command", "sh $W/../ssh"],
                says: "the location 'spaces/fast' of tablespace 'fast' is not absolute"
            ),
            Mistake(
                name: "the other host does not answer",
                options: ["--remote-ssh-command", "sh -c 'echo no_route_to_host>&2;false'"],
                says: "HINT: It said: no_route_to_host"
            ),
            Mistake(
                name: "there is no such program",
                options: ["--remote-ssh-command", "sssh postgres@pg2"],
                says: "HINT: There is no program 'sssh' here."
            ),
            Mistake(
                name: "the destination cannot be looked at",
                happened: "mkdir -p $W/dark && chmod 0 $W/dark",
                destination: "$W/dark/data",
                says: "'$W/dark/data' cannot be looked at: [Errno 13] Permission denied"
            ),
            Mistake(
                name: "the WAL goes into the data directory, which recovery would remove",
                options: ["--target-immediate", "--staging-wal-directory", "$D"],
                says: "would hold '$D'; recovery removes it when it ends"
            ),
            Mistake(
                name: "the WAL goes to where PostgreSQL has its own",
                options: ["--target-immediate", "--staging-wal-directory", "$D/pg_wal"],
                says: "would be a part of '$D'"
            ),
            Mistake(
                name: "the WAL goes into a directory that is used",
                happened: "mkdir $W/used && echo x > $W/used/precious",
                options: ["--target-immediate", "--staging-wal-directory", "$W/used"],
                says: "holds 'precious', which is no WAL"
            ),
            Mistake(
                name: "the WAL goes to that of another server",
                happened: "mkdir -p $W/other/pg_wal && echo 15 > $W/other/PG_VERSION",
                options: ["--target-immediate", "--staging-wal-directory", "$W/other/pg_wal"],
                says: "is a part of another data directory"
            ),
            Mistake(
                name: "the settings go somewhere else",
                options: ["--target-immediate", "--recovery-conf-filename", "../recovery.conf"],
                says: "Invalid name '../recovery.conf' for the file with the recovery settings",
                isPlanned: false
            ),
            Mistake(
                name: "a destination that was never set",
                destination: "",
                says: "The destination directory has no name",
                isPlanned: false
            ),
        ]
    }

    private func commandLines(_ facts: Facts) -> [Mistake] {
        [
            Mistake(
                name: "two targets",
                options: ["--target-xid", "1000", "--target-immediate"],
                says: "You cannot specify multiple targets for the recovery operation",
                isPlanned: false
            ),
            Mistake(name: "no such backup", backup: "20200101T000000", says: "Unknown backup", isPlanned: false),
            Mistake(
                name: "no such tablespace",
                options: ["--tablespace", "nowhere:/x"],
                says: "Invalid tablespace name 'nowhere'",
                isPlanned: false
            ),
            Mistake(
                name: "a host in front of the destination",
                destination: "host:/data",
                says: "cannot contain the ':' character",
                isPlanned: false
            ),
            Mistake(
                name: "an action without a target",
                options: ["--target-action", "pause"],
                says: "Can't enable recovery target action when PITR is not required"
            ),
        ]
    }

    // MARK: One case

    private func check(_ mistake: Mistake, _ number: Int, _ facts: Facts) throws {
        let world = facts.site.world
        let place = try world.makeDirectory("case-\(number)", as: .postgres)
        let home = "\(place)/home/pg"
        try world.write("shift\nexec sh -c \"$*\"\n", to: "ssh", mode: 0o755)
        let variables = ["H": home, "ID": facts.id, "D": "\(place)/data", "W": place]
        try world.shell(
            "cp -al \(facts.site.host.home) \(place)/home\n" + mistake.happened,
            as: .postgres,
            environment: variables
        )
        .orThrow()
        func filled(_ text: String) -> String {
            variables.reduce(text) { text, variable in text.replacing("$\(variable.key)", with: variable.value) }
        }
        let settings = try world.read("\(facts.site.host.serversDirectory)/pg.conf")
        let configuration = try world.write(
            "[barman]\nbarman_user = \(Account.postgres.name)\nbarman_home = \(place)/home\nlog_file = \(place)/log\n"
                + settings,
            to: "case-\(number)/barman.conf",
            as: .postgres
        )
        let spaces = mistake.options.contains { $0.hasPrefix("fast:") } ? [] : ["--tablespace", "fast:\(place)/fast"]
        let moved = mistake.options.contains { $0.hasPrefix("slow:") } ? [] : ["--tablespace", "slow:\(place)/slow"]
        let words = ["pg", filled(mistake.backup), filled(mistake.destination ?? "$D")]
        let before = try tree(place, world)
        for isPlan in mistake.isPlanned ? [true, false] : [false] {
            let outcome = try world.run(
                [try world.program(), "-c", configuration, "restore"] + (isPlan ? ["--plan"] : []) + spaces + moved
                    + mistake.options.map(filled) + words,
                as: .postgres
            )
            let title = Comment(rawValue: "\(mistake.name)\n\(outcome)")
            #expect(outcome.status == 1, title)
            #expect(outcome.err.contains(filled(mistake.says)), title)
            #expect(outcome.err.hasPrefix("ERROR: ") || outcome.err.contains("\nERROR: "), title)
            #expect(try tree(place, world) == before, title)
        }
        try world.run(["chmod", "-R", "u+rwX", place])
        try world.run(["rm", "-rf", place])
    }

    /// Everything in the case's place, with sizes, but the locks.
    private func tree(_ place: String, _ world: World) throws -> [String] {
        let outcome = try world.shell(
            "find \(place) ! -name '*.lock' ! -name log -printf '%P %y %s\\n' | grep -v ' d ' | sort"
        )
        return outcome.lines + (try world.shell("find \(place) -type d | sort")).lines
    }
}
