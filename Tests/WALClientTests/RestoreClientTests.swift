import TestWorld
import Testing

/// `barman-wal-restore` and `get-wal`, ours and the oracle's, over real ssh.
@Suite struct RestoreClientTests {
    @Test(arguments: [nil, "gzip", "bzip2", "xz"])
    func `each client gets from each host, in every form`(compressor: String?) throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...3, by: compressor)
            for options in [[], ["-P"], ["-z"], ["-j"], ["--keep-compression"], ["-p", "3"]] {
                for (host, isOracle) in [("ours", false), ("ours", true), ("theirs", false)] {
                    // The oracle takes its time: with it, what matters.
                    if host == "theirs" || isOracle, options == ["-P"] || compressor == "bzip2" { continue }
                    let outcome = try site.restore(WALSite.segment, from: host, options, oracle: isOracle)
                    #expect(outcome.status == 0, "\(outcome)")
                    #expect(outcome.err == "", "\(outcome)")
                    let isEqual = try Shell.read(site.destination) == WALSite.contents(1)
                    #expect(isEqual, "\(options) \(host) \(isOracle)")
                    try world.run(["rm", "-rf", site.destination, world.path("state/spool")])
                }
            }
        }
    }

    @Test func `an encrypted file is delivered as PostgreSQL wrote it, by each host to each client`() throws {
        try World.with { world in
            let ring = try world.makeDirectory("g", as: .barman)
            try world.makeDirectory("tools", mode: 0o755)
            try world.write(
                "#!/bin/sh\nexec env GNUPGHOME=\(ring) /usr/bin/gpg \"$@\"\n",
                to: "tools/gpg",
                mode: 0o755
            )
            world.atEnd { _ = try? world.run(["gpgconf", "--homedir", ring, "--kill", "all"], as: .barman) }
            try world.run(
                [
                    world.path("tools/gpg"), "--batch", "--pinentry-mode", "loopback", "--passphrase", "secret",
                    "--quick-generate-key", "wal@example.org", "rsa2048", "encrypt", "never",
                ],
                as: .barman
            ).orThrow()
            let site = try WALSite(
                world,
                global: [
                    "encryption": "gpg", "encryption_key_id": "wal@example.org", "compression": "gzip",
                    "encryption_passphrase_command": "printf secret", "path_prefix": world.path("tools"),
                ]
            )
            try site.makeReady(1...3)
            for number in 1...3 { #expect(try site.archive(number, to: "ours").status == 0) }
            try site.host.barman("archive-wal", "pg").orThrow()
            let stored = try Shell.read("\(site.wals)/\(WALSite.name(3))")
            #expect(stored.starts(with: [0x85]), "it is not encrypted")
            for (host, isOracle, options) in [
                ("ours", false, []), ("ours", true, []), ("theirs", false, []), ("ours", false, ["-z"]),
                ("ours", false, ["--keep-compression"]), ("ours", false, ["-p", "3"]),
            ] {
                let outcome = try site.restore(WALSite.segment, from: host, options, oracle: isOracle)
                #expect(outcome.status == 0 && outcome.err == "", "\(outcome)")
                let isEqual = try Shell.read(site.destination) == WALSite.contents(1)
                #expect(isEqual, "\(options) \(host) \(isOracle)")
                try world.run(["rm", "-rf", site.destination, world.path("state/spool")])
            }
        }
    }

    @Test func `both clients end alike`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...1)
            let wal = WALSite.segment
            for words in [
                ["ours", "pg", wal], ["ours", "nosuch", wal, site.destination],
                ["ours", "pg", "nonsense", site.destination], ["ours", "pg", WALSite.name(9), site.destination],
                ["ours", "pg", wal, world.path("pg_wal")], ["ours", "pg", wal, "/nosuch/file"],
                ["-p", "2", "ours", "pg", WALSite.name(9), site.destination], ["-t", "ours", "pg", "x", "y"],
                ["-z", "-j", "ours", "pg", wal, site.destination], ["-p", "x", "ours", "pg", wal, site.destination],
                ["--port", "1", "ours", "pg", wal, site.destination],
                ["--port", "1", "-s", "1", "ours", "pg", wal, site.destination],
                ["-P", "ours", "pg", "00000002.history", site.destination],
            ] {
                let spool = ["--spool-dir", world.path("state/spool")]
                let ours = try site.client("barman-wal-restore", spool + words)
                let theirs = try site.client("barman-wal-restore", spool + words, oracle: true)
                #expect(ours.status == theirs.status, "\(words)\n\(ours)\n\(theirs)")
                #expect(ours.out == theirs.out, "\(words)")
                if words.count > 3 || words[0] != "ours" {
                    // What ssh says itself ends with a carriage return as well.
                    let (last, theirLast) = (lastLine(ours.err), lastLine(theirs.err))
                    #expect(last == theirLast, "\(words)")
                }
            }
        }
    }

    private func lastLine(_ text: String) -> Substring? { text.split(whereSeparator: \.isNewline).last }

    @Test func `get-wal names the file that it puts into a directory as the oracle does`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...1)
            let wals = site.wals
            try world.run(["mv", "\(wals)/\(WALSite.name(1))", "\(wals)/\(WALSite.name(1)).partial"]).orThrow()
            let directory = try world.makeDirectory("fetched", as: .barman)
            let words = ["get-wal", "-P", "-o", directory, "pg", WALSite.name(1)]
            let ours = try site.host.barman(words)
            let theirs = try site.host.oracle(words)
            #expect(ours.status == 0 && ours.out.contains("'\(WALSite.name(1)).partial'"), "\(ours)")
            #expect((ours.status, ours.out) == (theirs.status, theirs.out))
        }
    }

    @Test func `put-wal without a standard input ends as for an empty one`() throws {
        try World.with { world in
            let site = try WALSite(world)
            let command = "exec timeout 20 '\(try world.program())' put-wal pg <&-"
            let environment = ["BARMAN_CONFIG_FILE": site.host.configurationFile]
            let outcome = try world.run(["bash", "-c", command], as: .barman, environment: environment)
            #expect(outcome.status == 1 && outcome.err.hasPrefix("EXCEPTION: empty file\n"), "\(outcome)")
        }
    }

    @Test func `the unfinished segment comes with a look ahead as well, an empty one never does`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...2)
            let partial = "\(site.home)/streaming/\(WALSite.name(3)).partial"
            for host in ["ours", "theirs"] {
                for options in [["-P"], ["-P", "-p", "2"]] {
                    try site.write(WALSite.contents(3), to: partial, as: .barman)
                    let last = try site.restore(WALSite.name(3), from: host, options)
                    #expect(last.status == 0, "\(host) \(options) \(last)")
                    #expect(try Shell.read(site.destination) == WALSite.contents(3))
                    // What a receiver that was reset leaves: PostgreSQL ends at once when it gets that.
                    try site.write([], to: partial, as: .barman)
                    let empty = try site.restore(WALSite.name(3), from: host, options)
                    #expect(empty.status != 0, "\(host) \(options) \(empty)")
                }
            }
            let missing = try site.restore(WALSite.name(9), from: "ours", ["-P", "-p", "2"])
            #expect(missing.status == 2, "\(missing)")
            #expect(missing.err.hasSuffix("The required file is not available: \(WALSite.name(9))\n"), "\(missing)")
            // With this option the header of a file is looked at as well.
            try site.write(WALSite.contents(4), to: partial, as: .barman)
            #expect(try site.restore(WALSite.name(3), from: "ours", ["-P"]).err.contains("Received a wrong"))
        }
    }

    @Test func `a file that does not fit is left for PostgreSQL to judge, which stops there`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...1)
            // As much of it as there was room for.
            let short = Array(WALSite.contents(1).prefix(614_400))
            for (bytes, words) in [(short, "has only 614400 of its 1048576 bytes"), ([], "is empty")] {
                try site.write(bytes, to: "\(site.wals)/\(WALSite.segment)", as: .barman)
                let ours = try site.restore(WALSite.segment, from: "ours")
                #expect(ours.status == 0)
                #expect(
                    ours.err == "WARNING: \(WALSite.segment) \(words): is there room at '\(site.destination)'?\n",
                    "\(ours)"
                )
                #expect(try Shell.read(site.destination) == bytes)
                #expect(try site.restore(WALSite.segment, from: "ours", oracle: true).status == 0)
            }
        }
    }

    @Test func `a standard stream that is closed is not taken for WAL_DEST`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...1)
            // An ssh that has something to say.
            try world.makeDirectory("loud", mode: 0o755)
            let loud = "#!/bin/sh\necho something >&2\nexec '\(world.path("bin/ssh"))' \"$@\"\n"
            try world.write(loud, to: "loud/ssh", mode: 0o755)
            let environment = ["PATH": "\(world.path("loud")):\(world.searchPath)"]
            let program = try world.walProgram("barman-wal-restore")
            let options = "--state-dir '\(world.path("state"))'"
            for closing in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
                let line = "'\(program)' \(options) ours pg \(WALSite.segment) '\(site.destination)' \(closing)"
                let outcome = try world.shell(line, as: .postgres, environment: environment)
                #expect(outcome.status == 0, "\(closing): \(outcome)")
                let isEqual = try Shell.read(site.destination) == WALSite.contents(1)
                #expect(isEqual, "\(closing)")
                try world.run(["rm", site.destination]).orThrow()
            }
        }
    }

    @Test func `directories that cannot be used are told, and done without`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...1)
            try site.makeReady(2...3)
            // Readable for others is good enough.
            try world.run(["chmod", "0755", world.path("state")]).orThrow()
            #expect(try site.archive(2, to: "ours", "--batch", "2").err == "")
            #expect(world.names(in: "state").count { $0.hasPrefix("sent-") } == 1)
            try world.makeDirectory("state/spool", as: .postgres)
            try world.run(["chmod", "0777", world.path("state")]).orThrow()
            try world.run(["chmod", "0555", world.path("state/spool")]).orThrow()
            let sent = try site.archive(3, to: "ours", "--batch", "2")
            let warning =
                "WARNING: '\(world.path("state"))' is not a directory of this account that nobody else can write to"
            #expect(sent.status == 0 && sent.err.hasPrefix(warning), "\(sent)")
            let fetched = try site.restore(WALSite.segment, from: "ours", ["-p", "2"])
            #expect(fetched.status == 0 && fetched.err.contains("nothing is fetched ahead"), "\(fetched)")
        }
    }

    @Test func `a file of another place is not handed over`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...2)
            try world.run(["cp", "-p", "\(site.wals)/\(WALSite.name(2))", "\(site.wals)/\(WALSite.name(1))"]).orThrow()
            let outcome = try site.restore(WALSite.segment, from: "ours")
            #expect(outcome.status == 2)
            #expect(outcome.err.contains("Received a wrong \(WALSite.segment)"), "\(outcome)")
            #expect(try Shell.read(site.destination) == [])
        }
    }

    @Test func `a full disk here is no end of the WAL`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...3)
            // More than ssh takes without a reader.
            let history = try world.write("", to: "\(site.home)/wals/00000002.history")
            try world.run(["truncate", "-s", "16M", "\(site.wals)/\(WALSite.name(1))", history]).orThrow()
            let full = try world.makeDirectory("full")
            try world.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=777", "none", full]).orThrow()
            world.atEnd { _ = try? world.run(["umount", "-l", full]) }
            let destination = "\(full)/RECOVERYXLOG"
            let reason = "Cannot write '\(destination)' (WAL_DEST): [Errno 28] No space left on device: '"
            func restore(_ wal: String, _ options: [String] = []) throws -> Outcome {
                let words = ["--spool-dir", world.path("state/spool")] + options + ["ours", "pg", wal, destination]
                return try site.client("barman-wal-restore", words)
            }
            // PostgreSQL stops at an empty segment.
            for options in [[], ["-p", "2"]] {
                let outcome = try restore(WALSite.name(1), options)
                #expect(outcome.status == 0 && outcome.err.contains("WARNING: \(reason)"), "\(outcome)")
                #expect(try Shell.read(destination) == [])
            }
            // So it does for one that has come ahead, and is there again when there is room.
            try world.run(["mount", "-o", "remount,size=64m", full]).orThrow()
            #expect(try restore(WALSite.name(2), ["-p", "2"]).status == 0)
            let ahead = try #require(world.names(in: "state/spool").first { $0.hasPrefix(".ahead-") })
            let isThere = Shell.wait(seconds: 20) { world.names(in: "state/spool/\(ahead)").contains(WALSite.name(3)) }
            try #require(isThere)
            try world.shell("rm '\(destination)'; cat /dev/zero > '\(full)/other'")
            let third = try restore(WALSite.name(3), ["-p", "2"])
            #expect(third.status == 0 && third.err.contains("WARNING: \(reason)"), "\(third)")
            #expect(try Shell.read(destination) == [])
            // Whether there is such a history is not known: no size of it is right or wrong.
            let last = try restore("00000002.history")
            #expect(last.status == 1 && last.err.contains("ERROR: \(reason)"), "\(last)")
            try world.run(["rm", "\(full)/other"]).orThrow()
            #expect(try restore(WALSite.name(3), ["-p", "2"]).err == "")
            #expect(try Shell.read(destination) == WALSite.contents(3))
        }
    }

    @Test func `what lies in the spool is delivered without asking`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try world.makeDirectory("state/spool", as: .postgres)
            try world.write("from the spool", to: "state/spool/\(WALSite.segment)", as: .postgres)
            for sshHost in site.sshHosts { try sshHost.stop() }
            #expect(try site.restore(WALSite.segment, from: "ours").status == 0)
            #expect(try world.read(site.destination) == "from the spool")
            #expect(world.names(in: "state/spool") == [])
            // Where others can write, nothing is taken.
            try world.write("from a stranger", to: "state/spool/\(WALSite.segment)", as: .postgres)
            try world.run(["chmod", "0777", world.path("state/spool")]).orThrow()
            #expect(try site.restore(WALSite.segment, from: "ours").status == 2)
        }
    }

    @Test func `files are fetched ahead of replay, in a window, and delivered whole`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...12, by: "gzip")
            let options = ["-p", "4"]
            #expect(try site.restore(WALSite.segment, from: "ours", options).status == 0)
            let ahead = try #require(world.names(in: "state/spool").first { $0.hasPrefix(".ahead-") })
            func waiting() -> [String] { world.names(in: "state/spool/\(ahead)").filter { $0.count == 24 } }
            let isFilled = Shell.wait(seconds: 20) { waiting() == (2...4).map(WALSite.name) }
            #expect(isFilled, "\(waiting())")
            // The next three come from the spool: the backup host is not asked.
            for number in 2...12 {
                #expect(try site.restore(WALSite.name(number), from: "ours", options).status == 0)
                let isEqual = try Shell.read(site.destination) == WALSite.contents(number)
                #expect(isEqual, "\(number)")
                #expect(waiting().count <= 3)
            }
            #expect(try site.restore(WALSite.name(13), from: "ours", options).status == 2)
        }
    }

    @Test func `a file that has just been taken is not fetched a second time`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeArchived(1...9)
            let options = ["-p", "4"]
            #expect(try site.restore(WALSite.segment, from: "ours", options).status == 0)
            let ahead = try #require(world.names(in: "state/spool").first { $0.hasPrefix(".ahead-") })
            func wait(for numbers: ClosedRange<Int>) -> Bool {
                Shell.wait(seconds: 20) {
                    world.names(in: "state/spool/\(ahead)").filter { $0.count == 24 } == numbers.map(WALSite.name)
                }
            }
            #expect(wait(for: 2...4))
            // As a call takes it that has not come to say so.
            try world.run(["rm", world.path("state/spool/\(ahead)/\(WALSite.name(2))")]).orThrow()
            #expect(try site.restore(WALSite.name(3), from: "ours", options).status == 0)
            #expect(wait(for: 4...6))
            let sent = try world.read(site.host.logFile).split(separator: "\n").filter {
                $0.contains("Sending WAL '\(WALSite.name(2))'")
            }
            #expect(sent.count == 1)
        }
    }
}
