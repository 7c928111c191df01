import Catalog
import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@Suite struct BackupCatalogTests {
    @Test func `a server without any directory has an empty catalog`() throws {
        try CatalogFixture.with { fixture throws in
            try FileSystem.removeTree(fixture.home.backupDirectory)
            let catalog = try BackupCatalog.load(fixture.home)
            #expect(catalog.ids.isEmpty)
            #expect(catalog.newest() == nil && catalog.oldest() == nil)
        }
    }

    @Test func `records are found in both places, and the new place wins`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write("status=DONE\nsize=1\n", to: "base/20240101T000000/backup.info")
            try fixture.write("status=DONE\nsize=1\n", to: "base/20240102T000000/backup.info")
            try fixture.write("status=DONE\nsize=2\n", to: "meta/20240102T000000-backup.info")
            try fixture.write("status=DONE\nsize=2\n", to: "meta/odd-backup.info")
            try fixture.write("garbage", to: "base/.hidden/backup.info")
            try fixture.write("garbage", to: "meta/.20240103T000000-backup.info")
            try fixture.write("garbage", to: "meta/20240103T000000-backup.info.tmp")
            try fixture.write("full", to: "meta/20240101T000000-keep")
            try fixture.write("", to: "base/20240104T000000/data/x")
            let catalog = try BackupCatalog.load(fixture.home)
            #expect(catalog.ids == ["20240101T000000", "20240102T000000", "odd"])
            #expect(catalog.all.map(\.sizeBytes) == [1, 2, 2])
            #expect(catalog["20240101T000000"]?.mode == "rsync-concurrent")
            #expect(catalog["20240101T000000"]?.serverName == "pg")
            #expect(try BackupCatalog.record(of: "20240101T000000", in: fixture.home)?.sizeBytes == 1)
            #expect(try BackupCatalog.record(of: "20240104T000000", in: fixture.home) == nil)
        }
    }

    @Test func `a record that cannot be read is an error that names the file`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.addBackup("20240101T000000")
            try fixture.write("status=DONE\ngarbage\n", to: "meta/20240102T000000-backup.info")
            let path = fixture.home.metaDirectory.appending("20240102T000000-backup.info").string
            #expect(
                failure { _ = try BackupCatalog.load(fixture.home) }?.message == "invalid line garbage in file \(path)"
            )
            try Shell.makeDirectories(fixture.home.metaDirectory.appending("20240103T000000-backup.info"))
            #expect(throws: Failure.self) { try BackupCatalog.load(fixture.home) }
        }
    }

    @Test func `a missing mode is that of the configured method`() throws {
        let modes = [
            "backup_method = postgres\nstreaming_conninfo = host=x": "postgres",
            "backup_options = exclusive_backup": "rsync-exclusive",
            "backup_method = local-rsync": "rsync-concurrent",
            "primary_ssh_command = ssh x": "passive",
        ]
        for (options, mode) in modes {
            try CatalogFixture.with(options) { fixture throws in
                try fixture.write("status=DONE\n", to: "meta/20240101T000000-backup.info")
                #expect(try BackupCatalog.load(fixture.home)["20240101T000000"]?.mode == mode)
            }
        }
    }

    private func statuses(_ fixture: CatalogFixture) throws -> BackupCatalog {
        let all: [(BackupStatus, String?)] = [
            (.done, "weekly"), (.failed, "weekly"), (.waitingForWALs, nil), (.started, nil), (.done, "twice"),
            (.done, "twice"), (.failed, nil), (.empty, nil), (.syncing, nil),
        ]
        for (index, (status, name)) in all.enumerated() {
            try fixture.addBackup("2024010\(index + 1)T000000") {
                $0.status = status
                $0.backupName = name
            }
        }
        try fixture.addBackup("20240105T120000") {
            $0.mode = "postgres"
            $0.parentBackupID = "20240105T000000"
        }
        try fixture.addBackup("20240106T120000") { $0.mode = "snapshot-concurrent" }
        return try BackupCatalog.load(fixture.home)
    }

    @Test func `synonyms, ids and names find their backup`() throws {
        try CatalogFixture.with { fixture throws in
            let catalog = try statuses(fixture)
            let expected = [
                "latest": "20240106T120000", "last": "20240106T120000", "oldest": "20240101T000000",
                "first": "20240101T000000", "last-failed": "20240107T000000", "latest-full": "20240106T000000",
                "last-full": "20240106T000000", "20240102T000000": "20240102T000000", "weekly": "20240101T000000",
                "20240108T000000": "20240108T000000",
            ]
            for (identifier, id) in expected { #expect(try catalog.resolve(identifier).id == id) }
        }
    }

    @Test(arguments: ["", "-", "fail", "last-f", "l", "nothing", "20990101T000000", "auto", "LATEST", "20240101T00000"])
    func `what names no backup is unknown`(identifier: String) throws {
        try CatalogFixture.with { fixture throws in
            let catalog = try statuses(fixture)
            let failure = failure { _ = try catalog.resolve(identifier) }
            #expect(failure?.message == "Unknown backup '\(identifier)' for server 'pg'")
            #expect(failure?.exitStatus == 1)
        }
    }

    @Test func `a name that several completed backups carry is refused`() throws {
        try CatalogFixture.with { fixture throws in
            let catalog = try statuses(fixture)
            #expect(
                failure { _ = try catalog.resolve("twice") }?.message
                    == "Multiple backups found matching name 'twice' (try using backup ID instead): 20240105T000000 "
                    + "20240106T000000"
            )
        }
    }

    @Test func `neighbours are found whatever lies between`() throws {
        try CatalogFixture.with { fixture throws in
            let catalog = try statuses(fixture)
            #expect(catalog.previous(of: "20240105T000000")?.id == "20240103T000000")
            #expect(catalog.next(of: "20240101T000000")?.id == "20240103T000000")
            #expect(catalog.next(of: "20240101T000000", [.failed])?.id == "20240102T000000")
            #expect(catalog.previous(of: "20240101T000000") == nil)
            #expect(catalog.next(of: "20240109T000000") == nil)
            #expect(catalog.previous(of: "20240104T120000")?.id == "20240103T000000")
            #expect(catalog.next(of: "20240104T120000")?.id == "20240105T000000")
            #expect(catalog.redundancy == 4)
        }
    }

    @Test func `a tree of incremental backups is walked both ways, and a circle ends`() throws {
        try CatalogFixture.with { fixture throws in
            let tree = ["1": (nil, ["2", "3"]), "2": ("1", ["4"]), "3": ("1", []), "4": ("2", ["gone"])]
            for (id, (parent, children)) in tree as [String: (String?, [String])] {
                try fixture.addBackup(id) {
                    $0.mode = "postgres"
                    $0.parentBackupID = parent
                    $0.childrenBackupIDs = children
                }
            }
            var catalog = try BackupCatalog.load(fixture.home)
            let root = try #require(catalog["1"])
            let leaf = try #require(catalog["4"])
            #expect(catalog.descendants(of: root).map(\.id) == ["4", "2", "3"])
            #expect(catalog.ancestors(of: leaf).map(\.id) == ["2", "1"])
            var circle = root
            circle.parentBackupID = "4"
            try catalog.save(circle)
            #expect(catalog.ancestors(of: leaf).map(\.id) == ["2", "1"])
            #expect(catalog.descendants(of: leaf).isEmpty)
        }
    }

    @Test func `a record without files is an orphan`() throws {
        try CatalogFixture.with { fixture throws in
            let whole = try fixture.addBackup("20240101T000000")
            try fixture.write(whole.fileText, to: "meta/20240102T000000-backup.info")
            try fixture.write(whole.fileText, to: "base/20240103T000000/backup.info")
            try fixture.write("status=EMPTY", to: "meta/20240104T000000-backup.info")
            let catalog = try BackupCatalog.load(fixture.home)
            #expect(try catalog.all.map { try catalog.isOrphan($0) } == [false, true, true, false])
        }
    }

    @Test func `a saved record is in the new place, and removing takes it from both`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write("status=DONE\n", to: "base/20240101T000000/backup.info")
            var catalog = try BackupCatalog.load(fixture.home)
            var info = try #require(catalog["20240101T000000"])
            info.status = .failed
            info.error = "gone"
            try catalog.save(info)
            #expect(try fixture.read("meta/20240101T000000-backup.info") == info.fileText)
            #expect(catalog["20240101T000000"]?.status == .failed)
            #expect(try BackupCatalog.load(fixture.home)["20240101T000000"] == info)
            try catalog.removeRecord(of: "20240101T000000")
            #expect(catalog.ids.isEmpty)
            #expect(!fixture.exists("meta/20240101T000000-backup.info"))
            #expect(!fixture.exists("base/20240101T000000/backup.info"))
        }
    }

    #if DEBUG
    @Test func `whatever fails while a record is saved, the old one or the new one is there`() throws {
        let id = "20240101T000000"
        try withEveryFault { fixture throws in
            try fixture.addBackup(id)
        } work: { fixture throws in
            var info = BackupInfo(id: id, serverName: "pg", mode: "postgres")
            info.status = .failed
            try BackupCatalog.save(info, in: fixture.home)
        } check: { fixture, succeeded throws in
            let status = try BackupCatalog.load(fixture.home)[id]?.status
            #expect(succeeded ? status == .failed : status == .done || status == .failed)
        }
    }
    #endif

    @Test func `timelines that branched off after the backup can be reached`() throws {
        try CatalogFixture.with { fixture throws in
            let info = try fixture.addBackup("20240101T000000") {
                $0.timeline = Timeline(rawValue: 1)
                $0.endXlog = "0/5000000"
            }
            try fixture.write("1\t0/4000000\tbefore\n", to: "wals/00000002.history")
            try fixture.write("1\t0/6000000\tafter\n", to: "wals/00000003.history")
            try fixture.write("1\t0/6000000\tx\n3\t0/7000000\tx\n", to: "wals/00000004.history")
            try fixture.write("2\t0/6000000\tx\n", to: "wals/00000005.history")
            try fixture.write("1\t0/6000000\tnever read\n", to: "wals/00000007.history")
            let catalog = try BackupCatalog.load(fixture.home)
            let timelines = try catalog.childTimelines(of: info) { try FileSystem.read($0) }
            #expect(timelines.map(\.rawValue) == [3, 4])
            try fixture.write("rubbish", to: "wals/00000003.history")
            let failure = failure { _ = try catalog.childTimelines(of: info) { try FileSystem.read($0) } }
            #expect(
                failure?.message.contains("line 1 of \(fixture.home.walsDirectory.string)/00000003.history") == true
            )
        }
    }
}

@Suite struct ServerHomeTests {
    @Test func `locks have the names of the reference`() throws {
        try CatalogFixture.with { fixture throws in
            let names: [(ServerHome.Lock, String)] = [
                (.backup, ".pg-backup.lock"), (.archiveWAL, ".pg-archive-wal.lock"), (.cron, ".pg-cron.lock"),
                (.receiveWAL, ".pg-receive-wal.lock"), (.xlogDatabase, ".pg-xlogdb.lock"),
                (.backupID("20240101T000000"), ".pg-20240101T000000.lock"),
                (.syncBackup("20240101T000000"), ".pg-20240101T000000-sync-backup.lock"),
                (.syncWAL, ".pg-sync-wal.lock"),
            ]
            for (lock, name) in names {
                #expect(fixture.home.lockPath(lock) == FilePath(fixture.world.path("home")).appending(name))
            }
        }
    }

    @Test func `archived files have their places`() throws {
        try CatalogFixture.with { fixture throws in
            let wals = fixture.home.walsDirectory
            let name = "0000000a000000010000000b"
            #expect(fixture.home.archivedPath(of: name) == wals.appending("0000000A00000001").appending(name))
            #expect(fixture.home.archivedPath(of: "0000000A.history") == wals.appending("0000000A.history"))
            #expect(fixture.home.archivedPath(of: "foreign") == nil)
            #expect(fixture.home.historyPath(of: Timeline(rawValue: 10)) == wals.appending("0000000A.history"))
        }
    }

    @Test func `the oldest layout is recognised`() throws {
        try CatalogFixture.with { fixture throws in
            try fixture.write("", to: "base/old/pgdata/PG_VERSION")
            try fixture.write("", to: "base/new/data/PG_VERSION")
            let base = fixture.home.basebackupsDirectory
            #expect(try fixture.home.dataDirectory(of: "new") == base.appending("new/data"))
            #expect(try fixture.home.tablespaceDirectory(of: "new", oid: 16387) == base.appending("new/16387"))
            #expect(try fixture.home.dataDirectory(of: "old") == base.appending("old/pgdata"))
            #expect(
                try fixture.home.tablespaceDirectory(of: "old", oid: 16387)
                    == base.appending("old/pgdata/pg_tblspc/16387")
            )
        }
    }
}
