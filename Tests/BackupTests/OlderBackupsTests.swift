import Catalog
import Files
import Notation
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Backup

/// Which copies a new backup takes files from.
@Suite struct OlderBackupsTests {
    /// A home with an unfinished backup for each identifier.
    private func home(_ world: World, _ ids: [String]) throws -> ServerHome {
        let home = try world.configureHome().home
        try FileSystem.createDirectories(home.metaDirectory)
        for id in ids {
            try FileSystem.createDirectories(home.backupDirectory(of: id).appending("data"))
            try CopyMark.write(in: home.backupDirectory(of: id))
            try BackupCatalog.save(info(id, .failed, error: "failure copying files (no route)"), in: home)
        }
        return home
    }

    private func info(_ id: String, _ status: BackupStatus, error: String? = nil) -> BackupInfo {
        var info = BackupInfo(id: id, serverName: "pg", mode: "rsync-concurrent")
        info.status = status
        info.error = error
        info.systemID = "7"
        info.beginTime = Timestamp.now()
        return info
    }

    private func older(_ home: ServerHome) throws -> OlderBackups {
        try OlderBackups(for: info("20240109T000000", .empty), in: BackupCatalog.load(home))
    }

    @Test func `copies whose sync did not succeed are left alone, as long as the mark is empty`() throws {
        try World.with { world in
            let ids = (1...3).map { "2024010\($0)T000000" }
            let home = try home(world, ids)
            #expect(try older(home).unfinishedIDs == ids.reversed())
            #expect(try older(home).data.allSatisfy { $0.horizonSeconds != nil })

            let doubted = home.backupDirectory(of: ids[1])
            try CopyMark.doubt(in: doubted)
            #expect(try older(home).unfinishedIDs == [ids[2], ids[0]])
            #expect(try older(home).doubtedIDs == [ids[1]])

            // What the reference writes down when it cannot sync.
            try BackupCatalog.save(
                info(ids[2], .failed, error: "failure calculating backup size ([Errno 5] Input/output error)"),
                in: home
            )
            #expect(try older(home).unfinishedIDs == [ids[0]])

            // A sync that has succeeded after the copy: everything is there, and all of it is compared.
            try CopyMark.remove(in: doubted)
            let after = try older(home)
            #expect(after.unfinishedIDs == [ids[1], ids[0]])
            #expect(after.data.map { $0.horizonSeconds == nil } == [true, false])
        }
    }

    @Test func `a doubted copy goes before its mark does`() throws {
        try World.with { world in
            let directory = FilePath(try world.makeDirectory("copy"))
            for name in ["data/base", "16384"] { try FileSystem.createDirectories(directory.appending(name)) }
            #expect(!CopyMark.isDoubted(in: directory))
            try CopyMark.doubt(in: directory)
            try CopyMark.removeDoubtedCopy(in: directory)
            #expect(try FileSystem.names(in: directory) == [CopyMark.name])
            #expect(CopyMark.isDoubted(in: directory))
            // One that somebody has deleted meanwhile needs no mark.
            try CopyMark.doubt(in: directory.appending("gone"))
        }
    }
}
