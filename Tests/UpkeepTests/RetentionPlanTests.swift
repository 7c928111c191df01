import Catalog
import Failure
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing
import Upkeep
import WAL

/// Plans say what will be done, before it is done.
@Suite struct RetentionPlanTests {
    private let ids = (1...4).map { "2026030\($0)T000000" }

    private func fill(_ fixture: UpkeepFixture) throws {
        try fixture.addBackup(ids[0], segments: 2...3)
        try fixture.addBackup(ids[1], segments: 5...5)
        try fixture.addBackup(ids[2], segments: 8...9)
        try fixture.addBackup(ids[3], segments: 11...12)
        try fixture.addWAL(1...14)
    }

    private func cron(_ fixture: UpkeepFixture, _ reporter: any Reporter) -> CronRun {
        CronRun(
            configuration: fixture.configuration,
            homes: [fixture.home],
            reporter: reporter,
            executable: "/bin/true"
        )
    }

    @Test(arguments: ["oldest", "latest", "20260302T000000"])
    func `a dry run tells what a deletion removes and removes nothing`(_ word: String) throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            let info = try fixture.catalog.resolve(word)
            let plan = Recorder()
            try BackupDeletion(home: fixture.home, reporter: plan).preview(info)
            #expect(try fixture.catalog.ids == ids)
            #expect(try fixture.listedWAL.count == 14 && fixture.storedWAL.count == 14)
            let deed = Recorder()
            try BackupDeletion(home: fixture.home, reporter: deed).run(info)
            let deeds = deed.said.dropLast().map { line in
                line.replacing("info: Delete associated", with: "show: Would delete associated")
                    .replacing("info: Deleting backup", with: "show: Would delete backup")
                    .replacing("info: \t", with: "show: \t")
            }
            #expect(plan.said == deeds)
        }
    }

    @Test func `a dry run refuses what a deletion refuses`() throws {
        try UpkeepFixture.with("minimum_redundancy = 4") { fixture in
            try fill(fixture)
            let info = try fixture.catalog.resolve("oldest")
            let (plan, deed) = (Recorder(), Recorder())
            let refusal = #expect(throws: Failure.self) {
                try BackupDeletion(home: fixture.home, reporter: plan).preview(info)
            }
            let failure = #expect(throws: Failure.self) {
                try BackupDeletion(home: fixture.home, reporter: deed).run(info)
            }
            #expect(refusal?.message == failure?.message)
            #expect(plan.said == deed.said && !plan.said.isEmpty)
        }
    }

    @Test func `the plan of retention counts what cron then removes`() throws {
        try UpkeepFixture.with("retention_policy = REDUNDANCY 1") { fixture in
            try fill(fixture)
            try fixture.write("standalone", to: "meta/\(ids[1])-keep")
            var plan = DeletionPlan(try fixture.catalog)
            let judgement = try RetentionJudgement(fixture.catalog, now: .now(), reporter: SilentReporter())
            #expect(judgement?.obsolete == [ids[0], ids[2]])
            for id in judgement?.obsolete ?? [] { try plan.delete(id, isRetention: true) }
            try plan.measureWAL(keepingNames: true)
            let before = try fixture.listedWAL
            let preview = Recorder()
            try cron(fixture, preview).preview()
            #expect(
                preview.said == [
                    "show: Would start WAL archiving for server pg",
                    "show: Retention policy would remove backup \(ids[0]) for server pg",
                    "show: \twith 4 WAL files (16 B)",
                    "show: Retention policy would remove backup \(ids[2]) for server pg",
                    "show: \twith 5 WAL files (20 B)",
                ]
            )
            #expect(try fixture.listedWAL == before)
            try cron(fixture, SilentReporter()).run()
            let after = try Set(fixture.listedWAL)
            #expect(plan.steps.flatMap(\.walNames).sorted() == before.filter { !after.contains($0) })
            #expect(try fixture.catalog.ids == [ids[1], ids[3]])
        }
    }

    @Test func `an obsolete snapshot backup does not keep the others`() throws {
        try UpkeepFixture.with("retention_policy = REDUNDANCY 1") { fixture in
            try fill(fixture)
            try fixture.addBackup(ids[0], segments: 2...3) { info in
                info.mode = "snapshot-concurrent"
                info.snapshotsInfo = .dictionary([(.string("provider"), .string("gcp"))])
            }
            let recorder = Recorder()
            try cron(fixture, recorder).run()
            #expect(try fixture.catalog.ids == [ids[0], ids[3]])
            #expect(recorder.said.filter { $0.hasPrefix("error: ") }.count == 1)
            // The snapshot needs its WAL, and with it everything after.
            #expect(try fixture.listedWAL.count == 14)
        }
    }

    @Test func `a backup recovers up to the first gap, on each timeline`() throws {
        try UpkeepFixture.with { fixture in
            let end = try #require(Timestamp(catalogText: "2026-03-01 10:00:00+00:00"))
            try fixture.addBackup(ids[0], segments: 2...3) {
                $0.endTime = end
                $0.endXlog = "0/3000100"
            }
            try fixture.addBackup(ids[1], segments: 7...8)
            let line = { (name: String, time: Int) in "\(name)\t4\t\(time).5\tNone\tNone\n" }
            let own = [1, 2, 3, 4, 6].map { line(UpkeepFixture.segment(UInt32($0)), 1_772_359_190 + $0) }
            let other = [4, 5].map {
                line("0000000200000000\(UpkeepFixture.segment(UInt32($0)).suffix(8))", 1_772_359_700 + $0)
            }
            try fixture.write(own.joined() + other.joined(), to: "wals/pg-xlog.db")
            try fixture.write("1\t0/4000080\tno recovery target specified\n", to: "wals/00000002.history")
            var windows = try RecoveryWindows(fixture.catalog)
            let window = try windows.window(of: #require(fixture.catalog[ids[0]]))
            #expect(window?.from == end)
            #expect(
                window?.reaches.map(\.lastWAL.description) == [UpkeepFixture.segment(4), "000000020000000000000005"]
            )
            // The last of its own WAL was written before the end of the backup, by another clock.
            #expect(window?.reaches.map(\.until.secondsDouble) == [end.secondsDouble, 1_772_359_705.5])
            #expect(window?.obstacle == "WAL file \(UpkeepFixture.segment(5)) is not archived")
            let broken = try windows.window(of: #require(fixture.catalog[ids[1]]))
            #expect(broken?.from == nil)
            #expect(broken?.obstacle == "WAL file \(UpkeepFixture.segment(7)) is not archived")
        }
    }
}
