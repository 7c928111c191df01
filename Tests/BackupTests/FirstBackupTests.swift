import Catalog
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@testable import Backup

/// WAL older than the first backup of a server goes, and only that.
struct FirstBackupTests {
    private func segment(_ number: Int) -> String { "00000001000000000000000\(number)" }

    /// A home that has archived segments 1 to 3.
    private func archived(in world: World, _ options: String = "") throws -> ServerHome {
        let home = try world.configureHome(options).home
        let directory = home.walsDirectory.appending("0000000100000000")
        try FileSystem.createDirectories(directory)
        try FileSystem.createDirectories(home.metaDirectory)
        for number in 1...3 { try Shell.write([1], to: directory.appending(segment(number)).string) }
        try Shell.write([], to: home.xlogDatabasePath.string)
        let records = (1...3).map { XlogRecord(name: segment($0), sizeBytes: 1, time: 1, compression: nil) }
        try XlogDatabase(home).append(records)
        return home
    }

    private func names(_ home: ServerHome) throws -> [String] {
        try FileSystem.names(in: home.walsDirectory.appending("0000000100000000")).sorted()
    }

    private func backup(_ home: ServerHome, _ id: String, from begin: Int) throws -> (BackupInfo, BackupCatalog) {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = .done
        info.timeline = Timeline(rawValue: 1)
        info.beginWAL = segment(begin)
        var catalog = try BackupCatalog.load(home)
        try catalog.save(info)
        return (info, catalog)
    }

    @Test func `older WAL is named once; what came meanwhile goes without a word, and a later backup takes nothing`()
        throws
    {
        try World.with { world in
            let home = try archived(in: world)
            let recorder = Recorder()
            let (early, catalog) = try backup(home, "20240101T000000", from: 2)
            try FirstBackup(home: home, reporter: recorder).announceAndTrim(before: early, catalog: catalog)
            let words = [
                "info: This is the first backup for server pg",
                "info: WAL segments preceding the current backup have been found:",
                "info: \t\(segment(1)) from server pg has been removed",
            ]
            #expect(recorder.said == words)
            let (first, _) = try backup(home, "20240101T000000", from: 3)
            try FirstBackup(home: home, reporter: recorder).trim(before: first)
            #expect(recorder.said == words)
            #expect(try names(home) == [segment(3)])
            let (second, later) = try backup(home, "20240102T000000", from: 9)
            try FirstBackup(home: home, reporter: recorder).announceAndTrim(before: second, catalog: later)
            try FirstBackup(home: home, reporter: recorder).trim(before: second)
            #expect(recorder.said == words)
            #expect(try names(home) == [segment(3)])
        }
    }

    @Test func `WORM mode keeps everything`() throws {
        try World.with { world in
            let home = try archived(in: world, "worm_mode = on")
            let recorder = Recorder()
            let (first, catalog) = try backup(home, "20240101T000000", from: 3)
            try FirstBackup(home: home, reporter: recorder).announceAndTrim(before: first, catalog: catalog)
            try FirstBackup(home: home, reporter: recorder).trim(before: first)
            #expect(recorder.said.last == "info: 'worm_mode' is enabled, skip purging of unused WAL files.")
            #expect(try names(home) == (1...3).map(segment))
        }
    }
}
