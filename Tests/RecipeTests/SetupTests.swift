import TestWorld
import Testing

/// `barman setup`: by options, by answers on a terminal, and what it refuses.
@Suite struct SetupTests {
    /// A running server that knows no backup yet, and a backup host on the same machine.
    private func with(_ body: (World, Cluster, BarmanHost) throws -> Void) throws {
        try World.with { world in
            let cluster = try world.cluster(15)
            try cluster.start()
            // The check at the end waits a third of its time for the first WAL.
            try body(world, cluster, try world.barmanHost(as: .postgres, global: ["check_timeout": "12"]))
        }
    }

    /// Sets the server up without a question, and with these options.
    private func setUp(_ host: BarmanHost, _ cluster: Cluster, _ more: String...) throws -> Outcome {
        try host.barman(["setup", "pg", "--conninfo", conninfo(cluster), "--yes"] + more)
    }

    private func admin(_ cluster: Cluster) -> String {
        "host=127.0.0.1 port=\(cluster.port) user=postgres dbname=postgres"
    }

    private func conninfo(_ cluster: Cluster, _ role: String = "barman") -> String {
        "host=127.0.0.1 port=\(cluster.port) user=\(role) dbname=postgres"
    }

    @Test func `by options, it makes role, grants, settings and slot, writes the file, and a backup works`() throws {
        try with { world, cluster, host in
            let setup = try setUp(
                host,
                cluster,
                "--admin-conninfo",
                admin(cluster),
                "--method",
                "local-rsync",
                "--wal",
                "archive",
                "--retention-policy",
                "redundancy 3",
                "--apply"
            )
            let file = "\(host.serversDirectory)/pg.conf"
            #expect(setup.out.contains("role barman: does not exist"), "\(setup)")
            #expect(setup.out.contains("done: CREATE ROLE barman LOGIN;"), "\(setup)")
            #expect(setup.out.contains("done: GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean) TO barman;"))
            #expect(setup.err.contains("restart PostgreSQL to make these count: archive_mode"), "\(setup)")
            #expect(setup.out.contains("Wrote \(file)."))
            #expect(setup.out.contains("\tarchive_mode: FAILED") && setup.out.contains("\t\tfix: "), "\(setup)")
            #expect(setup.status == 1)
            #expect(
                try world.read(file) == """
                    ; Written by 'barman setup pg'. Options: barman(5).
                    [pg]
                    description = "PostgreSQL server pg"
                    conninfo = \(conninfo(cluster))
                    backup_method = local-rsync
                    backup_options = concurrent_backup
                    reuse_backup = link
                    archiver = on
                    retention_policy = REDUNDANCY 3

                    """
            )
            #expect(try cluster.sql("SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = 'barman'") == "f")

            // What it asked for, and nothing more, makes the server fit.
            try cluster.restart()
            try host.barman("switch-wal", "--force", "--archive", "pg").orThrow()
            let again = try setUp(host, cluster, "--method", "local-rsync", "--print")
            #expect(again.status == 0 && !again.out.contains("SQL for a superuser"), "\(again)")
            #expect(try host.barman("-q", "check", "pg").status == 0)
            try host.barman("backup", "pg", "--wait").orThrow()
        }
    }

    @Test func `a streaming server gets the right to stream and a slot`() throws {
        try with { world, cluster, host in
            try cluster.createBackupRole()
            try cluster.sql("ALTER ROLE barman NOREPLICATION")
            let setup = try setUp(host, cluster, "--admin-conninfo", admin(cluster), "--slot", "ours", "--apply")
            #expect(setup.out.contains("done: ALTER ROLE barman REPLICATION;"), "\(setup)")
            #expect(!setup.out.contains("GRANT"), "\(setup)")
            #expect(setup.out.contains("done: replication slot ours"), "\(setup)")
            #expect(try cluster.sql("SELECT slot_name FROM pg_replication_slots") == "ours")
            let file = try world.read("\(host.serversDirectory)/pg.conf")
            #expect(file.contains("backup_method = postgres\nstreaming_archiver = on\nslot_name = ours\n"), "\(file)")
            #expect(setup.out.contains("  host  replication  barman  127.0.0.1/32  scram-sha-256\n"), "\(setup)")
            // Its receiver runs, so that nothing fails.
            #expect(setup.status == 0 && setup.out.contains("Next: barman backup --wait pg\n"), "\(setup)")
            try host.barman("terminate-process", "pg", "receive-wal").orThrow()
        }
    }

    @Test func `print changes nothing`() throws {
        try with { world, cluster, host in
            let setup = try setUp(host, cluster, "--admin-conninfo", admin(cluster), "--print", "--apply")
            #expect(setup.status == 0, "\(setup)")
            #expect(setup.out.contains("CREATE ROLE barman LOGIN REPLICATION;"), "\(setup)")
            #expect(world.names(in: host.serversDirectory) == [])
            #expect(try cluster.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'barman'") == "0")
        }
    }

    @Test func `a file that is there is replaced only on demand, and kept beside`() throws {
        try with { world, cluster, host in
            try cluster.createBackupRole()
            try host.addServer("pg", ["conninfo": "host=elsewhere", "archiver": "on"])
            let old = try world.read("\(host.serversDirectory)/pg.conf")
            let words = ["setup", "pg", "--conninfo", conninfo(cluster), "--yes"]
            let refused = try host.barman(words)
            #expect(refused.status == 1)
            #expect(
                refused.err.contains("pg.conf exists. Replace it? Nobody can be asked: use --replace"),
                "\(refused)"
            )
            #expect(try world.read("\(host.serversDirectory)/pg.conf") == old)
            let replaced = try host.barman(words + ["--replace"])
            #expect(replaced.out.contains("Wrote "), "\(replaced)")
            #expect(try world.read("\(host.serversDirectory)/pg.conf.old") == old)
            #expect(try world.read("\(host.serversDirectory)/pg.conf").contains("streaming_archiver = on"))
        }
    }

    @Test func `on a terminal it asks, explains what it does not understand, and takes proposals`() throws {
        try with { world, cluster, host in
            try cluster.createBackupRole()
            let answers = [
                "not a connection string", conninfo(cluster), "by magic", "local-rsync", "archive", "for ever",
                "REDUNDANCY 2",
            ]
            let setup = try onTerminal(host, ["setup", "pg"], answers: answers)
            #expect(setup.contains("How is PostgreSQL reached? [host=pg user=barman dbname=postgres] "), "\(setup)")
            #expect(setup.contains("write it as host=pg user=barman dbname=postgres"))
            #expect(setup.contains("postgres, rsync or local-rsync, please"))
            #expect(setup.contains("such as: RECOVERY WINDOW OF 4 WEEKS, or REDUNDANCY 3"))
            #expect(try world.read("\(host.serversDirectory)/pg.conf").contains("retention_policy = REDUNDANCY 2"))

            // The file is there now: a no leaves it, an end of input as well.
            let before = try world.read("\(host.serversDirectory)/pg.conf")
            let no = try onTerminal(host, ["setup", "pg"], answers: [""])
            #expect(no.contains("exists. Replace it? (yes or no) [no] "), "\(no)")
            #expect(no.contains("stays as it is"), "\(no)")
            let end = try onTerminal(host, ["setup", "pg"], answers: ["maybe", "\u{04}"])
            #expect(end.contains("yes or no, please") && end.contains("No answer: nothing was changed"), "\(end)")
            #expect(try world.read("\(host.serversDirectory)/pg.conf") == before)
        }
    }

    @Test func `what keeps us out is said with what lets us in`() throws {
        try with { world, cluster, host in
            let noRole = try host.barman("setup", "pg", "--conninfo", conninfo(cluster, "nobody"), "--yes")
            #expect(noRole.status == 1 && noRole.err.contains("CREATE ROLE nobody LOGIN;"), "\(noRole)")
            let noServer = try host.barman("setup", "pg", "--conninfo", "host=127.0.0.1 port=1 user=barman", "--yes")
            #expect(noServer.status == 1 && noServer.err.contains("start PostgreSQL on 127.0.0.1"), "\(noServer)")
            try cluster.createBackupRole()
            let noSuperuser = try host.barman("setup", "pg", "--conninfo", conninfo(cluster), "--apply", "--yes")
            #expect(noSuperuser.status == 1 && noSuperuser.err.contains("--apply needs a superuser"), "\(noSuperuser)")
            for name in ["all", "barman", "../pg", "a b", "-x", ""] {
                let refused = try host.barman("setup", "--print", "--yes", "--", name)
                #expect(refused.status == 1 && refused.err.contains("can not be the name of a server"), "\(refused)")
            }
            #expect(world.names(in: host.serversDirectory) == [])
        }
    }

    /// Runs the program on a terminal of its own and types the answers; each when a question has been asked.
    private func onTerminal(_ host: BarmanHost, _ words: [String], answers: [String]) throws -> String {
        let world = host.world
        try world.write(Self.typist, to: "typist.py")
        let outcome = try world.run(
            ["python3", world.path("typist.py"), "\(answers.count)"] + answers + [try world.program()] + words,
            as: host.account,
            environment: ["BARMAN_CONFIG_FILE": host.configurationFile]
        )
        #expect(outcome.err == "", "\(outcome)")
        return outcome.out
    }

    private static let typist = """
        import os, pty, select, sys

        count = int(sys.argv[1])
        answers, command = sys.argv[2 : 2 + count], sys.argv[2 + count :]
        child, terminal = pty.fork()
        if child == 0:
            os.execv(command[0], command)
        shown = b""
        fresh = b""
        while True:
            ready, _, _ = select.select([terminal], [], [], 60)
            try:
                data = os.read(terminal, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                break
            shown += data
            fresh += data
            if answers and (fresh.endswith(b"] ") or fresh.endswith(b"? ")):
                answer = answers.pop(0)
                os.write(terminal, answer.encode() if answer == "\\x04" else answer.encode() + b"\\n")
                fresh = b""
        os.waitpid(child, 0)
        sys.stdout.write(shown.decode().replace("\\r\\n", "\\n"))
        """
}
