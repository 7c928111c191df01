import Archive
import Catalog
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Upkeep

@Suite struct CheckTests {
    private func check(
        _ fixture: UpkeepFixture,
        _ recorder: Recorder = Recorder(),
        includingInactive: Bool = false
    ) throws -> [String] {
        let run = CheckRun(
            home: fixture.home,
            server: nil,
            reporter: recorder,
            environment: [:],
            includingInactive: includingInactive
        )
        return try run.run().results.map { "\($0.label): \($0.isOK)" + ($0.hint.map { " (\($0))" } ?? "") }
    }

    @Test func `an inactive server shows the rows that need no connection`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            let rows = try check(fixture)
            #expect(
                rows == [
                    "WAL archive: false (please make sure WAL shipping is setup)",
                    "directories: true",
                    "retention policy settings: true",
                    "backup maximum age: true (no last_backup_maximum_age provided)",
                    "backup minimum size: true (0 B)",
                    "wal maximum age: true (no last_wal_maximum_age provided)",
                    "wal size: true (0 B)",
                    "compression settings: true",
                    "failed backups: true (there are 0 failed backups)",
                    "minimum redundancy requirements: true (have 0 non-incremental backups, expected at least 0)",
                    "systemid coherence: true (no system Id available)",
                    "archiver errors: true",
                ]
            )
            #expect(fixture.exists("incoming"))
        }
    }

    @Test func `a directory that is closed to the account is named, and hides no other row`() throws {
        try World.with { world in
            let host = try world.barmanHost(as: .barman)
            try host.addServer(
                "pg",
                [
                    "description": "d", "backup_method": "postgres", "archiver": "on", "active": "off",
                    "conninfo": "host=127.0.0.1 port=1",
                ]
            )
            let home = "\(host.home)/pg"
            let open = try host.barman("check", "pg").out
            #expect(!open.contains("directory permissions") && open.contains("directories: OK"), "\(open)")
            // The queue of streamed WAL is not used.
            try world.run(["chmod", "0000", "\(home)/incoming", "\(home)/streaming"], as: .barman).orThrow()
            let closed = try host.barman("check", "pg")
            let reason = "cannot be read and written by this account: '\(home)/incoming'"
            let rows = "directories: OK\n\tdirectory permissions: FAILED (\(reason))\n"
            #expect(closed.out == open.replacing("directories: OK\n", with: rows), "\(closed)")
            #expect(closed.status == 1 && closed.err == "", "\(closed)")
            let explained = try host.barman("check", "--explain", "pg").out
            #expect(explained.contains(": chown \(host.account.name): '\(home)/incoming' && chmod"), "\(explained)")
            try world.run(["chmod", "0700", "\(home)/incoming", "\(home)/streaming"], as: .barman).orThrow()
        }
    }

    @Test func `a local copy by ssh has the row of the configuration, not that of PGDATA`() throws {
        let local = "backup_method = local-rsync\nconninfo = host=127.0.0.1 port=1"
        try UpkeepFixture.with("\(local)\nssh_command =") { fixture in
            let rows = try check(fixture)
            #expect(rows.contains("local PGDATA: true (Access to local PGDATA)"))
        }
        try UpkeepFixture.with("\(local)\nssh_command = ssh pg") { fixture in
            let rows = try check(fixture)
            #expect(!rows.contains { $0.hasPrefix("local PGDATA") })
        }
    }

    @Test func `a receiver that runs and gets nothing is no receiver, and the row says why`() throws {
        try UpkeepFixture.with("streaming_archiver = on") { fixture in
            func row() throws -> String? { try check(fixture).first { $0.hasPrefix("receive-wal running") } }
            let trouble = ReceiverTrouble(of: fixture.home)
            #expect(try row() == "receive-wal running: false (See the Barman log file for more details)")
            let lock = try FileLock.acquire(fixture.home.lockPath(.receiveWAL))
            #expect(try row() == "receive-wal running: true")
            trouble.note("no WAL\nHINT: none")
            let failed = "receive-wal running: false (the last try failed: no WAL)"
            #expect(try row() == failed)
            lock.release()
            #expect(try row() == failed)
            trouble.clear()
            #expect(try row()?.contains("See the Barman log") == true)
        }
    }

    @Test func `missing segments are named, and fail only while the newest backup needs them`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            func segment(_ number: UInt32) -> String { UpkeepFixture.segment(number) }
            func line(_ number: UInt32) -> String { "\(segment(number))\t4\t1767225600.0\tNone\tNone\n" }
            try fixture.addBackup("20260301T000000", segments: 1...1)
            try fixture.addWAL(1...4)
            try fixture.write([1, 2, 4].map(line).joined(), to: "wals/pg-xlog.db")
            let failed =
                "WAL continuity: false (missing: \(segment(3)); recovery ends there until there is another backup)"
            #expect(try check(fixture).contains(failed))
            let status = { try StatusReport.entries(of: fixture.home, server: nil, reporter: Recorder()) }
            #expect(try status().last == StatusEntry("missing_wal", "Missing WAL segments", segment(3)))
            try fixture.addBackup("20260302T000000", segments: 4...4)
            #expect(try check(fixture).contains("WAL continuity: true (WARNING: missing: \(segment(3)))"))
            try fixture.write([1, 2, 3, 4].map(line).joined(), to: "wals/pg-xlog.db")
            #expect(try !check(fixture).contains { $0.hasPrefix("WAL continuity") })
            #expect(try status().last?.code == "minimum_redundancy")
        }
    }

    @Test func `WAL of another server among the errors is told as such`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            try Identity(systemID: "7", version: "17").writeOnce(fixture.home)
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            bytes.replaceSubrange(0..<8, with: [0x10, 0xD1, 2, 0, 1, 0, 0, 0])
            bytes.replaceSubrange(8..<12, with: [0, 0, 0x10, 0])
            bytes[24] = 42
            bytes[34] = 0x10
            try fixture.write("x", to: "errors/\(UpkeepFixture.segment(9)).20260301T000000Z.unknown")
            let name = "errors/\(UpkeepFixture.segment(1)).20260301T000000Z.unknown"
            try Shell.write(bytes, to: "\(fixture.home.backupDirectory.string)/\(name)")
            let reason = "\(UpkeepFixture.segment(1)): it comes from the cluster with system identifier 42, "
            let row = "archiver errors: false (unknown: 2; \(reason)the backups of this server from 7)"
            let rows = try check(fixture)
            #expect(rows.contains(row), "\(rows)")
        }
    }

    @Test func `an inactive server that is asked for by name is looked at as a whole`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            let rows = try check(fixture, includingInactive: true)
            #expect(rows.contains("PostgreSQL: false"))
            #expect(rows.contains { $0.hasPrefix("ssh: false (Connection failed using 'false -o BatchMode=yes") })
        }
    }

    @Test func `ages, sizes and redundancy are held against their limits`() throws {
        let options = """
            active = off
            last_backup_maximum_age = 1 DAYS
            last_backup_minimum_size = 1 Ki
            last_wal_maximum_age = 1 HOURS
            minimum_redundancy = 2
            max_incoming_wals_queue = 1
            retention_policy = SOMETHING ELSE
            """
        try UpkeepFixture.with(options) { fixture in
            try fixture.addBackup("20260301T000000", segments: 1...1)
            try fixture.addBackup("20260302T000000", segments: 2...2) { $0.status = .failed }
            try fixture.addWAL(1...3)
            for name in ["a", "b", "c.tmp", ".d"] { try fixture.write("", to: "incoming/\(name)") }
            for name in ["x.unknown", "y.duplicate", "z.duplicate"] { try fixture.write("", to: "errors/\(name)") }
            let rows = try check(fixture)
            #expect(
                rows.filter { $0.contains(": false") } == [
                    "incoming WALs directory: false (there are too many WALs in queue: 2, max 1)",
                    "retention policy settings: false (see log)",
                    "backup maximum age: false (interval provided: 1 day, latest backup age: No available backups)",
                    "backup minimum size: false (last backup size 5 B < 1.0 KiB minimum)",
                    rows.first { $0.hasPrefix("wal maximum age: false (interval provided: 1 hour, latest wal age: ") }
                        ?? "?",
                    "failed backups: false (there are 1 failed backups)",
                    "minimum redundancy requirements: false (have 1 non-incremental backups, expected at least 2)",
                    "archiver errors: false (unknown: 1, duplicates: 2)",
                ]
            )
            #expect(rows.contains("wal size: true (8 B)"))
        }
    }

    @Test func `a queue that nobody empties must be empty`() throws {
        try UpkeepFixture.with("active = off\narchiver = off") { fixture in
            try fixture.addWAL(1...1)
            try fixture.write("", to: "streaming/one.partial")
            #expect(try check(fixture).first == "directories: true")
            try fixture.write("", to: "streaming/two")
            try fixture.write("", to: "incoming/one")
            let directory = fixture.home.backupDirectory.string
            let rows = try check(fixture)
            #expect(
                rows.prefix(2) == [
                    "empty incoming directory: false ('\(directory)/incoming' must be empty when archiver=off)",
                    "empty streaming directory: false ('\(directory)/streaming' must be empty when streaming_archiver=off)",
                ]
            )
        }
    }

    @Test func `before a backup only failures of consequence count, and the log tells which`() throws {
        try UpkeepFixture.with("active = off\nminimum_redundancy = 1\nlast_backup_maximum_age = 1 DAYS") { fixture in
            try fixture.addWAL(1...1)
            let recorder = Recorder()
            let run = CheckRun(home: fixture.home, server: nil, reporter: recorder, environment: [:])
            #expect(try run.permitsBackup())
            #expect(recorder.said.isEmpty)
            #expect(
                recorder.logged.contains(
                    "log INFO: Ignoring failed check 'minimum redundancy requirements' for server 'pg'"
                )
            )
            try fixture.write("", to: "wals/pg-xlog.db")
            let second = Recorder()
            let again = CheckRun(home: fixture.home, server: nil, reporter: second, environment: [:])
            #expect(try !again.permitsBackup())
            #expect(second.logged.contains("log ERROR: Check 'WAL archive' failed for server 'pg'"))
        }
    }

    @Test func `a corrupt record ends the check with an error that names it`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            try fixture.addWAL(1...1)
            try fixture.write("status=DONE\nnonsense\n", to: "meta/20260301T000000-backup.info")
            let path = "meta/20260301T000000-backup.info"
            do {
                _ = try check(fixture)
                Issue.record("no error")
            } catch {
                #expect("\(error)".contains(path))
            }
        }
    }

    @Test func `what was found out before an error stays, the size of the newest backup as well`() throws {
        try UpkeepFixture.with("active = off") { fixture in
            try fixture.addBackup("20260301T000000", segments: 1...1) { $0.sizeBytes = 4711 }
            try fixture.write("nonsense\t1\t1.0\tNone\n", to: "wals/pg-xlog.db")
            let run = CheckRun(home: fixture.home, server: nil, reporter: Recorder(), environment: [:])
            let (report, error) = run.runAsFarAsPossible()
            #expect(error.map { "\($0)".contains("nonsense") } == true)
            #expect(report.newestBackupBytes == 4711)
            #expect(report.results.contains { $0.label == "backup minimum size" })
        }
    }

    @Test func `a key has no blanks, hyphens or dots`() {
        #expect(CheckResult("receive-wal running", isOK: true).key == "receive_wal_running")
        #expect(CheckResult("No. of x", isOK: true).key == "no_of_x")
        #expect(
            CheckResult("PostgreSQL streaming (WAL streaming)", isOK: true).key
                == "postgresql_streaming_(wal_streaming)"
        )
    }

    @Test func `when the time is up the rest is left out and that is a row`() {
        let sheet = CheckSheet(
            server: "pg",
            isActive: true,
            deadline: Deadline(afterSeconds: 0),
            ignorable: [],
            reporter: Recorder(),
            onResult: { _ in }
        )
        #expect(throws: CheckSheet.TimedOut.self) { try sheet.begin("wal_level") }
        sheet.add("wal_level", true)
        sheet.addTimeout()
        #expect(sheet.report.results.map(\.label) == ["check timeout"])
        #expect(sheet.hasFailed)
    }
}

@Suite struct ClientProgramTests {
    @Test(arguments: [
        ("pg_basebackup (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", "15.20"),
        ("pg_receivewal (PostgreSQL) 18beta1\n", "18beta1"), ("pg_basebackup (PostgreSQL) 16devel", "16devel"),
    ])
    func `the version is the second word outside parentheses`(text: String, version: String) {
        #expect(ClientProgram.version(in: text) == version)
    }

    @Test(arguments: ["", "x", "pg_basebackup (PostgreSQL) 15", "pg_basebackup (PostgreSQL) junk", ")) a ((", "a 1("])
    func `what looks like no version is none`(text: String) {
        #expect(ClientProgram.version(in: text) == nil)
    }

    @Test func `versions are compared part by part`() {
        #expect(ProgramVersion("17.2") >= ProgramVersion("17"))
        #expect(ProgramVersion("18beta1") >= ProgramVersion("18"))
        #expect(ProgramVersion("9.6") < ProgramVersion("10.1"))
        #expect(ProgramVersion("99999999999999999999.1") > ProgramVersion("17"))
    }
}
