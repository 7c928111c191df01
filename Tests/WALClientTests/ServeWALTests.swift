import TestWorld
import Testing

/// A key with `barman serve-wal` as its forced command: the clients work, and nothing else does.
@Suite struct ServeWALTests {
    private func with(_ body: (WALSite) throws -> Void) throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.host.addServer(
                "other",
                [
                    "archiver": "on", "backup_method": "local-rsync", "backup_options": "concurrent_backup",
                    "conninfo": "host=x",
                ]
            )
            let key = try world.read("\(world.path("key-\(Account.postgres.name)")).pub")
            let command = "restrict,command=\"\(try world.program()) serve-wal pg\" "
            try world.write(command + key, to: "ssh-ours/authorized_keys")
            try body(site)
        }
    }

    @Test func `both clients of both programs work through it`() throws {
        try with { site in
            let world = site.world
            try site.makeReady(1...1)
            let (segment, name) = (world.path("pg_wal/\(WALSite.name(1))"), WALSite.name(1))
            let archive = try world.walProgram("barman-wal-archive")
            try world.run([archive, "ours", "pg", segment], as: .postgres).orThrow()
            #expect(world.exists("\(site.incoming)/\(name)"))
            let test = try world.run([archive, "--test", "ours", "pg", "x"], as: .postgres)
            #expect(test.out.contains("Ready to accept WAL files for the server pg"), "\(test)")
            let named = try world.run(
                [archive, "--no-multiplex", "-c", site.host.configurationFile, "ours", "pg", segment],
                as: .postgres
            )
            #expect(named.status == 0, "\(named)")

            let fetched = world.path("state/fetched")
            let restore = try world.walProgram("barman-wal-restore")
            try world.run([restore, "ours", "pg", name, fetched], as: .postgres).orThrow()
            #expect(try world.read(fetched) == world.read(segment))
            let theirs = Scratch.oracle.split(separator: "/").dropLast().joined(separator: "/")
            try world.run(["/\(theirs)/barman-wal-archive", "ours", "pg", segment], as: .postgres).orThrow()
            try world.run(["/\(theirs)/barman-wal-restore", "ours", "pg", name, fetched + "2"], as: .postgres).orThrow()
        }
    }

    @Test func `nothing else is served, and what was asked for is in the log`() throws {
        try with { site in
            let world = site.world
            // All that is refused is in WALGateTests; these are the ones that a shell, sshd or a client would act on.
            let requests = [
                "bash -i", "", "barman put-wal pg; id", "barman get-wal pg $(id)", "barman delete pg latest",
                "barman get-wal -o /tmp pg 000000010000000000000001", "barman get-wal pg ../../../../etc/passwd",
                "barman -c /tmp/evil.conf put-wal pg", "rsync --server -e.Lsfx . /tmp", "scp -t /tmp",
                "barman put-wal pg\nid", "barman put-wal pg\u{1b}[2J",
            ]
            for request in requests {
                let answer = try world.run(["ssh", "-q", "barman@ours", request], as: .postgres, input: "")
                #expect(answer.status != 0, "\(request): \(answer)")
                #expect(!answer.out.contains("uid=") && !answer.out.contains("root:"), "\(request): \(answer)")
                #expect(!answer.out.contains("Barman"), "\(request): \(answer)")
            }
            #expect(world.names(in: site.incoming) == [])
            #expect(!world.exists("/tmp/000000010000000000000001"))
            let log = try world.read(site.host.logFile)
            #expect(log.contains("serve-wal refused 'bash -i'"))
            #expect(log.contains("refused 'barman put-wal pg?id'"))
            #expect(!log.contains("\u{1b}"))
        }
    }

    @Test func `a key may be for one way alone`() throws {
        try with { site in
            let world = site.world
            let key = try world.read("\(world.path("key-\(Account.postgres.name)")).pub")
            let command = "restrict,command=\"\(try world.program()) serve-wal --only put-wal pg other\" "
            try world.write(command + key, to: "ssh-ours/authorized_keys")
            let get = try world.run(["ssh", "-q", "barman@ours", "barman get-wal --test pg x"], as: .postgres)
            #expect(get.status == 1 && get.err.contains("only put-wal may be asked for"), "\(get)")
            try world.run(["ssh", "-q", "barman@ours", "barman put-wal --test pg"], as: .postgres).orThrow()
            try world.run(["ssh", "-q", "barman@ours", "barman put-wal other --test"], as: .postgres).orThrow()
        }
    }

    @Test func `without a request it says what it is for`() throws {
        try with { site in
            let answer = try site.host.barman("serve-wal", "pg")
            #expect(answer.status == 1 && answer.err.contains("SSH_ORIGINAL_COMMAND"), "\(answer)")
        }
    }
}
