import Catalog
import Failure
import Files
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Upkeep

/// A passive server against a primary of files, without a network.
@Suite struct PassiveTests {
    private let ids = PassiveFixture.ids

    // MARK: The answer of the primary

    @Test func `the primary is asked for what is new, and its answer is kept as it is`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            #expect(try fixture.world.read("asked") == "sync-info pg\n")
            #expect(try fixture.world.read(PrimaryInfo.path(fixture.home).string) == fixture.answer())
            try fixture.syncBackup(ids[0])
            try fixture.syncWALs()
            try fixture.ask()
            #expect(try fixture.world.read("asked").hasSuffix("sync-info pg 00000002.history 510\n"))
            // Release 3.19.1 refuses a position of 0.
            try fixture.write("00000002.history\t0", to: "home/pg/wals/sync-wals.info")
            try fixture.ask()
            #expect(try fixture.world.read("asked").hasSuffix("sync-info pg 00000002.history\nsync-info pg\n"))
            // What a crash of release 3.19.1 may leave.
            for text in ["", "x", "../x\t1", "00000002.history\tx", "00000002.history\t-1", "\u{0}\u{0}"] {
                try fixture.write(text, to: "home/pg/wals/sync-wals.info")
                let said = try fixture.ask().said
                #expect(said.count == 1 && said[0].hasSuffix("requesting full synchronisation from primary server pg"))
                #expect(try fixture.world.read("asked").hasSuffix("sync-info pg\n"))
            }
        }
    }

    @Test func `a primary that lost the place is asked for everything`() throws {
        try PassiveFixture.with { fixture in
            try fixture.write("00000001000000000000000A\t10", to: "home/pg/wals/sync-wals.info")
            let script =
                "#!/bin/sh\n[ $# = 2 ] || { echo 'ERROR: newer' >&2; exit 1; }\ncat \(fixture.world.path("answer"))\n"
            try fixture.world.write(script, to: "bin/barman", mode: 0o755)
            #expect(
                try fixture.ask().said == [
                    "warning: sync-info is out of sync. Self-recovery procedure started: "
                        + "requesting full synchronisation from primary server pg"
                ]
            )
        }
    }

    @Test func `an answer that is none leaves the one before`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            let path = PrimaryInfo.path(fixture.home).string
            for text in ["", "Welcome!\n" + fixture.answer(), String(fixture.answer().dropLast(3)), "{}", "[]"] {
                try fixture.world.write(text, to: "answer")
                let message = failure { try fixture.ask() }?.message ?? ""
                #expect(message.hasPrefix("sync-info execution on remote primary server pg failed: "), "\(message)")
                #expect(try fixture.world.read(path) == fixture.answer())
            }
            try fixture.world.write("#!/bin/sh\necho gone away >&2\nexit 255\n", to: "bin/barman", mode: 0o755)
            #expect(
                failure { try fixture.ask() }?.message
                    == "sync-info execution on remote primary server pg failed: gone away\n"
            )
            #expect(!fixture.world.exists(path + ".tmp"))
        }
    }

    @Test func `check goes the way that copies go, quotes included`() throws {
        try PassiveFixture.with { fixture in
            let run = CheckRun(home: fixture.home, server: nil, reporter: Recorder(), environment: [:])
            let row = try run.run().results.first { $0.label == "ssh" }
            #expect(row?.isOK == true && row?.hint == "Barman primary node", "\(String(describing: row))")
        }
        try World.with { world in
            let (_, home) = try world.configureHome("primary_ssh_command = ssh 'host")
            let run = CheckRun(home: home, server: nil, reporter: Recorder(), environment: [:])
            let row = try run.run().results.first { $0.label == "ssh" }
            #expect(row?.isOK == false && row?.hint == "Unable to execute ssh 'host", "\(String(describing: row))")
        }
    }

    // MARK: Backups

    @Test func `backups come whole, with the record of the primary, and children with their parents`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            for id in ids {
                #expect(try fixture.syncBackup(id).said == [])
                #expect(try fixture.isWhole(id))
            }
            let catalog = try fixture.catalog
            let (parent, child) = (try #require(catalog[ids[0]]), try #require(catalog[ids[1]]))
            #expect(parent.status == .done && child.status == .done)
            #expect(parent.childrenBackupIDs == [ids[1]] && child.parentBackupID == ids[0])
            #expect(parent.mode == "rsync-concurrent" && parent.serverName == "pg")
            #expect(
                parent.backupLabel
                    == "START WAL LOCATION: 0/1000028 (file \(UpkeepFixture.segment(1)))\nLABEL: it's one\n"
            )
            #expect(parent.beginTime?.catalogText == "2026-03-01 02:00:00.250000+02:00")
            #expect(parent.tablespaces == [Tablespace(name: "fast", oid: 16384, location: "/ssd")])
            #expect(parent.includedFiles == ["/a b"] && parent.clusterSizeBytes == 1000)
            #expect(!fixture.exists("base/\(ids[0])/.copying"))
            #expect(
                try fixture.syncBackup(ids[0]).said == ["info: Backup \(ids[0]) is already synced with pg server"]
            )
        }
    }

    @Test func `what need not be copied is told`() throws {
        try PassiveFixture.with("retention_policy = REDUNDANCY 1") { fixture in
            #expect(
                failure { try fixture.syncBackup(ids[0]) }?.message.hasPrefix(
                    "Cannot open primary.info file for server pg: [Errno 2] No such file or directory: '"
                ) == true
            )
            try fixture.ask()
            for id in ["20200101T000000", "last", "../x", ""] {
                #expect(failure { try fixture.syncBackup(id) }?.message == "Backup \(id) is absent on pg server")
            }
            // A newer one that stands alone makes the older one obsolete.
            try fixture.addLocal("20260303T000000", status: .done)
            #expect(
                try fixture.syncBackup(ids[0]).said == [
                    "info: Remote backup pg/\(ids[0]) is obsolete for local retention policies."
                ]
            )
            #expect(
                try fixture.syncBackup("20260303T000000").said == [
                    "info: Backup 20260303T000000 is absent on pg server, but present locally (local copy only)"
                ]
            )
            for status in [BackupStatus.failed, .syncing, .started] {
                try fixture.addLocal("20260304T000000", status: status)
                let said = try fixture.syncBackup("20260304T000000").said
                #expect(
                    said.first
                        == "warning: Backup 20260304T000000 is absent on pg server and is incomplete locally, purging local backup"
                )
                #expect(try fixture.catalog.ids == ["20260303T000000"])
            }
        }
    }

    @Test func `a copy that fails, or lacks files, is FAILED and goes on later`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            let source = fixture.world.path("primary/base/\(ids[0])")
            try fixture.world.run(["mv", source, source + ".away"]).orThrow()
            var message = failure { try fixture.syncBackup(ids[0]) }?.message ?? ""
            #expect(
                message.hasPrefix("failure syncing server pg backup \(ids[0]): {'ret': 23, 'out': '', 'err': 'rsync: ")
            )
            #expect(try fixture.catalog[ids[0]]?.status == .failed)
            #expect(try fixture.catalog[ids[0]]?.error == message)
            try fixture.world.run(["mv", source + ".away", source]).orThrow()
            // As while the primary deletes it: nobody complains, but more is missing than a record's size.
            let size = fixture.files(of: ids[0]).values.reduce(0) { $0 + $1.utf8.count }
            try fixture.world.write(
                fixture.answer().replacing(#""size": \#(size)"#, with: #""size": 9000000"#),
                to: "answer"
            )
            try fixture.ask()
            message = failure { try fixture.syncBackup(ids[0]) }?.message ?? ""
            #expect(
                message == "Backup failed syncing with pg: only \(size) bytes of 9000000 arrived; "
                    + "is the backup being deleted on the primary?"
            )
            #expect(try fixture.catalog[ids[0]]?.status == .failed)
            try fixture.world.write(fixture.answer(), to: "answer")
            try fixture.ask()
            try fixture.syncBackup(ids[0])
            #expect(try fixture.catalog[ids[0]]?.status == .done)
            #expect(try fixture.catalog[ids[0]]?.error == nil)
            #expect(try fixture.isWhole(ids[0]))
        }
    }

    @Test(arguments: ["link", "copy", "off"], [1, 2])
    func `a torn copy is put right, and other backups keep their files`(reuse: String, jobs: Int) throws {
        try PassiveFixture.with("reuse_backup = \(reuse)\nparallel_jobs = \(jobs)") { fixture in
            try fixture.ask()
            try fixture.syncBackup(ids[0])
            try fixture.syncBackup(ids[1])
            #expect(try fixture.isWhole(ids[0]) && fixture.isWhole(ids[1]))
            // As if the machine had gone down: the record not final, a file of the right look with other contents, one too many.
            let directory = fixture.home.backupDirectory(of: ids[1]).string
            try fixture.world.shell(
                """
                sed -i s/status=DONE/status=SYNCING/ \(fixture.home.backupInfoPath(ids[1]).string)
                cd \(directory) && touch -r data/base/1/1259 stamp && cp data/base/1/1259 x && rm data/base/1/1259
                tr a-z A-Z < x > data/base/1/1259 && touch -r stamp data/base/1/1259 && rm x stamp
                rm data/PG_VERSION && echo > data/stranger
                """
            ).orThrow()
            try fixture.syncBackup(ids[1])
            #expect(try fixture.isWhole(ids[0]) && fixture.isWhole(ids[1]))
        }
    }

    @Test func `of a copy whose sync failed every file comes anew`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            try fixture.syncBackup(ids[0])
            let directory = fixture.home.backupDirectory(of: ids[0])
            // Kept, so that nobody else gets its inode.
            let table = directory.appending("data/base/1/1259")
            try FileSystem.link(table, to: FilePath(fixture.world.path("kept")))
            let inode = try FileSystem.status(of: table).inode
            let record = fixture.home.backupInfoPath(ids[0]).string
            func repeatCopy(_ mark: String) throws -> Bool {
                try fixture.world.shell("sed -i s/status=DONE/status=FAILED/ '\(record)'").orThrow()
                try fixture.world.write(mark, to: directory.appending(".copying").string)
                try fixture.syncBackup(ids[0])
                #expect(try fixture.isWhole(ids[0]))
                #expect(!fixture.exists("base/\(ids[0])/.copying"))
                return try FileSystem.status(of: table).inode == inode
            }
            #expect(try repeatCopy("{}"))
            #expect(try !repeatCopy(""))
        }
    }

    @Test func `whoever holds a lock of the backup keeps others from copying it`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            for (lock, text) in [
                (
                    ServerHome.Lock.syncBackup(ids[0]),
                    "Another synchronisation process for backup \(ids[0]) of server pg is already running."
                ), (.backupID(ids[0]), "Another process is holding the lock for backup \(ids[0]) of server pg."),
            ] {
                let held = try FileLock.acquire(fixture.home.lockPath(lock))
                #expect(failure { try fixture.syncBackup(ids[0]) }?.message == text)
                held.release()
            }
            #expect(try fixture.catalog.ids == [])
        }
    }

    // MARK: WAL

    @Test func `WAL comes in the order of the primary, and once, whatever was done before`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            #expect(try fixture.syncWALs().said == ["warning: No base backup for server pg"])
            try fixture.addLocal("20260303T000000", status: .done, begin: 2)
            #expect(
                try fixture.syncWALs().said == [
                    "warning: Skipping WAL synchronisation for server pg: no available local backup for "
                        + UpkeepFixture.segment(1)
                ]
            )
            try fixture.addLocal("20260301T000000", status: .done, begin: 1)
            #expect(try fixture.syncWALs().said == [])
            let expected =
                (UInt32(1)...10).map {
                    "\(UpkeepFixture.segment($0))\t\("wal \($0)".utf8.count)\t1767225600.25\tNone\tNone"
                }
                + ["00000002.history\t7\t1767225700.0\tNone\tNone"]
            #expect(try fixture.lines == expected)
            #expect(try fixture.archiveProblems() == [])
            let position = SyncPosition.path(fixture.home).string
            #expect(try fixture.world.read(position) == "00000002.history\t510")
            // Nothing new; then everything again, as after the loss of the position.
            #expect(try fixture.syncWALs().said == [])
            try fixture.world.run(["rm", position]).orThrow()
            #expect(try fixture.syncWALs().said == [])
            #expect(try fixture.lines == expected)
            #expect(fixture.world.names(in: fixture.home.walsDirectory.string).filter { $0.hasPrefix(".") } == [])
        }
    }

    @Test func `a backup that was deleted here and is copied once more gets its WAL once more`() throws {
        try PassiveFixture.with("backup_options = exclusive_backup") { fixture in
            try fixture.ask()
            try fixture.syncBackup(ids[0])
            try fixture.syncWALs()
            let info = try #require(try fixture.catalog[ids[0]])
            try BackupDeletion(home: fixture.home, reporter: Recorder()).run(info)
            #expect(try fixture.lines == [PassiveFixture.line(of: "00000002.history")])
            try fixture.ask()
            #expect(try fixture.world.read("asked").hasSuffix("sync-info pg 00000002.history 510\n"))
            try fixture.syncBackup(ids[0])
            try fixture.syncWALs()
            let recorder = try fixture.ask()
            #expect(recorder.said == [])
            #expect(
                recorder.logged.contains(
                    "log INFO: \(UpkeepFixture.segment(1)) is not here: requesting full synchronisation from primary server pg"
                )
            )
            try fixture.syncWALs()
            #expect(try fixture.lines.count == 11 && fixture.archiveProblems() == [])
            // And then no more.
            let asked = try fixture.world.read("asked")
            try fixture.ask()
            #expect(try fixture.world.read("asked") == asked + "sync-info pg 00000002.history 510\n")
        }
    }

    @Test func `WAL that the primary archived out of order comes as well`() throws {
        try PassiveFixture.with { fixture in
            let (early, late) = (Array(PassiveFixture.wals[..<5]), Array(PassiveFixture.wals[5..<10]))
            let before = early + ["00000002.history"]
            try fixture.addLocal("20260301T000000", status: .done, begin: 1)
            try fixture.world.write(fixture.answer(list: before), to: "answer")
            try fixture.ask()
            try fixture.syncWALs()
            // A timeline began, and the old primary's backlog arrives.
            for list in [before + late[..<3], before + late] {
                let reached = try fixture.lines.last?.prefix { $0 != "\t" } ?? ""
                try fixture.world.write(fixture.answer(list: list, tellingAfter: String(reached)), to: "news")
                try fixture.world.write(fixture.answer(list: list), to: "answer")
                try fixture.ask()
                try fixture.syncWALs()
                #expect(try fixture.lines == list.map(PassiveFixture.line))
            }
            // What comes in order is asked for once.
            let asked = try fixture.world.read("asked").split(separator: "\n").map(String.init)
            let name = late[2]
            let position = (before + late[..<2]).reduce(0) { $0 + PassiveFixture.line(of: $1).utf8.count + 1 }
            #expect(
                asked == [
                    "sync-info pg", "sync-info pg 00000002.history 255", "sync-info pg",
                    "sync-info pg \(name) \(position)",
                ]
            )
        }
    }

    @Test func `WAL of a backup that is never copied does not keep that of others from coming`() throws {
        try PassiveFixture.with("retention_policy = REDUNDANCY 1") { fixture in
            try fixture.ask()
            // A newer one that stands alone makes the older one obsolete.
            try fixture.addLocal("20260303T000000", status: .done, begin: 5)
            #expect(try fixture.syncWALs().said == [])
            #expect(try fixture.lines == PassiveFixture.wals[4...].map(PassiveFixture.line))
            #expect(try fixture.archiveProblems() == [])
            #expect(try fixture.world.read(SyncPosition.path(fixture.home).string) == "00000002.history\t510")
        }
    }

    @Test func `WAL that cannot come, or comes under no name of WAL, changes nothing`() throws {
        try PassiveFixture.with { fixture in
            try fixture.addLocal("20260301T000000", status: .done, begin: 1)
            try fixture.ask()
            let segment = UpkeepFixture.segment(4)
            let source = fixture.world.path("primary/wals/\(segment.prefix(16))/\(segment)")
            try fixture.world.run(["mv", source, source + ".away"]).orThrow()
            let message = failure { try fixture.syncWALs() }?.message ?? ""
            #expect(
                message.hasPrefix("WAL synchronisation for server pg failed: {'ret': 23, 'out': '', 'err': 'rsync: ")
            )
            #expect(try fixture.lines == [] && fixture.archiveProblems() == [])
            try fixture.world.makeDirectory(source)
            #expect(
                failure { try fixture.syncWALs() }?.message.hasSuffix("\(segment) on server pg is not a file\n") == true
            )
            try fixture.world.run(["rm", "-r", source]).orThrow()
            try fixture.world.run(["mv", source + ".away", source]).orThrow()
            for name in ["../../etc/passwd", "/etc/passwd", "x", "", "00000001000000000000000\\u0000", segment + "/.."]
            {
                try fixture.world.write(fixture.answer().replacing(segment, with: name), to: "answer")
                try fixture.ask()
                let message = failure { try fixture.syncWALs() }?.message ?? ""
                #expect(
                    message.hasPrefix("WAL synchronisation for server pg failed with: no WAL file: "),
                    "\(name): \(message)"
                )
                #expect(try fixture.lines == [])
            }
            try fixture.world.write(fixture.answer(compression: "\"gzip\""), to: "answer")
            try fixture.ask()
            #expect(
                failure { try fixture.syncWALs() }?.message
                    == "WAL synchronisation for server pg failed with: Compression method on server pg (gzip) "
                    + "does not match local compression method (None) \n"
            )
            try fixture.world.write(fixture.answer(), to: "answer")
            try fixture.ask()
            try fixture.syncWALs()
            #expect(try fixture.lines.count == 11 && fixture.archiveProblems() == [])
        }
    }

    // MARK: Faults

    #if DEBUG
    @Test func `whatever call fails, nothing is said to be here that is not, and the next run completes`() throws {
        try PassiveFixture.with { fixture in
            try fixture.ask()
            // Every third call of each kind: rsync takes its time.
            for (first, kind) in [(-1, FaultPlan.Kind.once(.ioError)), (-2, .crash)] {
                var position = first
                var isDone = false
                while !isDone, position < 300 {
                    position += 3
                    try fixture.world.run(["rm", "-rf", fixture.home.backupDirectory.string]).orThrow()
                    let plan = FaultPlan(kind, at: position)
                    FaultPlan.$current.withValue(plan) {
                        // What it says is shown elsewhere; here counts what it leaves behind.
                        _ = try? fixture.ask()
                        _ = try? fixture.syncBackup(ids[0])
                        _ = try? fixture.syncWALs()
                    }
                    isDone = plan.callCount < position
                    try expectSound(fixture, "\(kind) at call \(position)")
                    try fixture.ask()
                    try fixture.syncBackup(ids[0])
                    try fixture.syncWALs()
                    #expect(try fixture.catalog[ids[0]]?.status == .done && fixture.isWhole(ids[0]))
                    #expect(try fixture.lines.count == 11 && fixture.archiveProblems() == [])
                }
                #expect(position > 40 && position < 300)
            }
        }
    }

    private func expectSound(_ fixture: PassiveFixture, _ circumstance: String) throws {
        if try fixture.catalog[ids[0]]?.status == .done {
            #expect(try fixture.isWhole(ids[0]), "\(circumstance)")
        }
        #expect(try fixture.archiveProblems() == [], "\(circumstance)")
        if fixture.world.exists(SyncPosition.path(fixture.home).string) {
            #expect(try fixture.lines.count == 11, "\(circumstance)")
        }
    }
    #endif
}

extension PassiveFixture {
    /// Whether a file is below the server's directory.
    func exists(_ name: String) -> Bool { world.exists(home.backupDirectory.appending(name).string) }

    /// Enters a backup that did not come from the primary.
    func addLocal(_ id: String, status: BackupStatus, begin: UInt32 = 9) throws {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = status
        info.beginWAL = UpkeepFixture.segment(begin)
        info.endWAL = info.beginWAL
        try write(info.fileText, to: "home/pg/meta/\(id)-backup.info")
        try write("17\n", to: "home/pg/base/\(id)/data/PG_VERSION")
    }
}
