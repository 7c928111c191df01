import Failure
import Files
import SystemPackage
import TestWorld
import Testing

@testable import Processes

struct RsyncCommandTests {
    private let general = [
        "--exclude=pgsql_tmp*", "--exclude=postgresql.auto.conf.tmp", "--exclude=current_logfiles.tmp",
        "--exclude=pg_internal.init", "--exclude=postmaster.pid", "--exclude=postmaster.opts",
        "--exclude=recovery.conf",
        "--exclude=standby.signal", "--exclude=**/[0-9]*/t[0-9]*_[0-9]*", "--exclude=pg_dynshmem/*",
        "--exclude=pg_notify/*", "--exclude=pg_replslot/*", "--exclude=pg_serial/*", "--exclude=pg_stat_tmp/*",
        "--exclude=pg_snapshots/*", "--exclude=pg_subtrans/*",
    ]

    // MARK: Words

    /// Runs `body` with the directory of an rsync whose help says this, and nothing else.
    private func withRsync(help: String, _ body: (String) throws -> Void) throws {
        try World.with { world in
            try world.write("#!/bin/sh\necho '\(help)'\n", to: "bin/rsync", mode: 0o755)
            try body(world.path("bin"))
        }
    }

    @Test(arguments: ["--trust-sender  trust the remote sender", "--old-args  as before"])
    func `an rsync that can trust the names it gets for a list is told to`(help: String) throws {
        try withRsync(help: help) { directory in
            let command = RsyncCommand(ssh: nil, pathPrefix: directory, reporter: SilentReporter())
            let words = ["a/", "b", "--from0", "--files-from=/list"]
            let trust = help.hasPrefix("--trust") ? ["--trust-sender"] : []
            for _ in 0..<2 { #expect(command.copy(from: "a/", to: "b", list: "/list") == words + trust) }
        }
    }

    @Test func `a tablespace is copied with the words of the reference`() throws {
        try withRsync(help: "", tablespaceWords)
    }

    private func tablespaceWords(pathPrefix: String) throws {
        let ssh = try #require(SSHCommand("ssh -p 2222 pg@host"))
        var command = RsyncCommand(ssh: ssh, pathPrefix: pathPrefix, reporter: SilentReporter())
        command.isCompressed = true
        command.bandwidthLimit = 400_000
        command.filter = .tablespace(majorVersion: "15")
        command.reuse = .link(["/home/base/1/16384"])
        let operation = command.copy(
            from: SSHCommand.rsyncPath("/ts1/"),
            to: "/home/base/2/16384",
            list: "/tmp/barman-x/t1_check_7.list",
            comparingChecksums: true
        )
        #expect(
            command.arguments(operation) == [
                "-e", "ssh '-p' '2222' 'pg@host' '-o' 'BatchMode=yes' '-o' 'StrictHostKeyChecking=no'", "-z",
                "--include=/PG_15_*", "--exclude=/*",
            ] + general + [
                "-rLKpts", "--delete-excluded", "--link-dest=/home/base/1/16384",
                "--ignore-missing-args", "--itemize-changes", "--itemize-changes", "--bwlimit=400000",
                " :/ts1/", "/home/base/2/16384", "--from0", "--files-from=/tmp/barman-x/t1_check_7.list", "--checksum",
            ]
        )
    }

    @Test
    func `the data directory is listed with the words of the reference, and purged without a filter for each file`() {
        var command = RsyncCommand(ssh: nil, reporter: SilentReporter())
        command.filter = .dataDirectory(tablespacePaths: ["/spaces/fast"])
        let filter =
            [
                "--exclude=/pg_log/*", "--exclude=/log/*", "--exclude=/pg_xlog/*", "--exclude=/pg_wal/*",
                "--exclude=/global/pg_control", "--exclude=/backup_manifest",
                "--exclude=/pg_tblspc/*",
            ] + general + ["--exclude=/spaces/fast", "--filter=P_/spaces/fast"]
        let common = [
            "-rLKpts", "--delete-excluded", "--inplace", "--ignore-missing-args", "--itemize-changes",
            "--itemize-changes",
        ]
        #expect(
            command.arguments(RsyncCommand.listing(of: "/pg/"))
                == filter + common + ["--no-human-readable", "--list-only", "-r", "/pg/"]
        )
        let purge = RsyncCommand.directoriesAndPurge(from: "/pg/", to: "/b/data")
        #expect(
            command.arguments(purge)
                == filter + common + ["--delete", "--ignore-existing", "--max-size=1", "/pg/", "/b/data"]
        )
        command.bandwidthLimit = 5
        command.reuse = .copy(["/old"])
        let single = command.forSingleFiles.arguments(RsyncCommand.copy(file: "/pg/global/pg_control", to: "/b/x"))
        #expect(single == common + ["/pg/global/pg_control", "/b/x"])
    }

    // MARK: Real copies

    @Test func `a tree is copied by the real rsync, without what is left out, with progress`() throws {
        try World.with { world in
            let source = FilePath(world.path("source"))
            try FileSystem.createDirectories(source.appending("pg_wal"))
            try FileSystem.createDirectories(source.appending("base"))
            try world.write(String(repeating: "x", count: 3_000_000), to: "source/base/1")
            try world.write("wal", to: "source/pg_wal/000000010000000000000001")
            try world.write("1", to: "source/postmaster.pid")
            var command = RsyncCommand(ssh: nil, reporter: SilentReporter())
            command.filter = .dataDirectory(tablespacePaths: [])
            var updates: [RsyncProgress] = []
            try command.run(
                ["\(source)/", world.path("target")],
                item: "pgdata",
                progress: { updates.append($0) }
            )
            #expect(world.names(in: "target") == ["base", "pg_wal"])
            #expect(world.names(in: "target/pg_wal").isEmpty)
            #expect(try FileSystem.status(of: FilePath(world.path("target/base/1"))).sizeBytes == 3_000_000)
            #expect(updates.last == RsyncProgress(bytes: 3_000_000, percent: 100))
        }
    }

    @Test func `files with hostile names come over from the other host`() throws {
        try World.with { world in
            try SSHCommandTests.makeSSH(in: world)
            try world.makeDirectory("target")
            let ssh = try #require(SSHCommand("ssh postgres@angus", pathPrefix: world.path("bin")))
            let directory = "source it's $(touch pwned) \"x\""
            try world.makeDirectory(directory)
            for name in hostileNames { try world.write(name, to: "\(directory)/\(name)") }
            let command = RsyncCommand(ssh: ssh, pathPrefix: world.path("bin"), reporter: SilentReporter())
            let source = SSHCommand.rsyncPath(world.path(directory) + "/")
            try command.run([source, world.path("target")], item: "pgdata")
            for name in hostileNames { #expect(try world.read("target/\(name)") == name) }
            #expect(!world.exists("pwned"))
        }
    }

    @Test func `quotes in the arguments of ssh reach it`() throws {
        try World.with { world in
            let log = world.path("arguments")
            try makeScript("bin/ssh", "printf '%s\\n' \"$@\" > '\(log)'; exit 255", in: world)
            let ssh = try #require(SSHCommand("ssh -o User=it's host", extraOptions: [], pathPrefix: world.path("bin")))
            let command = RsyncCommand(ssh: ssh, pathPrefix: world.path("bin"), reporter: SilentReporter())
            #expect(throws: RsyncFailure.self) { try command.run([":/x", world.path("target")], item: "x") }
            #expect(try world.read("arguments").hasPrefix("-o\nUser=it's\nhost\n"))
        }
    }

    @Test func `a directory is listed line by line`() throws {
        try World.with { world in
            try world.makeDirectory("source")
            try world.write("12345", to: "source/file")
            let command = RsyncCommand(ssh: nil, reporter: SilentReporter())
            var lines: [String] = []
            try command.list(world.path("source") + "/", item: "x") { lines.append($0) }
            #expect(lines.count == 2)
            #expect(lines.last?.hasSuffix(" file") == true)
        }
    }

    @Test func `an old rsync is asked again without the option that it does not know`() throws {
        try World.with { world in
            let body = "case \"$*\" in *--ignore-missing-args*) exit 1;; esac; echo 'drwx 1 a b .'"
            try makeScript("bin/rsync", body, in: world)
            let command = RsyncCommand(ssh: nil, pathPrefix: world.path("bin"), reporter: SilentReporter())
            var lines: [String] = []
            try command.list("/x/", item: "x") { lines.append($0) }
            #expect(lines == ["drwx 1 a b ."])
            #expect(!command.arguments([]).contains("--ignore-missing-args"))
        }
    }

    // MARK: Exit codes

    @Test(arguments: [
        ("rsync: link_stat \"/a b\" failed: No such file or directory (2)", true),
        ("rsync: [sender] link_stat \"/a\" failed: No such file or directory (2)", true),
        ("file has vanished: \"/a/b\"", true),
        ("rsync: read errors mapping \"/x\": No data available (61)", true),
        ("rsync error: some files/attrs were not transferred (code 23) at main.c(1338) [sender=3.2.7]", true),
        ("rsync error: some files (code 23) at main.c(1865) [generator=3.2.7]", true),
        ("rsync error: some files (code 24) at main.c(1865) [generator=3.2.7]", false),
        ("rsync: link_stat \"/a\" failed: Permission denied (13)", false),
        ("rsync: [sender] send_files failed to open \"/a\": Permission denied (13)", false),
        ("anything else", false),
    ])
    func `a line is about a vanished file or it is not`(line: String, expected: Bool) {
        #expect(RsyncComplaints.isAboutVanishedFile(line) == expected)
    }

    @Test func `exit codes mean what the reference says`() {
        let harmless = RsyncComplaints()
        var harmful = RsyncComplaints()
        harmful.take("rsync: mkdir failed: Permission denied (13)")
        #expect(RsyncVerdict(.exited(0), harmful, .none) == .good)
        #expect(RsyncVerdict(.exited(24), harmful, .none) == .good)
        #expect(RsyncVerdict(.exited(23), harmless, .vanishedFiles) == .good)
        #expect(RsyncVerdict(.exited(23), harmless, .none) == .final)
        #expect(RsyncVerdict(.exited(23), harmful, .vanishedFiles) == .final)
        #expect(RsyncVerdict(.exited(12), harmless, .vanishedFiles) == .worthRetrying)
        #expect(RsyncVerdict(.signaled(9), harmless, .vanishedFiles) == .worthRetrying)
    }

    @Test func `any number of vanished files is fine`() throws {
        try World.with { world in
            let body = """
                i=0; while [ $i -lt 3000 ]; do echo "file has vanished: \\"/some/long/path/to/a/file/$i\\"" >&2; i=$((i+1)); done
                exit 23
                """
            try makeScript("bin/rsync", body, in: world)
            let command = RsyncCommand(ssh: nil, pathPrefix: world.path("bin"), reporter: SilentReporter())
            try command.run(["a", "b"], item: "x")
            #expect(throws: RsyncFailure.self) { try command.run(["a", "b"], item: "x", leniency: .none) }
        }
    }

    @Test func `a failure is retried as often as told, logged, and told in the end`() throws {
        try World.with { world in
            let log = world.path("log")
            try makeScript("bin/rsync", "echo x >> '\(log)'; echo some out; echo some err >&2; exit 12", in: world)
            let reporter = RecordingReporter()
            let pauses = RecordedPauses()
            var command = RsyncCommand(ssh: nil, pathPrefix: world.path("bin"), reporter: reporter)
            command.retries = .init(count: 2, pauseSeconds: 30, pause: pauses.pause)
            let failure = #expect(throws: RsyncFailure.self) { try command.run(["a", "b"], item: "the item") }
            #expect(failure?.description == "data transfer failure\nrsync error:\nsome out\nsome err\n")
            #expect(try world.read("log") == "x\nx\nx\n")
            #expect(pauses.seconds == [30, 30])
            let told = reporter.logged.filter { $0.hasPrefix("WARNING") }
            #expect(
                told == [
                    "WARNING barman.copy_controller Failure executing rsync on the item (attempt 0)",
                    "WARNING barman.copy_controller Retrying in 30 seconds",
                    "WARNING barman.copy_controller Failure executing rsync on the item (attempt 1)",
                    "WARNING barman.copy_controller Retrying in 30 seconds",
                ]
            )
        }
    }

    @Test func `a failure with progress shown tells no progress`() throws {
        try World.with { world in
            try makeScript("bin/rsync", "printf '  1,000  10%% 1kB/s\\r'; echo some err >&2; exit 12", in: world)
            let command = RsyncCommand(ssh: nil, pathPrefix: world.path("bin"), reporter: SilentReporter())
            var updates: [RsyncProgress] = []
            let failure = #expect(throws: RsyncFailure.self) {
                try command.run(["a", "b"], item: "x", progress: { updates.append($0) })
            }
            #expect(updates == [RsyncProgress(bytes: 1000, percent: 10)])
            #expect(failure?.description == "data transfer failure\nrsync error:\nsome err\n")
        }
    }

    @Test func `exit 23 with other words is not retried`() throws {
        try World.with { world in
            let log = world.path("log")
            try makeScript("bin/rsync", "echo x >> '\(log)'; echo 'Permission denied' >&2; exit 23", in: world)
            var command = RsyncCommand(ssh: nil, pathPrefix: world.path("bin"), reporter: SilentReporter())
            command.retries = .init(count: 5, pauseSeconds: 0) { _ in }
            #expect(throws: RsyncFailure.self) { try command.run(["a", "b"], item: "x") }
            #expect(try world.read("log") == "x\n")
        }
    }

    // MARK: Progress

    @Test func `progress is read however its text is cut`() {
        let text = Array(
            "\r              0   0%    0.00kB/s    0:00:00\r  1,234,567  12%    3.40MB/s    0:00:01 (xfr#1)\nx\r".utf8
        )
        let expected = [RsyncProgress(bytes: 0, percent: 0), RsyncProgress(bytes: 1_234_567, percent: 12)]
        for cut in text.indices {
            var parser = RsyncProgressParser()
            let updates =
                text[..<cut].withUnsafeBytes { parser.take($0) } + text[cut...].withUnsafeBytes { parser.take($0) }
            #expect(updates == expected)
        }
        #expect(RsyncProgressParser.parse(Array("999999999999999999999 5%".utf8)) == nil)
        #expect(RsyncProgressParser.parse([]) == nil)
    }
}
