import TestWorld
import Testing

/// `barman-wal-archive` and `put-wal`, ours and the oracle's, over real ssh.
@Suite struct ArchiveClientTests {
    @Test func `each client sends to each host, in every form`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            let forms = [
                ([], "cat"), (["--md5"], "cat"), (["-z"], "gzip -dc"), (["-j"], "bzip2 -dc"), (["--xz"], "xz -dc"),
            ]
            for (options, unpack) in forms {
                for (host, isOracle) in [("ours", false), ("ours", true), ("theirs", false)] {
                    let words = options + [host, "pg", world.path("pg_wal/\(WALSite.segment)")]
                    let outcome = try site.client("barman-wal-archive", words, oracle: isOracle)
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(outcome.out == "" && outcome.err == "", "\(outcome)")
                    #expect(site.received == [WALSite.segment])
                    let path = "\(site.incoming)/\(WALSite.segment)"
                    let sum = try world.shell(
                        "\(unpack) < '\(path)' | cmp - '\(world.path("pg_wal/\(WALSite.segment)"))'"
                    )
                    #expect(sum.status == 0, "\(options) \(host) \(isOracle): \(sum)")
                    try site.clearIncoming()
                }
            }
        }
    }

    @Test func `both clients end alike`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            let wal = world.path("pg_wal/\(WALSite.segment)")
            for words in [
                ["ours", "pg"], ["ours", "nosuch", wal], ["ours", "pg", world.path("pg_wal")],
                ["ours", "pg", world.path("nosuch")], ["-t", "ours", "pg", "x"], ["-t", "ours", "nosuch", "x"],
                ["-c", "/nosuch.conf", "ours", "pg", wal], ["--comp", "x", "ours", "pg", wal], ["-V"],
            ] {
                let ours = try site.client("barman-wal-archive", words)
                let theirs = try site.client("barman-wal-archive", words, oracle: true)
                #expect(ours.out == theirs.out, "\(words)")
                if theirs.err.contains("Broken pipe") {
                    // The command has failed there before the reference had sent everything; ours waits for what ssh says.
                    #expect(words.first == "-c" && ours.status == 1, "\(words)\n\(ours)\n\(theirs)")
                    #expect(ours.err.hasSuffix("ERROR: Remote 'barman put-wal' command has failed!\n"), "\(ours)")
                    continue
                }
                #expect(ours.status == theirs.status, "\(words)\n\(ours)\n\(theirs)")
                #expect(ours.err.split(separator: "\n").last == theirs.err.split(separator: "\n").last, "\(words)")
            }
            let unreachable = try site.client("barman-wal-archive", ["--port", "1", "ours", "pg", wal])
            #expect(unreachable.status == 3)
            let reason = "ssh: connect to host 127.0.0.1 port 1: Connection refused\r\n"
            #expect(unreachable.err == reason + "ERROR: Connection problem with ssh\n", "\(unreachable)")
            let test = try site.client("barman-wal-archive", ["--port", "1", "-t", "ours", "pg", wal])
            #expect(test.status == 255 && test.out == reason + "\n", "\(test)")
            // The exact call of the reference says no more than the reference.
            let exact = try site.client("barman-wal-archive", ["--port", "1", "--no-multiplex", "ours", "pg", wal])
            #expect(exact.status == 3 && exact.err == "ERROR: Connection problem with ssh\n", "\(exact)")
        }
    }

    @Test func `calls share one connection, and go on alone when it is broken`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...4)
            #expect(try site.archive(1, to: "ours").status == 0)
            let sockets = world.names(in: "state")
            #expect(sockets.count == 1)
            #expect(try site.archive(2, to: "ours").status == 0)
            #expect(world.names(in: "state") == sockets)
            // The connection dies without a word; what is left is a socket on which nobody listens.
            try world.run(["pkill", "-KILL", "-f", "ssh: \(world.path("state"))"])
            #expect(world.names(in: "state") == sockets)
            #expect(try site.archive(3, to: "ours").status == 0)
            #expect(try site.archive(4, to: "ours", "--no-multiplex").status == 0)
            #expect(site.received == (1...4).map(WALSite.name))
        }
    }

    @Test func `a backup host that accepts the connection and says nothing is given up`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            let listens =
                "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
                + "print(s.getsockname()[1], flush=True); time.sleep(600)"
            let silent = try world.start(["python3", "-c", listens])
            defer { silent.end() }
            let isUp = Shell.wait(seconds: 10) { silent.outcome.out.hasSuffix("\n") }
            try #require(isUp)
            // One second instead of thirty.
            try world.makeDirectory("hasty", mode: 0o755)
            let ssh = "#!/bin/bash\nexec '\(world.path("bin/ssh"))' \"${@/ConnectTimeout=30/ConnectTimeout=1}\"\n"
            try world.write(ssh, to: "hasty/ssh", mode: 0o755)
            let host = [
                "--state-dir", world.path("state"), "--port", silent.outcome.out.filter(\.isNumber), "ours", "pg",
            ]
            for (program, words, status) in [
                ("barman-wal-archive", [world.path("pg_wal/\(WALSite.segment)")], 3 as Int32),
                ("barman-wal-restore", [WALSite.segment, site.destination], 2),
            ] {
                let outcome = try world.run(
                    [try world.walProgram(program)] + host + words,
                    as: .postgres,
                    environment: ["PATH": "\(world.path("hasty")):\(world.searchPath)"]
                )
                let (reason, end) = ("timed out during banner exchange\r\n", "ERROR: Connection problem with ssh\n")
                #expect(outcome.status == status && outcome.err.contains(reason), "\(outcome)")
                #expect(outcome.err.hasSuffix(end), "\(outcome)")
            }
        }
    }

    @Test func `what may be another host by the same name has a connection of its own`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...3)
            try world.makeDirectory("other", mode: 0o755)
            try world.write("#!/bin/sh\nexec '\(world.path("bin/ssh"))' \"$@\"\n", to: "other/ssh", mode: 0o755)
            try world.makeDirectory("elsewhere", as: .postgres)
            let program = try world.walProgram("barman-wal-archive")
            for (number, environment) in [
                (1, [:]), (2, ["PATH": "\(world.path("other")):\(world.searchPath)"]),
                (3, ["HOME": world.path("elsewhere")]),
            ] {
                let wal = world.path("pg_wal/\(WALSite.name(number))")
                let words = [program, "--state-dir", world.path("state"), "ours", "pg", wal]
                try world.run(words, as: .postgres, environment: environment).orThrow()
                #expect(world.names(in: "state").count == number)
            }
        }
    }

    @Test func `a batch is sent in one go and answers the next calls, but only for the very same files`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...6)
            #expect(try site.archive(1, to: "ours", "--batch", "4").status == 0)
            #expect(site.received == (1...4).map(WALSite.name))
            // The backup host is gone: what it confirmed is still confirmed, the rest is not.
            for sshHost in site.sshHosts { try sshHost.stop() }
            #expect(try site.archive(2, to: "ours", "--batch", "4").status == 0)
            #expect(try site.archive(4, to: "ours", "--batch", "4").status == 0)
            #expect(try site.archive(4, to: "theirs", "--batch", "4").status == 3)
            #expect(try site.archive(4, to: "ours").status == 3)
            #expect(try site.archive(5, to: "ours", "--batch", "4").status == 3)
            // The same name, size and modification time, another file.
            let path = world.path("pg_wal/\(WALSite.name(3))")
            try world.shell("cp -p '\(path)' '\(path).new' && mv '\(path).new' '\(path)'", as: .postgres).orThrow()
            #expect(try site.archive(3, to: "ours", "--batch", "4").status == 3)
            for sshHost in site.sshHosts { try sshHost.start() }
            #expect(try site.archive(3, to: "ours", "--batch", "4").status == 0)
            #expect(site.received == (1...6).map(WALSite.name))
            for number in 1...6 {
                let same = try world.run([
                    "cmp", world.path("pg_wal/\(WALSite.name(number))"), "\(site.incoming)/\(WALSite.name(number))",
                ])
                #expect(same.status == 0)
            }
        }
    }

    @Test func `what one host has confirmed is not confirmed by what may be another one of the same name`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...2)
            #expect(try site.archive(1, to: "ours", "--batch", "2").status == 0)
            try world.makeDirectory("other", mode: 0o755)
            try world.write("#!/bin/sh\nexit 255\n", to: "other/ssh", mode: 0o755)
            try world.makeDirectory("elsewhere", as: .postgres)
            for sshHost in site.sshHosts { try sshHost.stop() }
            let wal = world.path("pg_wal/\(WALSite.name(2))")
            let words = [
                try world.walProgram("barman-wal-archive"), "--state-dir", world.path("state"), "--batch", "2", "ours",
                "pg", wal,
            ]
            for (environment, status) in [
                ([:], 0 as Int32), (["PATH": "\(world.path("other")):\(world.searchPath)"], 3),
                (["HOME": world.path("elsewhere")], 3),
            ] {
                let outcome = try world.run(words, as: .postgres, environment: environment)
                #expect(outcome.status == status, "\(environment): \(outcome)")
            }
        }
    }

    @Test func `a file of the batch that cannot be read to its end holds up itself alone`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...3)
            // The kernel says 4096 bytes, and has fewer.
            let short = "/sys/class/net/lo/mtu"
            try world.shell("ln -sfn \(short) '\(world.path("pg_wal/\(WALSite.name(2))"))'").orThrow()
            let first = try site.archive(1, to: "ours", "--batch", "4")
            #expect(first.status == 0 && first.err == "" && site.received == [WALSite.name(1)], "\(first)")
            let second = try site.archive(2, to: "ours", "--batch", "4")
            #expect(second.status == 2, "\(second)")
            #expect(second.err.hasPrefix("ERROR: Error executing ssh: [Errno 5] Input/output error: '"), "\(second)")
            #expect(site.received == [WALSite.name(1)])
        }
    }

    @Test func `a refused batch confirms nothing and sends the wanted file alone`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...2)
            // A name that the host refuses because a directory has it.
            try world.run(["mkdir", "\(site.incoming)/\(WALSite.name(2))"], as: .barman).orThrow()
            #expect(try site.archive(1, to: "ours", "--batch", "4").status == 0)
            #expect(site.received.contains(WALSite.name(1)))
            #expect(try site.archive(2, to: "ours", "--batch", "4").status == 1)
        }
    }

    @Test func `a transfer that is cut off stores nothing`() throws {
        try World.with { world in
            let site = try WALSite(world)
            let path = world.path("pg_wal/\(WALSite.segment)")
            try site.write(WALSite.contents(1, sizeBytes: 64 << 20), to: path, as: .postgres)
            // The wrapper lets a megabyte through, then dies.
            let wrapper = try world.makeDirectory("cut", mode: 0o755)
            try world.write(
                "#!/bin/sh\nhead -c 1000000 | \(world.path("bin/ssh")) \"$@\"\nkill -9 $$\n",
                to: "\(wrapper)/ssh",
                mode: 0o755
            )
            let outcome = try world.run(
                [try world.walProgram("barman-wal-archive"), "--no-multiplex", "ours", "pg", path],
                as: .postgres,
                environment: ["PATH": "\(wrapper):\(world.searchPath)"]
            )
            #expect(outcome.status != 0, "\(outcome)")
            #expect(site.received == [])
        }
    }
}
