import TestWorld
import Testing

/// One server whose backups release 3.19.1 takes in each form it can make: a server of the configuration for each form.
private struct FormsSite {
    let world: World
    let cluster: Cluster
    let host: BarmanHost
    let forms: [String]

    /// The settings of each form.
    private static let options: KeyValuePairs<String, KeyValuePairs<String, String>> = [
        "plain": [:],
        "tar": ["backup_compression": "none", "backup_compression_format": "tar"],
        "gzip": ["backup_compression": "gzip", "backup_compression_format": "tar"],
        "gpg": [
            "backup_compression": "gzip", "backup_compression_format": "tar", "encryption": "gpg",
            "encryption_key_id": "forms@example.org", "encryption_passphrase_command": "echo secret",
        ],
        "zstd": ["backup_compression": "zstd", "backup_compression_format": "tar"],
        "lz4": ["backup_compression": "lz4", "backup_compression_format": "tar"],
    ]

    /// The forms that a version is asked for: all of them together; 15 and 18 of the tests are built without zstd and lz4.
    private static let forms = [
        15: ["plain", "tar", "gzip", "gpg"], 17: ["plain", "gpg", "zstd", "lz4"], 18: ["plain", "tar", "gzip"],
    ]

    /// A running server and its configurations.
    init(in world: World, version: Int, only chosen: [String]? = nil) throws {
        let names = chosen ?? Self.forms[version] ?? []
        self.world = world
        forms = names
        cluster = try world.cluster(version)
        host = try world.barmanHost(as: .postgres, global: ["immediate_checkpoint": "true"])
        let keys = try world.makeDirectory("gnupg", as: .postgres)
        host.environment = ["GNUPGHOME": keys]
        world.atEnd { [world] in
            // An agent that stays is swept with its directory.
            _ = try? world.run(["gpgconf", "--homedir", keys, "--kill", "all"], as: .postgres)
        }
        if names.contains("gpg") {
            try world.run(
                [
                    "gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "secret",
                    "--quick-gen-key", "forms@example.org", "default", "default", "never",
                ],
                as: .postgres,
                environment: host.environment
            ).orThrow()
        }
        let hook = try world.write(
            "#!/bin/sh\ncd \(world.path("disk")) 2>/dev/null && [ -e want ] && rm want && fallocate -l 585m hog\nexit 0\n",
            to: "bin/fill",
            mode: 0o755
        )
        let connection = "host=127.0.0.1 port=\(cluster.port) user=barman"
        for (name, options) in Self.options where names.contains(name) {
            try host.addServer(
                name,
                [
                    "backup_method": "postgres", "archiver": "on", "conninfo": "\(connection) dbname=postgres",
                    "streaming_conninfo": connection, "path_prefix": Scratch.serverPrograms(version),
                    // The oracle checks the server before a backup, and a busy machine takes its time.
                    "pre_recovery_script": hook, "check_timeout": "300",
                ],
                options
            )
            try host.barman("check", name)
        }
        let copies = names.map { "cp %p \(host.home)/\($0)/incoming/%f" }.joined(separator: " && ")
        try cluster.configure(["archive_mode": "on", "archive_command": "'\(copies)'"])
        if version >= 17 { try cluster.configure(["summarize_wal": "on"]) }
        try cluster.start()
        try cluster.createBackupRole()
        let place = try world.makeDirectory("fast", as: .postgres)
        try cluster.sql("CREATE TABLESPACE fast LOCATION '\(place)'")
        try cluster.sql(
            """
            CREATE TABLE ledger (id integer, note text) TABLESPACE fast;
            INSERT INTO ledger SELECT i, md5(i::text) FROM generate_series(1, 1000) i;
            CREATE TABLE shrinking AS SELECT i, md5(i::text) AS note FROM generate_series(1, 20000) i;
            """
        )
        try archive()
    }

    /// Closes the segment, waits for it, and files it everywhere.
    func archive() throws {
        let name = try cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
        let isShipped = try Shell.wait(seconds: 30) {
            try cluster.sql("SELECT coalesce(last_archived_wal >= '\(name)', false) FROM pg_stat_archiver") == "t"
        }
        guard isShipped else { throw WorldError("\(name) was not shipped:\n\(try world.read(cluster.logFile))") }
        for form in forms { try host.barman("archive-wal", form).orThrow() }
    }

    /// Lets release 3.19.1 back up every server, two at a time.
    func backup(incremental: Bool) throws {
        let words = incremental ? ["--incremental", "latest"] : []
        var rest = forms[...]
        while !rest.isEmpty {
            let runs = try rest.prefix(2).map { form in
                try world.start(
                    [Scratch.oracle, "backup", form] + words,
                    as: host.account,
                    environment: host.environment.merging(["BARMAN_CONFIG_FILE": host.configurationFile]) { $1 }
                )
            }
            for run in runs { try run.wait(seconds: 300).orThrow() }
            rest = rest.dropFirst(2)
        }
    }

    /// Full backups and, where PostgreSQL can, two increments on each, with changes of every kind between them.
    func makeBackups() throws {
        try backup(incremental: false)
        guard cluster.version >= 17 else { return }
        for number in 1...2 {
            try cluster.sql("UPDATE ledger SET note = note || 'x' WHERE id % 7 = \(number)")
            try cluster.sql("DELETE FROM shrinking WHERE i > \(20000 - number * 6000)")
            try cluster.sql("VACUUM shrinking")
            try cluster.sql("CREATE TABLE made\(number) AS SELECT * FROM ledger LIMIT 200")
            if number == 2 { try cluster.sql("DROP TABLE made1") }
            try cluster.sql("CHECKPOINT")
            // Names of backups are seconds.
            Shell.sleep(milliseconds: 1100)
            try backup(incremental: true)
        }
    }

    /// What a restored server says of itself.
    func answer(in destination: String) throws -> String {
        let restored = try world.restoredCluster(destination, version: cluster.version, as: host.account)
        try restored.start()
        try restored.waitUntilPromoted()
        let answer = try restored.sql(Self.question)
        try restored.stop(mode: "immediate")
        return answer
    }

    static let question = """
        SELECT (SELECT count(*) FROM ledger), (SELECT sum(length(note)) FROM ledger WHERE id <= 1000),
        (SELECT count(*) FROM shrinking), (SELECT max(i) FROM shrinking)
        """

    /// A command line that restores to a place of its own.
    func restore(_ form: String, to destination: String, _ options: [String]) throws -> Outcome {
        try host.barman(
            ["restore", "--tablespace", "fast:\(destination)-spaces/fast"] + options + [form, "latest", destination]
        )
    }

    /// The manifest of the combined backup fits its files, but for what a restore adds and edits.
    func expectSoundManifest(in destination: String) throws {
        let manifest = try #require(world.names(in: destination).first { $0.hasPrefix("backup_manifest.") })
        let edited = [
            manifest, "postgresql.conf", "postgresql.conf.origin", "postgresql.auto.conf.origin",
            ".barman-recover.info",
            "barman_wal", "recovery.signal",
        ]
        let words = [cluster.program("pg_verifybackup"), "-n", "-m", "\(destination)/\(manifest)"]
        let check = try world.run(words + edited.flatMap { ["-i", $0] } + [destination], as: host.account)
        #expect(check.status == 0, "\(check)")
    }

    func makePlace(_ name: String) throws -> String {
        try world.makeDirectory("\(name)-spaces", as: .postgres)
        return try world.makeDirectory(name, as: .postgres)
    }
}

/// Backups of release 3.19.1 in every form: restored here and on another host, to every kind of target, started and counted.
@Suite struct RestoreFormsTests {
    private static let promote = ["--target-action", "promote"]

    @Test(arguments: [15, 17, 18])
    func `every form comes back, here and on another host`(version: Int) throws {
        try World.with { world in
            let angus = try world.sshHosts(["angus": .postgres])[0]
            try world.makeKey(of: .postgres)
            try angus.authorize(.postgres)
            let site = try FormsSite(in: world, version: version)
            try site.makeBackups()
            let targets = try makeHistory(site)
            let rest = try site.cluster.sql(FormsSite.question).split(separator: "|").dropFirst().joined(separator: "|")
            var number = 0
            for form in site.forms {
                for place in ["here", "there"] {
                    let remote = place == "here" ? [] : ["--remote-ssh-command", "ssh postgres@angus"]
                    let destination = try site.makePlace("\(form)-\(place)")
                    // The second time over what the first one left, which has run since.
                    for mode in version == 17 ? [[], ["--delta-restore"]] : [[]] {
                        let target = targets[number % targets.count]
                        number += 1
                        let logins = angus.loginCount
                        let outcome = try site.restore(form, to: destination, remote + mode + target.options)
                        try #require(outcome.status == 0, "\(outcome)")
                        // One for the small commands, one for the backup, two for the WAL; rsync makes its own.
                        #expect(angus.loginCount - logins <= (mode.isEmpty ? 4 : 8), "\(form) \(place)")
                        if version >= 17, place == "here" { try site.expectSoundManifest(in: destination) }
                        let answer = try site.answer(in: destination)
                        #expect(answer == "\(target.rows)|\(rest)", "\(form) \(place) \(mode) \(target.options)")
                    }
                    Shell.removeTree(destination)
                }
            }
        }
    }

    /// Commits of ten rows after the newest backup, and the ways to name the moments between them.
    private func makeHistory(_ site: FormsSite) throws -> [(options: [String], rows: Int)] {
        func insert(_ rows: Int) throws -> String {
            Shell.sleep(milliseconds: 20)
            return try site.cluster.sql(
                """
                BEGIN;
                INSERT INTO ledger SELECT i, 'late' FROM generate_series(\(rows - 9), \(rows)) i;
                SELECT pg_current_xact_id();
                COMMIT;
                """
            )
        }
        _ = try insert(1010)
        Shell.sleep(milliseconds: 20)
        let time = try site.cluster.sql("SELECT clock_timestamp()")
        let xid = try insert(1020)
        let lsn = try site.cluster.sql("SELECT pg_current_wal_insert_lsn()")
        _ = try insert(1030)
        try site.cluster.sql("SELECT pg_create_restore_point('between')")
        _ = try insert(1040)
        try site.archive()
        return [
            ([], 1040), (["--target-time", time] + Self.promote, 1010), (["--target-xid", xid] + Self.promote, 1020),
            (["--target-lsn", lsn] + Self.promote, 1020), (["--target-name", "between"] + Self.promote, 1030),
            (["--target-immediate"] + Self.promote, 1000),
        ]
    }

    #if DEBUG
    @Test func `a killed restore of a chain, a cut connection and a full disk are mended by the same command`() throws {
        try World.with { world in
            let angus = try world.sshHosts(["angus": .postgres])[0]
            try world.makeKey(of: .postgres)
            try angus.authorize(.postgres)
            let site = try FormsSite(in: world, version: 17, only: ["plain", "gzip"])
            try site.makeBackups()
            let expected = try site.cluster.sql(FormsSite.question)
            let cutting = try world.write(
                """
                #!/bin/bash
                # An ssh whose connection ends in the middle of a long stream.
                case "$*" in *tar*-xpof*) head -c 3000000 | ssh "$@"; exit 255;; esac
                exec ssh "$@"

                """,
                to: "bin/cutting-ssh",
                mode: 0o755
            )
            for form in site.forms {
                for position in [60, 700, 1500] {
                    let destination = try site.makePlace("\(form)-killed-\(position)")
                    let words = [
                        "restore", "--tablespace", "fast:\(destination)-spaces/fast", form, "latest", destination,
                    ]
                    let killed = try site.host.barman(words, environment: ["BARMAN_FAULT": "kill:\(position)"])
                    #expect(killed.status == 137, "\(killed)")
                    #expect(!world.exists("\(destination)/global/pg_control"))
                    try site.host.barman(words).orThrow()
                    #expect(try site.answer(in: destination) == expected, "\(form) \(position)")
                }
                let destination = try site.makePlace("\(form)-cut")
                let cut = try site.restore(
                    form,
                    to: destination,
                    ["--remote-ssh-command", "\(cutting) postgres@angus"]
                )
                #expect(cut.status == 1, "\(cut)")
                #expect(!world.exists("\(destination)/global/pg_control"))
                let mended = try site.restore(form, to: destination, ["--remote-ssh-command", "ssh postgres@angus"])
                #expect(mended.status == 0, "\(mended)")
                #expect(try site.answer(in: destination) == expected, "\(form) cut")
            }
            try fillDisk(site, expected)
        }
    }

    /// A disk of its own that is too small, and then is not.
    private func fillDisk(_ site: FormsSite, _ expected: String) throws {
        let world = site.world
        let disk = try site.makePlace("disk")
        try world.run(["mount", "-t", "tmpfs", "-o", "size=600m,mode=0777", "tmpfs", disk]).orThrow()
        world.atEnd { [world] in
            // It stays busy only when a server does, whose end is next.
            _ = try? world.run(["umount", "-l", disk])
        }
        // The checks beforehand see room; another program takes it before the copy begins.
        try world.write("", to: "\(disk)/want", as: .postgres)
        let destination = "\(disk)/data"
        let words = ["--tablespace", "fast:\(disk)/fast", "gzip", "latest", destination]
        let full = try site.host.barman(["restore"] + words)
        #expect(full.status == 1 && full.err.contains("No space left on device"), "\(full)")
        #expect(!world.exists("\(destination)/global/pg_control"))
        try world.run(["rm", "\(disk)/hog"]).orThrow()
        let mended = try site.host.barman(["restore"] + words)
        #expect(mended.status == 0, "\(mended)")
        #expect(try site.answer(in: destination) == expected)
    }
    #endif
}
