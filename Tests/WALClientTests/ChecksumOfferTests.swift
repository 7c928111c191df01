import TestWorld
import Testing

/// The offer of a cheaper checksum: our two programs over real ssh, and those who know nothing of it.
@Suite struct ChecksumOfferTests {
    private static let count = 3

    @Test func `our two programs agree on CRC-32C, and everybody else gets SHA-256 or what was asked for`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try makeLongSegments(site)
            let real = world.path("bin/ssh")
            // One that hears no answer, and one that hears more than the answer.
            try makeSSH("deaf", "exec '\(real)' \"$@\" > /dev/null", world)
            try makeSSH("noisy", "echo before; '\(real)' \"$@\"; status=$?; echo after; exit $status", world)
            // One whose login shell ends no line.
            try makeSSH("prompt", "printf '%s' '$ '; exec '\(real)' \"$@\"", world)
            for (host, options, ssh, digits, says) in [
                ("ours", [], "bin", 8, ""), ("ours", [], "noisy", 8, "before\nafter\n"), ("ours", [], "deaf", 64, ""),
                ("ours", [], "prompt", 8, "$ "),
                ("theirs", [], "bin", 64, ""), ("ours", ["--md5"], "bin", 32, ""),
                ("ours", ["--no-multiplex"], "bin", 64, ""),
            ] {
                let title = "\(host) \(options) \(ssh)"
                let outcome = try batch(site, options, host, ssh)
                #expect(outcome.status == 0 && outcome.out == says && outcome.err == "", "\(title): \(outcome)")
                let checksums = try self.checksums(site)
                #expect(checksums.count == Self.count, "\(title): \(checksums)")
                // The answer may come when the first file has gone already.
                #expect(checksums.dropFirst().allSatisfy { $0.utf8.count == digits }, "\(title): \(checksums)")
                #expect([digits, 64].contains(checksums.first?.utf8.count), "\(title): \(checksums)")
                for name in (1...Self.count).map(WALSite.name) {
                    let (sent, stored) = (world.path("pg_wal/\(name)"), "\(site.incoming)/\(name)")
                    #expect(try world.run(["cmp", sent, stored]).status == 0, "\(title): \(name)")
                }
                try clear(site)
            }
        }
    }

    @Test func `a bit that turns over on the way is noticed by the cheaper checksum too`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try makeLongSegments(site)
            // In the middle of the third file; the answer has long come by then.
            let turns = """
                import sys
                source, sink, passed = sys.stdin.buffer, sys.stdout.buffer, 0
                while piece := bytearray(source.read1(1 << 16)):
                    if passed <= 40000000 < passed + len(piece): piece[40000000 - passed] ^= 1
                    passed += len(piece)
                    sink.write(piece)
                    sink.flush()
                """
            try world.write(turns, to: "turn.py", mode: 0o755)
            try makeSSH("turning", "python3 '\(world.path("turn.py"))' | '\(world.path("bin/ssh"))' \"$@\"", world)
            let outcome = try batch(site, [], "ours", "turning")
            // Refused, and the file that PostgreSQL waits for sent once more, alone: that passes.
            let third = WALSite.name(3)
            #expect(outcome.status == 0 && site.received == [WALSite.segment], "\(outcome)")
            let complaint = try #require(outcome.err.split(separator: "\n").first { $0.contains(third) })
            #expect(complaint.hasPrefix("ERROR: Bad file checksum '"), "\(outcome)")
            let actual = complaint.split(separator: "'")[1]
            #expect(actual.utf8.count == 8 && !complaint.contains("(should be \(actual))"), "\(complaint)")
        }
    }

    @Test func `what the backup host says takes no more than a little memory here`() throws {
        try World.with { world in
            let site = try WALSite(world)
            try site.makeReady(1...1)
            let real = world.path("bin/ssh")
            let flood = "yes | head -c 1000000 2>/dev/null; stat -L -c %s /proc/self/fd/3 3>&1 >&2"
            try makeSSH("flood", "\(flood); exec '\(real)' \"$@\"", world)
            let outcome = try batch(site, [], "ours", "flood")
            #expect(outcome.status == 0 && outcome.out.utf8.count == 1 << 16, "\(outcome.status)")
            #expect(outcome.err == "65536\n")
            #expect(site.received == [WALSite.segment])
        }
    }

    /// Segments that no pipe and no window of ssh holds: the answer comes while they are sent.
    private func makeLongSegments(_ site: WALSite) throws {
        try site.makeReady(1...Self.count)
        let paths = (1...Self.count).map { site.world.path("pg_wal/\(WALSite.name($0))") }
        try site.world.run(["truncate", "-s", "16M"] + paths).orThrow()
    }

    private func makeSSH(_ directory: String, _ script: String, _ world: World) throws {
        try world.makeDirectory(directory, mode: 0o755)
        try world.write("#!/bin/sh\n\(script)\n", to: "\(directory)/ssh", mode: 0o755)
    }

    private func batch(_ site: WALSite, _ options: [String], _ host: String, _ ssh: String) throws -> Outcome {
        let world = site.world
        let words = ["--state-dir", world.path("state"), "--batch", "8"] + options
        return try world.run(
            [try world.walProgram("barman-wal-archive")] + words + [
                host, "pg", world.path("pg_wal/\(WALSite.segment)"),
            ],
            as: .postgres,
            environment: ["PATH": "\(world.path(ssh)):\(world.searchPath)"]
        )
    }

    /// What the backup host has compared, in the order of the files.
    private func checksums(_ site: WALSite) throws -> [String] {
        let lines = try site.world.read(site.host.logFile).split(separator: "\n")
        return lines.filter { $0.contains("Received file '") }
            .map { $0.split(separator: "'").map(String.init) }
            .sorted { $0[1] < $1[1] }
            .map { $0[3] }
    }

    private func clear(_ site: WALSite) throws {
        try site.clearIncoming()
        try site.world.shell("rm -f '\(site.world.path("state"))'/sent-*; : > '\(site.host.logFile)'").orThrow()
    }
}
