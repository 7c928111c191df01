import TestWorld
import Testing

struct VerifyBackupTests {
    @Test func `a backup is checked against its manifest file by file`() throws {
        try World.with { world in
            let host = try CatalogOfAllKinds(world).host
            let id = "20240101T100000"
            let data = "\(host.home)/redundant/base/\(id)/data"
            #expect(try host.barman("verify-backup", "redundant", id).err.contains("could not read the manifest"))
            let made = try host.barman("generate-manifest", "redundant", id)
            #expect(made.out == "Backup manifest for backup '\(id)' successfully generated for server ['redundant']\n")
            let segment = try #require(try host.info("redundant", id, "begin_wal"))
            let folder = "\(host.home)/redundant/wals/\(segment.prefix(16))"
            try world.run(["rm", "\(folder)/\(segment)"]).orThrow()
            let bare = try host.barman("verify", "redundant", "oldest")
            let text = "WAL file \"\(segment)\" is missing in the archive"
            #expect(bare.status == 1 && bare.err.contains(text), "\(bare)")
            try world.shell("truncate -s 16M \(folder)/\(segment)").orThrow()
            let good = try host.barman("verify", "redundant", "oldest")
            #expect(good.out == "Verifying backup 'oldest' on server ['redundant']\nbackup successfully verified\n")
            #expect(good.status == 0)

            try world.write("y", to: "\(data)/PG_VERSION")
            try world.write("longer", to: "\(data)/backup_label")
            try world.write("", to: "\(data)/extra")
            try world.write("", to: "\(data)/postgresql.auto.conf")
            try world.run(["rm", "\(data)/base/1/1259"]).orThrow()
            let bad = try host.barman("verify-backup", "redundant", id)
            #expect(bad.status == 1)
            #expect(
                bad.err.hasSuffix(
                    """
                    ERROR: verify backup failure on directory '\(data)'
                    ERROR: "backup_label" has size 6 on disk but size 1 in the manifest
                    "base/1/1259" is present in the manifest but not on disk
                    "extra" is present on disk but not in the manifest
                    checksum mismatch for file "PG_VERSION"

                    """
                )
            )
            try world.run(["sed", "-i", "s/PG_VERSION/PG_VERSIOM/", "\(data)/backup_manifest"]).orThrow()
            #expect(try host.barman("verify-backup", "redundant", id).err.contains("manifest checksum mismatch"))
        }
    }
}
