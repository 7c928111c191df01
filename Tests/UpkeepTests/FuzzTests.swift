import Catalog
import Failure
import Files
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Drill
@testable import Upkeep

/// Damaged answers of a primary node, positions, and records of drills (`make fuzz`).
@Suite struct FuzzTests {
    @Test func `parsers survive damaged input`() throws {
        try PassiveFixture.with { fixture in
            let home = fixture.home
            let answer = Array(fixture.answer(list: Array(PassiveFixture.wals[..<3])).utf8)
            try FileSystem.createDirectories(home.walsDirectory)
            let drill = DrillRecord(server: "pg", backup: "20260301T030000", startTime: .now())
            for _ in 0..<2 { try DrillLog(home).append(drill) }
            let log = home.backupDirectory.appending(".drills")
            let drills = try FileSystem.read(log)
            try Fuzz.run([
                FuzzTarget("answers of a primary", [answer], depth: 300) { bytes, _ in
                    try TestWorld.Shell.write(bytes, to: PrimaryInfo.path(home).string)
                    guard let info = try? PrimaryInfo(of: home) else { return }
                    for id in info.backups.keys { _ = try? info.record(of: id) }
                    _ = try? info.directory("basebackups_directory")
                    try? info.forEachWAL { record in
                        guard !record.name.contains("/"), record.sizeBytes >= 0 else { throw WorldError(record.name) }
                    }
                },
                FuzzTarget("positions", [Array("000000010000000000000003\t168".utf8)], depth: 100) { bytes, _ in
                    try TestWorld.Shell.write(bytes, to: SyncPosition.path(home).string)
                    let position = try SyncPosition.read(home, reporter: SilentReporter())
                    guard (position?.position ?? 0) >= 0 else { throw WorldError("\(String(describing: position))") }
                },
                FuzzTarget("records of drills", [drills]) { bytes, _ in
                    try TestWorld.Shell.write(bytes, to: log.string)
                    guard let last = try? DrillLog(home).last(), last.isAuthentic else { return }
                    // Only a record that a drill wrote is believed.
                    guard last.backup == drill.backup, last.startTime.catalogText == drill.startTime.catalogText else {
                        throw WorldError("believed: \(last)")
                    }
                },
                FuzzTarget(
                    text: "names of exports",
                    ["backup-export-pg-20260301T000000-20260302T000000-abcd0123.tar.gz", "backup-export-pg.tar"]
                ) {
                    name in
                    _ = try? ExportName(parsing: name, server: "pg")
                },
            ])
        }
    }
}
