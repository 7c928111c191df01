import Catalog
import Failure
import Files
import Notation
import Settings
import SystemPackage
import TestWorld
import Testing

@testable import Drill

/// What is kept of drills, and what a change of it shows.
@Suite struct DrillLogTests {
    private func with(_ body: (ServerHome) throws -> Void) throws {
        try World.with { world in
            for name in ["home", "home/pg"] { try world.makeDirectory(name) }
            let text = "[barman]\nbarman_home = \(world.path("home"))\nbarman_user = nobody\n[pg]\nactive = off\n"
            let path = try world.write(text, to: "barman.conf")
            let loaded = try Configuration.load(explicitPath: path, environment: [:], reporter: SilentReporter())
            let settings = try #require(try loaded.servers(reporter: SilentReporter())["pg"])
            try body(ServerHome(settings: settings, global: loaded.global))
        }
    }

    private func record(_ defects: [String] = []) -> DrillRecord {
        var record = DrillRecord(server: "pg", backup: "20260301T030000", startTime: .now())
        record.phases.copySeconds = 1.25
        record.copiedBytes = 4096
        record.defects = defects
        return record
    }

    @Test func `what was stored is read again`() throws {
        try with { home in
            #expect(try DrillLog(home).last() == nil)
            try DrillLog(home).append(record())
            try DrillLog(home).append(record(["it has a \"quote\" and\nlines"]))
            let last = try #require(try DrillLog(home).last())
            #expect(last.isAuthentic && !last.hasPassed)
            #expect(last.defects == ["it has a \"quote\" and\nlines"])
            #expect(last.copySeconds == 1.25 && last.copiedBytes == 4096)
            let key = try FileSystem.status(of: home.backupDirectory.appending(".drill-key"))
            #expect(key.permissions == [.ownerReadWrite])
            try DrillLog(home).append(record())
            #expect(try DrillLog(home).last()?.hasPassed == true)
        }
    }

    @Test func `a record that was changed, moved or invented is not believed`() throws {
        try with { home in
            for defects in [["broken"], []] as [[String]] { try DrillLog(home).append(record(defects)) }
            let path = home.backupDirectory.appending(".drills")
            let text = String(decoding: try FileSystem.read(path), as: UTF8.self)
            let lines = text.split(separator: "\n")
            let changed = [
                lines[0].replacing("broken", with: "fine"), lines[1].replacing("4096", with: "4097"), lines[1],
                lines[1].replacing("\"code\": \"", with: "\"code\": \"0"),
            ]
            for line in changed {
                try FileSystem.replaceDurably(path, contents: Array("\(line)\n".utf8))
                let last = try DrillLog(home).last()
                #expect(last?.isAuthentic == false && last?.hasPassed == false, "\(line)")
            }
            try FileSystem.replaceDurably(path, contents: Array(text.utf8))
            #expect(try DrillLog(home).last()?.isAuthentic == true)
            try FileSystem.unlink(home.backupDirectory.appending(".drill-key"))
            #expect(try DrillLog(home).last()?.isAuthentic == false)
        }
    }

    @Test func `a file that is no record is an error that names it`() throws {
        try with { home in
            for text in ["x\n", "{}\n", "{\"record\": {\"start_time\": 7}, \"code\": \"\"}\n", "[1]\n"] {
                let path = home.backupDirectory.appending(".drills")
                try FileSystem.replaceDurably(path, contents: Array(text.utf8))
                let failure = #expect(throws: Failure.self, "\(text)") { try DrillLog(home).last() }
                #expect(failure?.message.contains(".drills") == true)
            }
        }
    }

    @Test func `assertions are lines, and know their database`() throws {
        let assertions = try Assertions("-- all is well\n\nSELECT true\n\\c shop\n  SELECT count(*) > 3 FROM orders\n")
        #expect(
            assertions.lines == [
                Assertions.Line(number: 3, database: "postgres", sql: "SELECT true"),
                Assertions.Line(number: 5, database: "shop", sql: "  SELECT count(*) > 3 FROM orders"),
            ]
        )
        #expect(throws: Failure.self) { try Assertions("\\c\n") }
        #expect(throws: Failure.self) { try Assertions(reading: "/nowhere/at/all") }
    }
}
