import TestWorld
import Testing

/// What a user, a disk or another program gets wrong: a clear error each, and nothing lost.
@Suite struct BadInputTests {
    @Test func `an unknown server and an unknown backup are named`() throws {
        try World.with { world in
            let host = try quietHost(world)
            let server = try host.barman("list-backups", "nosuch")
            #expect(server.status == 1)
            #expect(server.err == "ERROR: Unknown server 'nosuch'\n")
            let backup = try host.barman("show-backup", "pg", "20200101T000000")
            #expect(backup.status == 1)
            #expect(backup.err == "ERROR: Unknown backup '20200101T000000' for server 'pg'\n")
            let json = try host.barman("-f", "json", "show-backup", "pg", "nosuch")
            #expect(json.status == 1)
            #expect(json.out == #"{"_ERROR": ["Unknown backup 'nosuch' for server 'pg'"]}"#)
            #expect(json.err == "")
        }
    }

    @Test func `a malformed configuration is refused with its file and line`() throws {
        try World.with { world in
            let host = try quietHost(world)
            let good = try world.read(host.configurationFile)
            let broken = "\(host.serversDirectory)/broken.conf"

            try world.write("[broken]\ndescription = fine\nno separator here\n", to: broken, as: .postgres)
            let include = try host.barman("list-servers")
            #expect(include.status == 1)
            #expect(include.err.contains(broken), "\(include)")
            #expect(include.err.contains("3"))
            #expect(include.err.contains("no separator here"))

            try world.write("description = before any section\n", to: broken, as: .postgres)
            let headless = try host.barman("list-servers")
            #expect(headless.status == 1)
            #expect(headless.err.contains(broken))
            #expect(headless.err.contains("1"))
            try world.run(["rm", broken]).orThrow()

            for (text, message) in [
                ("[other]\n", "No section: 'barman'"),
                ("[barman]\nbarman_user = \(host.account.name)\n", "\"barman_home\" is required in [barman] section"),
                (good + "[x\n", host.configurationFile),
            ] {
                try world.write(text, to: host.configurationFile, as: .postgres)
                let outcome = try host.barman("list-servers")
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.err.contains(message), "\(outcome)")
            }

            let missing = try host.barman("-c", "/nowhere/barman.conf", "list-servers")
            #expect(missing.status == 1)
            #expect(missing.err == "Configuration file '/nowhere/barman.conf' does not exist\n")
        }
    }

    @Test func `an unknown option and an unusable value are named, and the rest works`() throws {
        try World.with { world in
            let host = try quietHost(world)
            try host.addServer("pg", options, ["parallel_jobs": "many", "colour": "green"])
            let outcome = try host.barman("list-servers")
            #expect(outcome.status == 0)
            #expect(outcome.out == "pg - Quiet\n")
            #expect(outcome.err.contains("WARNING: Invalid configuration option \"colour\" in [pg] section."))
            #expect(
                outcome.err.contains(
                    "WARNING: Ignoring invalid configuration value 'many' for key parallel_jobs in [pg]"
                )
            )
        }
    }

    @Test(.enabled(if: Account.postgres.name != Account.me.name, "two users need root"))
    func `the wrong user is refused`() throws {
        try World.with { world in
            let host = try quietHost(world)
            let text = try world.read(host.configurationFile)
            try world.write(
                text.replacing("barman_user = \(host.account.name)", with: "barman_user = root"),
                to: host.configurationFile,
                as: .postgres
            )
            let outcome = try host.barman("list-servers")
            #expect(outcome.status == 1)
            #expect(outcome.err == "ERROR: please run barman as 'root' user\n")
        }
    }

    @Test func `a directory without permission is named and its WAL waits`() throws {
        try World.with { world in
            let host = try quietHost(world)
            let segments = try feed(host)
            let wals = "\(host.home)/pg/wals"
            try world.run(["chmod", "0500", wals]).orThrow()
            let outcome = try host.barman("archive-wal", "pg")
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.err.contains("Permission denied"), "\(outcome)")
            #expect(outcome.err.contains(wals), "\(outcome)")
            #expect(world.names(in: "\(host.home)/pg/incoming") == segments)
            try world.run(["chmod", "0700", wals]).orThrow()

            try world.run(["rm", "-f", "\(host.home)/.pg-archive-wal.lock"]).orThrow()
            try world.run(["chmod", "0500", host.home]).orThrow()
            let locked = try host.barman("archive-wal", "pg")
            #expect(locked.status == 1, "\(locked)")
            #expect(locked.err.contains("\(host.home)/.pg-archive-wal.lock"), "\(locked)")
            try world.run(["chmod", "0700", host.home]).orThrow()
            #expect(try host.barman("archive-wal", "pg").status == 0)
            #expect(host.archivedWAL("pg") == segments)
        }
    }

    @Test(arguments: [
        ("unknown key", "surprise=1\n", "Unsupported field 'surprise' found in backup metadata"),
        ("no number", "size=many\n", ""), ("no time", "end_time=yesterday-ish\n", ""),
        ("no literal", "tablespaces=[('fast', 1\n", ""),
    ])
    func `a corrupt backup record is an error, never skipped`(kind: String, line: String, message: String) throws {
        try World.with { world in
            let host = try quietHost(world)
            let meta = try world.makeDirectory("\(host.home)/pg/meta", as: .postgres)
            let file = "\(meta)/20260101T000000-backup.info"
            let text = "begin_wal=000000010000000000000002\nserver_name=pg\nstatus=DONE\n" + line
            try world.write(text, to: file, as: .postgres)
            for words in [["list-backups", "pg"], ["show-backup", "pg", "latest"], ["delete", "pg", "latest"]] {
                let outcome = try host.barman(words)
                #expect(outcome.status == 1, "\(kind): \(outcome)")
                #expect(!outcome.err.isEmpty)
                #expect(outcome.err.contains(message.isEmpty ? file : message), "\(kind): \(outcome)")
                #expect(try world.read(file) == text)
            }
            // A monitor is told of the server that cannot be looked at.
            let answer = try host.barman("check", "--nagios", "pg")
            #expect(answer.status == 2, "\(kind): \(answer)")
            #expect(answer.out.hasPrefix("BARMAN CRITICAL - server pg has issues * pg FAILED: "), "\(kind): \(answer)")
            #expect(answer.out.contains("\npg.check: FAILED ("), "\(kind): \(answer)")
        }
    }

    @Test func `a truncated WAL file and a foreign one go to the errors directory, the good one to the archive`() throws
    {
        try World.with { world in
            let host = try quietHost(world)
            let segments = try feed(host)
            let incoming = "\(host.home)/pg/incoming"
            let truncated = "0000000100000000000000F0"
            try world.write("cut short", to: "\(incoming)/\(truncated)", as: .postgres)
            try world.write("hello", to: "\(incoming)/README", as: .postgres)
            try world.makeDirectory("\(incoming)/folder", as: .postgres)

            let outcome = try host.barman("archive-wal", "pg")
            #expect(outcome.out.contains("Objects moved to errors directory:"), "\(outcome)")
            #expect(outcome.out.contains("README"))
            #expect(outcome.out.contains(truncated), "\(outcome)")
            #expect(host.archivedWAL("pg") == segments)
            let errors = world.names(in: "\(host.home)/pg/errors")
            #expect(errors.count == 3, "\(errors)")
            for name in [truncated, "README", "folder"] {
                #expect(errors.contains { $0.hasPrefix("\(name).") }, "\(name) in \(errors)")
            }
            #expect(world.names(in: incoming) == [])
            let check = try host.barman("check", "pg")
            #expect(check.out.contains("archiver errors: FAILED ("), "\(check)")
        }
    }

    @Test func `a WAL file that comes twice is dropped when equal and kept aside when not`() throws {
        try World.with { world in
            let host = try quietHost(world)
            let segments = try feed(host)
            let incoming = "\(host.home)/pg/incoming"
            try world.run(["cp", "-a", incoming, world.path("copy")]).orThrow()
            try host.barman("archive-wal", "pg").orThrow()

            try world.run(["cp", "-a", world.path("copy") + "/.", incoming]).orThrow()
            let equal = try host.barman("archive-wal", "pg")
            #expect(equal.status == 0, "\(equal)")
            #expect(world.names(in: incoming) == [])
            #expect(world.names(in: "\(host.home)/pg/errors") == [])

            try world.shell(
                "{ head -c 8192 \(world.path("copy"))/\(segments[0]); head -c 16769024 /dev/urandom; }"
                    + " >\(incoming)/\(segments[0])",
                as: .postgres
            ).orThrow()
            let other = try host.barman("archive-wal", "pg")
            #expect(other.status == 0, "\(other)")
            #expect(
                other.out.contains(
                    "\tError: \(segments[0]) is already present in server pg. File moved to errors directory."
                )
            )
            let errors = world.names(in: "\(host.home)/pg/errors")
            #expect(errors.count == 1 && errors[0].hasSuffix(".duplicate"), "\(errors)")
            let lines = try world.read("\(host.home)/pg/wals/pg-xlog.db").split(separator: "\n")
            #expect(lines.count == segments.count)
        }
    }

    @Test func `a line of xlog.db that is none is an error with its text`() throws {
        try World.with { world in
            let host = try quietHost(world)
            _ = try feed(host)
            try host.barman("archive-wal", "pg").orThrow()
            let file = "\(host.home)/pg/wals/pg-xlog.db"
            let text = try world.read(file) + "one two\n"
            try world.write(text, to: file, as: .postgres)
            try world.write(
                "begin_wal=000000010000000000000001\nend_wal=000000010000000000000001\nstatus=DONE\ntimeline=1\n"
                    + "begin_time=2026-01-01 00:00:00+00:00\nend_time=2026-01-01 00:00:00+00:00\nsize=1\n",
                to: "\(host.home)/pg/meta/20260101T000000-backup.info",
                as: .postgres
            )
            let outcome = try host.barman("list-backups", "pg")
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.err.contains("one two"), "\(outcome)")
            #expect(try world.read(file) == text)
        }
    }

    private var options: KeyValuePairs<String, String> {
        [
            "description": "Quiet", "archiver": "on", "backup_method": "local-rsync",
            "backup_options": "concurrent_backup",
            "conninfo": "host=127.0.0.1 port=1 user=barman dbname=postgres connect_timeout=2",
        ]
    }

    /// A host with one server whose PostgreSQL does not answer; its directories exist.
    private func quietHost(_ world: World) throws -> BarmanHost {
        let host = try world.barmanHost(as: .postgres, global: ["compression": "gzip"])
        try host.addServer("pg", options)
        try host.barman("check", "pg")
        return host
    }

    /// Puts three segments into the incoming directory and returns their names.
    private func feed(_ host: BarmanHost) throws -> [String] {
        let names = (1...3).map { "00000001000000000000000\($0)" }
        let template = try host.world.cluster(15, named: "template").dataDirectory
        for (index, name) in names.enumerated() {
            let file = "\(host.home)/pg/incoming/\(name)"
            // The page address in the header is that of the name.
            try host.world.shell(
                "cp \(template)/pg_wal/000000010000000000000001 \(file)"
                    + " && printf '\\\(index + 1)' | dd of=\(file) bs=1 seek=11 conv=notrunc",
                as: .postgres
            ).orThrow()
        }
        return names
    }
}
