import Catalog
import Failure
import Files
import SystemPackage
import TestWorld
import Testing

@testable import Restore

/// A full backup and an increment, each stored as files or as tar files, the home moved since.
@Suite struct ChainRestoreTests {
    private static let increment = "20260302T030000"
    private static let page = IncrementalSample.page
    /// A relation of three pages, as it was and as the increment has it: cut to two, the second one new.
    private static let old = [UInt8](repeating: 100, count: 3 * page)
    private static let new = [UInt8](repeating: 100, count: page) + [UInt8](repeating: 2, count: page)

    /// Files with the tablespaces that come and go: 16384 is in both backups, 24576 in the first one, 32768 in the second.
    private func makeChain(_ fixture: RestoreFixture, tar: (full: Bool, increment: Bool)) throws {
        var full = fixture.record(RestoreFixture.id, mode: "postgres")
        full.tablespaces?.append(Tablespace(name: "gone", oid: 24576, location: "/original/gone"))
        var next = fixture.record(Self.increment, mode: "postgres")
        next.parentBackupID = full.id
        next.tablespaces = [
            Tablespace(name: "fast", oid: 16384, location: "/original/fast"),
            Tablespace(name: "late", oid: 32768, location: "/original/late"),
        ]
        let catalog = fixture.home.backupDirectory(of: next.id)
        let older = fixture.catalog
        try put(Self.old, older.appending("data/base/1/1259"))
        try put(Self.old, older.appending("16384/PG_15_1/5/16385"))
        try put(Self.old, older.appending("24576/PG_15_1/5/24577"))
        for name in ["PG_VERSION", "backup_label", "postgresql.conf", "postgresql.auto.conf", "pg_hba.conf"] {
            try put(FileSystem.read(older.appending("data/\(name)")), catalog.appending("data/\(name)"))
        }
        try put(Array("control!2".utf8), catalog.appending("data/global/pg_control"))
        let changed = IncrementalSample(truncation: 2, blocks: [1]).bytes
        try put(changed, catalog.appending("data/base/1/INCREMENTAL.1259"))
        try put(changed, catalog.appending("16384/PG_15_1/5/INCREMENTAL.16385"))
        try put(Self.new, catalog.appending("32768/PG_15_1/5/32769"))
        // Where the older one was, nothing is any more; the links of the newer one still lead somewhere.
        for (info, home) in [(full, "/old/home"), (next, catalog.string)] {
            let links = fixture.home.backupDirectory(of: info.id).appending("data/pg_tblspc")
            try FileSystem.createDirectories(links)
            for tablespace in info.tablespaces ?? [] {
                let link = links.appending(String(tablespace.oid))
                try FileSystem.symlink(at: link, to: FilePath("\(home)/\(tablespace.oid)"))
            }
        }
        for (info, isTar) in [(full, tar.full), (next, tar.increment)] {
            if isTar {
                try fixture.turnIntoTar(info, compression: "none", option: [], suffix: "tar")
            } else {
                try BackupCatalog.save(info, in: fixture.home)
            }
        }
    }

    private func put(_ bytes: [UInt8], _ path: FilePath) throws {
        try FileSystem.createDirectories(path.removingLastComponent())
        try FileSystem.replaceDurably(path, contents: bytes)
    }

    @Test(arguments: [false, true], [false, true])
    func `a chain comes back in every mixture of forms, whatever tablespaces came and went`(
        fullIsTar: Bool,
        incrementIsTar: Bool
    ) throws {
        try RestoreFixture.with { fixture in
            try makeChain(fixture, tar: (fullIsTar, incrementIsTar))
            let late = FilePath(fixture.world.path("late"))
            for isDelta in [false, true] {
                try fixture.run {
                    $0.tablespaceRules.append("late:\(late)")
                    $0.deltaRestore = isDelta
                }
                #expect(try fixture.restored("global/pg_control") == "control!2")
                #expect(try FileSystem.read(fixture.destination.appending("base/1/1259")) == Self.new)
                #expect(try FileSystem.read(fixture.tablespace.appending("PG_15_1/5/16385")) == Self.new)
                #expect(try FileSystem.read(late.appending("PG_15_1/5/32769")) == Self.new)
                #expect(try FileSystem.names(in: fixture.destination.appending("pg_tblspc")) == ["16384", "32768"])
                #expect(try FileSystem.linkTarget(fixture.destination.appending("pg_tblspc/32768")) == late)
            }
        }
    }
}
