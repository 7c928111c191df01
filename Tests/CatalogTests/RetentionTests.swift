import Catalog
import Failure
import Files
import Notation
import Settings
import TestHomes
import Testing

@Suite struct RetentionTests {
    private let now = Timestamp(secondsSinceEpoch: 1_772_000_000)

    /// A backup that ended so many days ago.
    private struct Backup {
        var age: Int64
        var status = BackupStatus.done
        var keep: KeepTarget?
        var children: [String] = []
        var parent: String?
    }

    private func id(_ age: Int64) -> String { "B\(1000 - age)" }

    private func states(
        _ backups: [Backup],
        _ policy: String,
        minimum: Int64 = 0,
        reporter: any Reporter = SilentReporter()
    ) throws -> [String] {
        var result: [String] = []
        try CatalogFixture.with { fixture throws in
            for backup in backups {
                try fixture.addBackup(id(backup.age)) {
                    $0.status = backup.status
                    $0.endTime = now.adding(seconds: -backup.age * 86_400)
                    $0.childrenBackupIDs = backup.children
                    $0.parentBackupID = backup.parent
                    $0.mode = "postgres"
                }
            }
            let policy = try #require(RetentionPolicy(parsing: policy))
            let kept = Dictionary(uniqueKeysWithValues: backups.map { (id($0.age), $0.keep) })
            let states = try Retention(policy: policy, minimumRedundancy: minimum).states(
                of: try BackupCatalog.load(fixture.home),
                now: now,
                reporter: reporter
            ) { id in kept[id] ?? nil }
            result = backups.map { states[id($0.age)]?.rawValue ?? "missing" }
        }
        return result
    }

    private func ages(_ ages: Int64...) -> [Backup] { ages.map { Backup(age: $0) } }

    @Test func `the worked examples of the reference hold`() throws {
        let four = ages(9, 20, 30, 40)
        #expect(try states(four, "RECOVERY WINDOW OF 2 WEEKS") == ["VALID", "VALID", "OBSOLETE", "OBSOLETE"])
        #expect(
            try states(four, "RECOVERY WINDOW OF 2 WEEKS", minimum: 4) == ["VALID", "VALID", "OBSOLETE*", "OBSOLETE*"]
        )
        #expect(try states(four, "RECOVERY WINDOW OF 0 DAYS") == ["VALID", "OBSOLETE", "OBSOLETE", "OBSOLETE"])
        let kept = [Backup(age: 9, keep: .full), Backup(age: 20), Backup(age: 30)]
        #expect(try states(kept, "REDUNDANCY 2") == ["KEEP:FULL", "VALID", "OBSOLETE"])
        #expect(try states(ages(9, 20, 30), "REDUNDANCY 1", minimum: 3) == ["VALID", "VALID", "VALID"])
        #expect(try states(ages(9, 20), "REDUNDANCY 0") == ["OBSOLETE", "OBSOLETE"])
        #expect(try states(four, "RECOVERY WINDOW OF 1 MONTH") == ["VALID", "VALID", "VALID", "VALID"])
    }

    @Test func `backups that are not complete are not judged and do not count`() throws {
        let backups = [
            Backup(age: 1, status: .started), Backup(age: 2, status: .waitingForWALs), Backup(age: 3),
            Backup(age: 4, status: .failed), Backup(age: 5), Backup(age: 6, status: .empty),
        ]
        #expect(try states(backups, "REDUNDANCY 1") == ["-", "-", "VALID", "-", "OBSOLETE", "missing"])
        #expect(try states(backups, "RECOVERY WINDOW OF 0 DAYS") == ["-", "-", "VALID", "-", "OBSOLETE", "missing"])
    }

    /// Three pairs of a full backup and its incremental child.
    private func pairs(keep: KeepTarget?) -> [Backup] {
        [(1, 2), (11, 12), (21, 22)].flatMap { child, root in
            [Backup(age: child, parent: id(root)), Backup(age: root, keep: keep, children: [id(child)])]
        }
    }

    @Test func `incremental backups share the state of their root`() throws {
        #expect(
            try states(pairs(keep: nil), "REDUNDANCY 1") == [
                "VALID", "VALID", "OBSOLETE", "OBSOLETE", "OBSOLETE", "OBSOLETE",
            ]
        )
        let full = try states(pairs(keep: .full), "REDUNDANCY 1")
        #expect(full == ["VALID", "KEEP:FULL", "VALID", "KEEP:FULL", "VALID", "KEEP:FULL"])
        let standalone = try states(pairs(keep: .standalone), "REDUNDANCY 1")
        #expect(
            standalone == ["VALID", "KEEP:STANDALONE", "OBSOLETE", "KEEP:STANDALONE", "OBSOLETE", "KEEP:STANDALONE"]
        )
    }

    @Test func `incremental backups of the root that protects the window are needed`() throws {
        #expect(
            try states(pairs(keep: .standalone), "RECOVERY WINDOW OF 10 DAYS")
                == ["VALID", "KEEP:STANDALONE", "VALID", "KEEP:STANDALONE", "OBSOLETE", "KEEP:STANDALONE"]
        )
    }

    @Test func `what is decided goes to the log`() throws {
        let redundancy = Recorder()
        _ = try states(ages(1, 2), "REDUNDANCY 1", minimum: 2, reporter: redundancy)
        #expect(
            redundancy.logged == [
                "log WARNING: Retention policy redundancy (1) is lower than the required minimum redundancy (2). Enforce 2."
            ]
        )
        let window = Recorder()
        let backups = [
            Backup(age: 1), Backup(age: 2), Backup(age: 3), Backup(age: 4, keep: .standalone), Backup(age: 5),
        ]
        _ = try states(backups, "RECOVERY WINDOW OF 1 DAY", minimum: 3, reporter: window)
        let start = "(older than \(now.adding(seconds: -86_400)))"
        #expect(
            window.logged == [
                "log WARNING: Keeping obsolete backup B997 for server pg \(start) due to minimum redundancy requirements (3)",
                "log INFO: Keeping obsolete backup B996 for server pg \(start) due to keep status: KEEP:STANDALONE",
                "log INFO: Reporting backup B995 for server pg as OBSOLETE \(start)",
            ]
        )
    }

    @Test func `annotations on disk count`() throws {
        try CatalogFixture.with("retention_policy = REDUNDANCY 1") { fixture throws in
            for id in ["1", "2", "3"] { try fixture.addBackup(id) }
            try fixture.write("full", to: "meta/1-keep")
            try fixture.write("standalone", to: "base/2/annotations/keep")
            let retention = try #require(Retention(fixture.home))
            let catalog = try BackupCatalog.load(fixture.home)
            let states = try retention.states(of: catalog, now: .now(), reporter: SilentReporter())
            #expect(states == ["1": .keepFull, "2": .keepStandalone, "3": .valid])
        }
    }

    @Test func `without a policy nothing is judged`() throws {
        try CatalogFixture.with { fixture throws in #expect(Retention(fixture.home) == nil) }
    }
}
