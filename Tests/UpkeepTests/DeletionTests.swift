import Catalog
import Failure
import Files
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing
import Upkeep

@Suite struct DeletionTests {
    private let oldest = "20260301T000000"
    private let middle = "20260302T000000"
    private let newest = "20260303T000000"

    private func fill(_ fixture: UpkeepFixture) throws {
        try fixture.addBackup(oldest, segments: 2...3)
        try fixture.addBackup(middle, segments: 5...5)
        try fixture.addBackup(newest, segments: 8...9)
        try fixture.addWAL(1...10)
    }

    private func delete(_ id: String, _ fixture: UpkeepFixture, _ reporter: any Reporter = SilentReporter()) throws {
        let info = try fixture.catalog.resolve(id)
        try BackupDeletion(home: fixture.home, reporter: reporter).run(info)
    }

    @Test func `the oldest backup goes with the WAL before the next one`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            let recorder = Recorder()
            try delete(oldest, fixture, recorder)
            #expect(try fixture.catalog.ids == [middle, newest])
            #expect(!fixture.exists("base/\(oldest)"))
            #expect(!fixture.exists("meta/\(oldest)-delete_this"))
            #expect(try fixture.listedWAL == (UInt32(5)...10).map { UpkeepFixture.segment($0) })
            #expect(fixture.storedWAL == (UInt32(5)...10).map { UpkeepFixture.segment($0) })
            var expected = ["info: Deleting backup \(oldest) for server pg", "info: Delete associated WAL segments:"]
            expected += (UInt32(1)...4).map { "info: \t\(UpkeepFixture.segment($0))" }
            #expect(Array(recorder.said.dropLast()) == expected)
            #expect(recorder.said.last?.hasPrefix("info: Deleted backup \(oldest) (start time: ") == true)
            #expect(recorder.said.last?.hasSuffix(", elapsed time: less than one second)") == true)
        }
    }

    @Test func `of a backup that is a link only the link goes`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            let outside = fixture.home.basebackupsDirectory.removingLastComponent().removingLastComponent().appending(
                "outside"
            )
            let place = fixture.home.backupDirectory(of: oldest)
            try FileSystem.rename(place, to: outside)
            try FileSystem.symlink(at: place, to: outside)
            let recorder = Recorder()
            try delete(oldest, fixture, recorder)
            #expect(try fixture.catalog.ids == [middle, newest])
            #expect(try FileSystem.kindIfPresent(place, followingLinks: false) == nil)
            #expect(try !FileSystem.names(in: outside).isEmpty)
            #expect(
                recorder.said.contains {
                    $0.hasSuffix("is a symbolic link: only the link is removed, what it leads to stays")
                }
            )
        }
    }

    @Test func `a backup with an older one goes alone`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            try delete(middle, fixture)
            #expect(try fixture.catalog.ids == [oldest, newest])
            #expect(try fixture.listedWAL.count == 10)
        }
    }

    @Test func `the next backup by rsync is measured again`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            let shared = fixture.home.backupDirectory(of: oldest).appending("data").appending("shared")
            try fixture.world.write("12345678", to: shared.string)
            try FileSystem.link(
                shared,
                to: fixture.home.backupDirectory(of: middle).appending("data").appending("shared")
            )
            try delete(oldest, fixture)
            #expect(try fixture.catalog[middle]?.sizeBytes == 13)
            #expect(try fixture.catalog[middle]?.deduplicatedSizeBytes == 13)
        }
    }

    @Test func `what check-backup finds out about the next backup meanwhile is not undone`() throws {
        let record = "\"$BARMAN_BACKUP_DIR\"/../../meta/\(middle)-backup.info"
        try UpkeepFixture.with("pre_delete_script = sed -i s/^status=.*/status=FAILED/ \(record)") { fixture in
            try fill(fixture)
            try fixture.write("new", to: "base/\(middle)/data/new")
            try delete(oldest, fixture)
            #expect(try fixture.catalog[middle]?.status == .failed)
            #expect(try fixture.catalog[middle]?.sizeBytes == 8)
        }
    }

    @Test func `a kept backup and the last one that redundancy asks for stay`() throws {
        try UpkeepFixture.with("minimum_redundancy = 3") { fixture in
            try fill(fixture)
            let recorder = Recorder()
            #expect(throws: Failure.self) { try delete(newest, fixture, recorder) }
            #expect(
                recorder.said == [
                    "warning: Skipping delete of backup \(newest) for server pg due to minimum redundancy requirements "
                        + "(minimum redundancy = 3, current redundancy = 3)"
                ]
            )
            try fixture.write("", to: "meta/\(newest)-keep")
            let second = Recorder()
            let failure = #expect(throws: Failure.self) { try delete(newest, fixture, second) }
            #expect(failure?.message == "Cannot delete backup (pg \(newest))")
            #expect(
                second.told == [
                    "warning: Skipping delete of backup \(newest) for server pg as it has a current keep request. "
                        + "If you really want to delete this backup please remove the keep and try again."
                ]
            )
            #expect(fixture.exists("base/\(newest)/data/PG_VERSION"))
            #expect(!fixture.exists("meta/\(newest)-delete_this"))
        }
    }

    @Test func `a lock that somebody holds keeps the backup`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            for (lock, text) in [
                (
                    ServerHome.Lock.backup,
                    "error: Another process in running on server pg. Impossible to delete the backup."
                ),
                (.backupID(oldest), "error: Another process is holding the lock for backup \(oldest) of server pg."),
            ] {
                let held = try FileLock.acquire(fixture.home.lockPath(lock))
                let recorder = Recorder()
                #expect(throws: Failure.self) { try delete(oldest, fixture, recorder) }
                #expect(recorder.said == [text])
                held.release()
            }
            #expect(try fixture.catalog.ids.count == 3)
            #expect(!fixture.exists("meta/\(oldest)-delete_this"))
        }
    }

    @Test func `incremental backups go with the one they depend on, children first`() throws {
        try UpkeepFixture.with { fixture in
            try fixture.addBackup(oldest, segments: 1...1) {
                $0.mode = "postgres"
                $0.childrenBackupIDs = [middle]
            }
            try fixture.addBackup(middle, segments: 2...2) {
                $0.mode = "postgres"
                $0.parentBackupID = oldest
                $0.childrenBackupIDs = [newest]
            }
            try fixture.addBackup(newest, segments: 3...3) {
                $0.mode = "postgres"
                $0.parentBackupID = middle
            }
            try fixture.addWAL(1...3)
            try delete(newest, fixture)
            #expect(try fixture.catalog[middle]?.children == [])
            let recorder = Recorder()
            try delete(oldest, fixture, recorder)
            #expect(try fixture.catalog.ids == [])
            #expect(
                recorder.said.filter { $0.contains("Deleting") } == [
                    "warning: Backup \(oldest) has incremental backups which depend on it. "
                        + "Deleting all backups in the tree",
                    "info: Deleting backup \(middle) for server pg", "info: Deleting backup \(oldest) for server pg",
                ]
            )
        }
    }

    @Test func `a hook that asks to stop leaves the data and the mark`() throws {
        try UpkeepFixture.with("pre_delete_retry_script = exit 63") { fixture in
            try fill(fixture)
            let failure = #expect(throws: Failure.self) { try delete(oldest, fixture) }
            #expect(failure?.message == "Abort 'pre_delete_retry_script' retry hook script (exit 63, exit code: 63)")
            #expect(fixture.exists("base/\(oldest)/data/PG_VERSION"))
            #expect(fixture.exists("meta/\(oldest)-delete_this"))
        }
    }

    /// A turn of cron that starts nothing; returns what it said.
    private func cron(_ fixture: UpkeepFixture) throws -> Recorder {
        let recorder = Recorder()
        try CronRun(
            configuration: fixture.configuration,
            homes: [fixture.home],
            reporter: recorder,
            executable: "/bin/true"
        ).run()
        return recorder
    }

    @Test func `a policy deletes what is obsolete, finishes what was begun and warns of orphans`() throws {
        try UpkeepFixture.with("retention_policy = REDUNDANCY 1") { fixture in
            try fill(fixture)
            let begun = "20260304T000000"
            try fixture.addBackup(begun, segments: 10...10)
            try fixture.write("delete", to: "meta/\(begun)-delete_this")
            try fixture.write("delete", to: "meta/20200101T000000-delete_this")
            try FileSystem.removeTree(fixture.home.backupDirectory(of: begun))
            try FileSystem.removeTree(fixture.home.backupDirectory(of: oldest))
            let recorder = try cron(fixture)
            // The one that was being deleted is the newest, and took the place that the policy leaves.
            #expect(try fixture.catalog.ids == [oldest])
            #expect(recorder.said.first == "show: Starting WAL archiving for server pg")
            #expect(recorder.said.contains { $0.hasPrefix("warning: Backup '\(oldest)' is an orphan backup") })
            #expect(
                recorder.said.filter { $0.contains("Enforcing") }
                    == [middle, newest, begun].map {
                        "info: Enforcing retention policy: removing backup \($0) for server pg"
                    }
            )
            #expect(!fixture.exists("meta/20200101T000000-delete_this"))
            #expect(fixture.world.names(in: fixture.world.path("home")).filter { $0.hasSuffix(".lock") } == [])
        }
    }

    @Test func `a backup that is to be kept since the policy was asked stays, whatever was deleted meanwhile`() throws {
        let keep = "echo -n full > \"$BARMAN_BACKUP_DIR\"/../../meta/\(middle)-keep"
        try UpkeepFixture.with("retention_policy = REDUNDANCY 1\npre_delete_script = \(keep)") { fixture in
            try fill(fixture)
            let recorder = try cron(fixture)
            #expect(try fixture.catalog.ids == [middle, newest])
            #expect(fixture.exists("base/\(middle)/data/PG_VERSION"))
            let text = "info: Backup \(middle) of server pg is to be kept now: it is not deleted"
            #expect(recorder.said.contains(text))
        }
    }

    @Test func `a backup that somebody deletes while the policy is asked is no orphan`() throws {
        try UpkeepFixture.with("retention_policy = REDUNDANCY 3") { fixture in
            try fill(fixture)
            let known = try fixture.catalog
            try FileSystem.removeTree(fixture.home.backupDirectory(of: oldest))
            func orphans() throws -> [String]? {
                try RetentionJudgement(known, now: .now(), reporter: Recorder())?.orphans
            }
            #expect(try orphans() == [oldest])
            try FileSystem.unlink(fixture.home.metaDirectory.appending("\(oldest)-backup.info"))
            #expect(try orphans() == [])
        }
    }

    #if DEBUG
    @Test func `whatever call fails, the catalog stays readable, no needed WAL is lost and a repeat ends the work`()
        throws
    {
        for kind in [FaultPlan.Kind.once(.ioError), .crash] {
            var position = 0
            var isDone = false
            while !isDone, position < 200 {
                position += 1
                try UpkeepFixture.with { fixture in
                    try fill(fixture)
                    let plan = FaultPlan(kind, at: position)
                    FaultPlan.$current.withValue(plan) {
                        // What it says when it fails is shown elsewhere; here counts what it leaves behind.
                        _ = try? delete(oldest, fixture)
                    }
                    isDone = plan.callCount < position
                    try expectSoundState(fixture, at: position)
                }
            }
            #expect(position > 10 && position < 200)
        }
    }

    private func expectSoundState(_ fixture: UpkeepFixture, at position: Int) throws {
        let needed = (UInt32(5)...10).map { UpkeepFixture.segment($0) }
        let catalog = try fixture.catalog
        #expect(catalog.ids.suffix(2) == [middle, newest])
        #expect(try fixture.listedWAL.suffix(6) == needed, "fault at call \(position)")
        #expect(fixture.storedWAL.suffix(6) == needed, "fault at call \(position)")
        #expect(fixture.exists("base/\(middle)/data/PG_VERSION"))
        if catalog[oldest] != nil {
            let isWhole =
                fixture.exists("base/\(oldest)/data/PG_VERSION") && fixture.exists("base/\(oldest)/data/base/1/1259")
            #expect(isWhole || fixture.exists("meta/\(oldest)-delete_this"), "fault at call \(position)")
            try delete(oldest, fixture)
        }
        #expect(!fixture.exists("base/\(oldest)"))
        #expect(try fixture.listedWAL == needed)
        #expect(fixture.storedWAL == needed)
        #expect(try fixture.catalog.ids == [middle, newest])
    }
    #endif
}
