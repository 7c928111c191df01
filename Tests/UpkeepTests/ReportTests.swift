import Backup
import Catalog
import Failure
import Files
import Settings
import SystemPackage
import TestHomes
import TestWorld
import Testing
import Upkeep

@Suite struct ReportTests {
    @Test func `the status of a server that does not answer says so and tells the catalog`() throws {
        try UpkeepFixture.with("description = main\nretention_policy = recovery window of 2 weeks") { fixture in
            try fixture.addBackup("20260301T000000", segments: 1...1)
            try fixture.addBackup("20260302T000000", segments: 2...2) { $0.status = .waitingForWALs }
            let entries = try StatusReport.entries(of: fixture.home, server: nil, reporter: Recorder())
            #expect(
                entries.map { "\($0.code)|\($0.description)|\($0.message)" } == [
                    "description|Description|main", "active|Active|True", "disabled|Disabled|False",
                    "active_model|Active configuration model|None",
                    "pg_version|PostgreSQL version|FAILED trying to get PostgreSQL version",
                    "passive_node|Passive node|False",
                    "retention_policies|Retention policies|enforced (mode: auto, retention: RECOVERY WINDOW OF 2 WEEKS, "
                        + "WAL retention: MAIN)",
                    "backups_number|No. of available backups|1",
                    "first_backup|First available backup|20260301T000000",
                    "last_backup|Last available backup|20260302T000000",
                    "minimum_redundancy|Minimum redundancy requirements|satisfied (1/0)",
                ]
            )
        }
    }

    @Test func `a backup becomes what its WAL says`() throws {
        try UpkeepFixture.with { fixture in
            let info = try fixture.addBackup("20260301T000000", segments: 2...4) { $0.status = .waitingForWALs }
            let recorder = Recorder()
            let validation = BackupValidation(home: fixture.home, reporter: recorder)
            try fixture.addWAL(1...3)
            #expect(try validation.run(info) == .checked(before: .waitingForWALs, after: .waitingForWALs))
            try fixture.addWAL(1...4)
            #expect(try validation.run(info) == .checked(before: .waitingForWALs, after: .done))
            #expect(
                recorder.told.last { !$0.hasPrefix("log ") }
                    == "debug: Check finished: the status of backup 20260301T000000 of server pg changed from "
                    + "WAITING_FOR_WALS to DONE"
            )
            try FileSystem.unlink(
                fixture.home.walsDirectory.appending("0000000100000000").appending(UpkeepFixture.segment(3))
            )
            #expect(try validation.run(info) == .checked(before: .done, after: .failed))
            #expect(
                recorder.said.contains(
                    "error: This backup has been marked as FAILED due to the following reason: "
                        + "At least one WAL file is missing. The first missing WAL file is \(UpkeepFixture.segment(3))"
                )
            )
            let failure = #expect(throws: Failure.self) { try validation.run(info) }
            #expect(failure?.message == "The validity of a failed backup cannot be checked")
        }
    }

    @Test func `a backup that ends on another timeline is done when each segment is there on one of them`() throws {
        try UpkeepFixture.with { fixture in
            let info = try fixture.addBackup("20260301T000000", segments: 2...2) {
                $0.endWAL = "000000020000000000000004"
            }
            let validation = BackupValidation(home: fixture.home, reporter: Recorder())
            try fixture.addWAL(1...3)
            #expect(try validation.run(info) == .checked(before: .done, after: .waitingForWALs))
            try fixture.write("", to: "wals/0000000200000000/000000020000000000000003")
            try fixture.write("", to: "wals/0000000200000000/000000020000000000000004")
            #expect(try validation.run(info) == .checked(before: .waitingForWALs, after: .done))
            let gap = try fixture.addBackup("20260302T000000", segments: 1...1) {
                $0.endWAL = "000000020000000000000006"
            }
            try fixture.write("", to: "wals/0000000200000000/000000020000000000000006")
            #expect(try validation.run(gap) == .checked(before: .done, after: .failed))
            #expect(try fixture.catalog[gap.id]?.error?.hasSuffix("is 000000020000000000000005") == true)
        }
    }

    @Test func `the end of a backup waits for a check that a cron has begun`() throws {
        try UpkeepFixture.with { fixture in
            let info = try fixture.addBackup("20260301T000000", segments: 2...2) { $0.status = .waitingForWALs }
            try fixture.addWAL(1...2)
            let holder = try holdForAMoment(fixture.home.lockPath(.backupID(info.id)), fixture.world)
            defer { holder.end() }
            let check = BackupConsistencyCheck(home: fixture.home, reporter: Recorder())
            #expect(try check.run(info.id)?.status == .done)
            #expect(!holder.isRunning)
        }
    }

    /// As a cron that deletes the backup before it has it, while the check it has started begins.
    @Test func `a check waits for a lock that somebody has for a moment`() throws {
        try UpkeepFixture.with { fixture in
            let info = try fixture.addBackup("20260301T000000", segments: 2...2) { $0.status = .waitingForWALs }
            try fixture.addWAL(1...2)
            let holder = try holdForAMoment(fixture.home.lockPath(.backupID(info.id)), fixture.world)
            defer { holder.end() }
            let check = BackupValidation(home: fixture.home, reporter: Recorder())
            #expect(try check.run(info) == .checked(before: .waitingForWALs, after: .done))
            #expect(!holder.isRunning)
        }
    }

    private func holdForAMoment(_ lock: FilePath, _ world: World) throws -> BackgroundProgram {
        try world.write("", to: lock.string)
        let holder = try world.start(["flock", "-F", lock.string, "sleep", "0.5"])
        let isHeld = try Shell.wait(seconds: 10) { try FileLock.state(of: lock) != .free }
        try #require(isHeld)
        return holder
    }

    @Test func `a backup that somebody works on is left alone`() throws {
        try UpkeepFixture.with { fixture in
            let info = try fixture.addBackup("20260301T000000", segments: 2...2)
            let held = try FileLock.acquire(fixture.home.lockPath(.backupID(info.id)))
            defer { held.release() }
            let recorder = Recorder()
            #expect(try BackupValidation(home: fixture.home, reporter: recorder).run(info) == .busy)
            #expect(
                recorder.said == [
                    "info: Another process is holding the lock for backup 20260301T000000 of server pg."
                ]
            )
        }
    }
}

@Suite struct CronTests {
    @Test func `a server that another cron works on is left out, and the next one has its turn`() throws {
        try UpkeepFixture.with { fixture in
            try fixture.addBackup("20260301T000000", segments: 2...2) { $0.status = .waitingForWALs }
            let calls = fixture.world.path("calls")
            let program = fixture.world.path("program")
            try fixture.world.write("#!/bin/sh\necho \"$@\" >> \(calls)\n", to: program)
            try fixture.world.run(["chmod", "755", program]).orThrow()
            let recorder = Recorder()
            let cron = CronRun(
                configuration: fixture.configuration,
                homes: [fixture.home],
                reporter: recorder,
                executable: program
            )
            let held = try FileLock.acquire(fixture.home.lockPath(.cron))
            try cron.run()
            #expect(
                recorder.said == [
                    "info: Another cron process is already running on server pg. Skipping to the next server"
                ]
            )
            held.release()
            try cron.run()
            #expect(
                recorder.said.suffix(2) == [
                    "show: Starting WAL archiving for server pg",
                    "show: Starting check-backup for backup 20260301T000000 of server pg",
                ]
            )
            let words = "-c \(fixture.world.path("barman.conf")) -q"
            func hasCalled(_ expected: [String]) throws -> Bool {
                try Shell.wait(seconds: 10) {
                    guard fixture.world.exists(calls) else { return false }
                    return try fixture.world.read(calls).split(separator: "\n").map(String.init).sorted() == expected
                }
            }
            // Nothing waits: the archiver is not needed.
            let check = "\(words) check-backup pg 20260301T000000"
            #expect(try hasCalled([check]))
            try fixture.write("wal", to: "incoming/\(UpkeepFixture.segment(3))")
            try cron.run()
            #expect(try hasCalled(["\(words) archive-wal pg", check, check]))
        }
    }

    @Test func `locks that nobody holds are cleaned away, others stay`() throws {
        try UpkeepFixture.with { fixture in
            try FileLock.acquire(fixture.home.lockPath(.archiveWAL)).release()
            let held = try FileLock.acquire(fixture.home.lockPath(.backup))
            defer { held.release() }
            #expect(try LockDirectory.clean(fixture.home.lockDirectory) == [".pg-archive-wal.lock"])
            #expect(fixture.world.exists(fixture.home.lockPath(.backup).string))
        }
    }

    @Test func `changes that wait in the queue are made once`() throws {
        try UpkeepFixture.with { fixture in
            let recorder = Recorder()
            let (configuration, queue) = (fixture.configuration, fixture.configuration.global.configChangesQueue.string)
            #expect(try !CronRun.processConfigurationQueue(configuration, reporter: recorder))
            #expect(try fixture.world.read(queue) == "[]")
            #expect(recorder.said.isEmpty)
            let file = "\(fixture.home.lockDirectory.string)/extra.conf"
            let change = #"{"key": "description", "value": "New", "config_file": "\#(file)"}"#
            try fixture.world.write(#"[{"section": "pg", "changes_set": [\#(change)]}]"#, to: queue)
            #expect(try CronRun.processConfigurationQueue(configuration, reporter: recorder))
            #expect(try fixture.world.read(queue) == "[]")
            #expect(try fixture.world.read(file) == "[pg]\ndescription = New\n")
            #expect(try !CronRun.processConfigurationQueue(configuration, reporter: recorder))
        }
    }

    @Test func `what is no change stays in the queue and is an error`() throws {
        try UpkeepFixture.with { fixture in
            let recorder = Recorder()
            let queue = fixture.configuration.global.configChangesQueue.string
            try fixture.world.write("[{}]", to: queue)
            #expect(try !CronRun.processConfigurationQueue(fixture.configuration, reporter: recorder))
            #expect(recorder.said.last == "error: Unable to process a set of changes. Exiting.")
            #expect(try fixture.world.read(queue) == "[\n  {}\n]")
        }
    }

    @Test func `a queue that somebody works on is left alone`() throws {
        try UpkeepFixture.with { fixture in
            let recorder = Recorder()
            let held = try FileLock.acquire(fixture.home.lockDirectory.appending(".config-update.lock"))
            defer { held.release() }
            #expect(try !CronRun.processConfigurationQueue(fixture.configuration, reporter: recorder))
            #expect(recorder.said.last == "warning: another process is updating barman configuration files")
        }
    }
}
