import TestWorld
import Testing

/// A relation goes over the border of its first file, 1 GiB, while it is copied.
@Suite struct LargeRelationTests {
    private static let fileBytes = 1 << 30

    @Test func `a relation grows past 1 GiB and shrinks again during backups`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 18)
            let cluster = site.cluster
            try cluster.sql(
                "CREATE TABLE large (id integer, note text);"
                    + " INSERT INTO large SELECT i, repeat('x', 1000) FROM generate_series(1, 100) i"
            )
            let file = try cluster.sql("SELECT pg_relation_filepath('large')")
            let path = "\(cluster.dataDirectory)/\(file)"
            try cluster.stop()
            // Pages of zeros are empty pages: they bring the border near without a gigabyte of rows.
            try world.run(["truncate", "-s", "\(Self.fileBytes - 8 * 8192)", path], as: .postgres).orThrow()
            try cluster.start()

            let grown = try backup(site, while: file) {
                try cluster.sql("INSERT INTO large SELECT i, repeat('y', 1000) FROM generate_series(101, 2000) i")
            }
            #expect(world.exists("\(path).1"))
            try expectComesBack(site, grown)
            try site.host.barman("delete", "pg", grown).orThrow()

            try site.host.addServer(
                "pg",
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "immediate_checkpoint": "true",
                    "conninfo": "host=127.0.0.1 port=\(cluster.port) user=barman dbname=postgres",
                ]
            )
            try cluster.sql("DELETE FROM large WHERE id > 50")
            let shrunk = try backup(site, while: file) { try cluster.sql("VACUUM large") }
            #expect(try cluster.number("SELECT pg_relation_size('large')") < Self.fileBytes / 2)
            try expectComesBack(site, shrunk)
        }
    }

    /// Takes a backup that is slow enough for something to happen while the file is half copied.
    private func backup(_ site: Site, while file: String, _ body: () throws -> Void) throws -> String {
        try site.waitForFreshIdentifier()
        let before = Set(site.host.backupIDs("pg"))
        let running = try site.host.startBarman("backup", "pg", "--wait", "--bwlimit", "250000")
        var copied = 0
        let isCopying = try Shell.wait(seconds: 40) {
            guard let id = Set(site.host.backupIDs("pg")).subtracting(before).first else { return false }
            let data = "\(site.host.home)/pg/base/\(id)/data/\(file)"
            let found = try site.world.shell("stat -c %s '\(data)' 2>/dev/null")
            copied = Int(found.out.filter(\.isNumber)) ?? 0
            return copied > 0 || !running.isRunning
        }
        #expect(isCopying && copied > 0 && copied < Self.fileBytes, "\(copied)")
        try body()
        let outcome = try running.wait(seconds: 60)
        #expect(outcome.status == 0, "\(outcome)")
        return try #require(site.host.backupIDs("pg").last)
    }

    private func expectComesBack(_ site: Site, _ id: String) throws {
        let query = "SELECT count(*), sum(id), sum(hashtext(note)) FROM large"
        let expected = try site.cluster.sql(query)
        try site.archiveEverything()
        #expect(try site.withRestored(id) { try $0.sql(query) } == expected)
    }
}
