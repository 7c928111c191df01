#if DEBUG
import Catalog
import Failure
import Files
import Notation
import Settings
import SystemPackage
import TestHomes
import TestWorld
import Testing
import Upkeep

/// Every call that changes something fails in turn, alone and as the death of the process: the old state or the new one, and a repeat ends the work.
@Suite struct MaintenanceFaultTests {
    private let ids = (1...4).map { "2026030\($0)T000000" }

    /// Does the work under each fault on a fresh home; `check` gets whether it said that it succeeded.
    private func withEveryFault(
        _ fixture: UpkeepFixture,
        prepare: () throws -> Void,
        work: () throws -> Void,
        check: (_ succeeded: Bool, _ circumstance: String) throws -> Void
    ) throws {
        // A full disk takes the same ways as any other error: every third call is enough to see it.
        for (kind, stride) in [(FaultPlan.Kind.once(.ioError), 1), (.once(.noSpace), 3), (.crash, 1)] {
            var position = 1 - stride
            var isDone = false
            while !isDone, position < 300 {
                position += stride
                try prepare()
                let plan = FaultPlan(kind, at: position)
                var succeeded = false
                FaultPlan.$current.withValue(plan) {
                    do {
                        try work()
                        succeeded = true
                    } catch {
                        succeeded = false
                    }
                }
                isDone = plan.callCount < position
                #expect(!isDone || succeeded)
                try check(succeeded, "\(kind) at call \(position)")
            }
            #expect(position > 5 && position < 300)
        }
    }

    private func fill(_ fixture: UpkeepFixture) throws {
        try fixture.world.run(["find", fixture.home.backupDirectory.string, "-mindepth", "1", "-delete"]).orThrow()
        for name in ["base", "meta", "wals"] {
            try Shell.makeDirectory("\(fixture.home.backupDirectory.string)/\(name)")
        }
        for (id, segments) in zip(ids, [2...3, 5...5, 8...9, 11...12] as [ClosedRange<UInt32>]) {
            try fixture.addBackup(id, segments: segments) { $0.systemID = "7456012345678901234" }
        }
        try fixture.addWAL(1...14)
        try fixture.write(#"{"systemid": "7456012345678901234", "version": "15"}"#, to: "identity.json")
    }

    private func isWhole(_ id: String, _ fixture: UpkeepFixture) -> Bool {
        fixture.exists("base/\(id)/data/PG_VERSION") && fixture.exists("base/\(id)/data/base/1/1259")
    }

    @Test func `retention removes what is obsolete or nothing, and never what is needed`() throws {
        try UpkeepFixture.with("retention_policy = REDUNDANCY 2") { fixture in
            let cron = CronRun(
                configuration: fixture.configuration,
                homes: [fixture.home],
                reporter: SilentReporter(),
                executable: "/bin/true"
            )
            let needed = (UInt32(8)...14).map { UpkeepFixture.segment($0) }
            try withEveryFault(fixture, prepare: { try fill(fixture) }, work: { try cron.run() }) { _, circumstance in
                let catalog = try fixture.catalog
                #expect(catalog.ids.suffix(2) == ids[2...], "\(circumstance)")
                #expect(isWhole(ids[2], fixture) && isWhole(ids[3], fixture), "\(circumstance)")
                for id in catalog.ids.dropLast(2) {
                    #expect(isWhole(id, fixture) || fixture.exists("meta/\(id)-delete_this"), "\(circumstance)")
                }
                #expect(
                    try fixture.listedWAL.suffix(7) == needed && fixture.storedWAL.suffix(7) == needed[...],
                    "\(circumstance)"
                )
                try cron.run()
                #expect(try fixture.catalog.ids == Array(ids[2...]), "\(circumstance)")
                #expect(try fixture.listedWAL == needed && fixture.storedWAL == needed, "\(circumstance)")
                #expect(fixture.world.names(in: fixture.home.basebackupsDirectory.string) == Array(ids[2...]))
            }
        }
    }

    @Test func `an import brings the whole backup or nothing, and touches no other`() throws {
        try UpkeepFixture.with { fixture in
            try fill(fixture)
            let info = try #require(try fixture.catalog[ids[3]])
            try fixture.world.makeDirectory("export")
            let file = try BackupExport(home: fixture.home, info: info, reporter: SilentReporter())
                .run(into: FilePath(fixture.world.path("export")), compression: nil, systemInformation: .object([]))
            let own = [11, 12].map { UpkeepFixture.segment(UInt32($0)) }
            func prepare() throws {
                try fill(fixture)
                try fixture.world.shell(
                    """
                    cd \(fixture.home.backupDirectory.string) && rm -r base/\(ids[3]) meta/\(ids[3])-*
                    rm \(own.map { "wals/\($0.prefix(16))/\($0)" }.joined(separator: " "))
                    sed -i '/^\(own[0])/d; /^\(own[1])/d' wals/pg-xlog.db
                    """
                ).orThrow()
            }
            func bringIn() throws { _ = try BackupImport(home: fixture.home, reporter: SilentReporter()).run(file) }
            let others = (UInt32(1)...14).map { UpkeepFixture.segment($0) }.filter { !own.contains($0) }
            try withEveryFault(fixture, prepare: prepare, work: bringIn) { succeeded, circumstance in
                let isThere = try fixture.catalog[ids[3]] != nil
                #expect(isThere || !succeeded, "\(circumstance)")
                #expect(try fixture.catalog.ids.prefix(3) == ids[..<3], "\(circumstance)")
                #expect(try others.allSatisfy { try fixture.listedWAL.contains($0) }, "\(circumstance)")
                #expect(others.allSatisfy { fixture.storedWAL.contains($0) }, "\(circumstance)")
                if !isThere { try bringIn() }
                #expect(isWhole(ids[3], fixture) && fixture.exists("meta/\(ids[3])-keep"), "\(circumstance)")
                #expect(try fixture.listedWAL == others.prefix(10) + own + others.suffix(2), "\(circumstance)")
                #expect(own.allSatisfy { fixture.storedWAL.contains($0) }, "\(circumstance)")
            }
        }
    }

    @Test func `a change of the configuration is made, waits in the queue, or was never asked for`() throws {
        try UpkeepFixture.with("description = before") { fixture in
            let main = try fixture.world.read("barman.conf")
            let automatic = fixture.world.path("home/.barman.auto.conf")
            let changes: JSONValue = [
                ["scope": "server", "server_name": "pg", "description": "after", "parallel_jobs": "4"]
            ]
            func prepare() throws {
                try fixture.world.write(main, to: "barman.conf")
                try fixture.world.shell("rm -f \(automatic) \(fixture.world.path("home"))/*.queue").orThrow()
            }
            func load() throws -> Configuration {
                try Configuration.load(
                    explicitPath: fixture.world.path("barman.conf"),
                    environment: [:],
                    reporter: SilentReporter()
                )
            }
            func values() throws -> [String?] {
                let settings = try load().servers(reporter: SilentReporter())["pg"]
                return [settings?.description, (settings?.parallelJobs).map { "\($0)" }]
            }
            func change() throws {
                let configuration = try load()
                let servers = try configuration.servers(reporter: SilentReporter())
                let update = try ConfigurationUpdate(changes, for: configuration, servers, reporter: SilentReporter())
                let recorder = Recorder()
                var queue = try ChangeQueue(configuration, reporter: recorder)
                _ = try queue.process(adding: update)
                if recorder.said.contains(where: { $0.hasPrefix("error: ") }) { throw Failure("not made") }
            }
            try withEveryFault(fixture, prepare: prepare, work: change) { succeeded, circumstance in
                let between = try values()
                #expect(!succeeded || between == ["after", "4"], "\(circumstance)")
                #expect(
                    [["before", "1"], ["after", "1"], ["before", "4"], ["after", "4"]].contains(between),
                    "\(circumstance)"
                )
                _ = try CronRun.processConfigurationQueue(try load(), reporter: SilentReporter())
                let now = try values()
                #expect(now == ["after", "4"] || (!succeeded && now == ["before", "1"]), "\(circumstance): \(now)")
            }
        }
    }
}
#endif
