import TestWorld
import Testing

/// `kill -9` at each step: the program kills itself at its n-th call that changes the file system.
///
/// n is 1, 2, 3 and so on. Where a run makes thousands of such calls, some are chosen: the first, the last, and others evenly between.
@Suite struct KillTests {
    @Test func `killed anywhere, archive-wal loses no segment and its next run completes the archive`() throws {
        try World.with { world in
            let site = try Site.local(in: world, segmentMegabytes: 1)
            try site.createLedger(rows: 100)
            _ = try site.backup()
            try site.archiveEverything()
            try site.cluster.configure(["wal_keep_size": "1GB"])
            var segments: [String] = []
            for _ in 1...4 {
                try site.cluster.sql("INSERT INTO ledger VALUES (0, 'segment')")
                segments.append(try site.switchWAL())
            }
            let home = "\(site.host.home)/pg"
            let last = try #require(segments.last)
            try world.run(["cp", "-a", home, world.path("before")]).orThrow()
            func reset() throws {
                try world.run(["rm", "-rf", home]).orThrow()
                try world.run(["cp", "-a", world.path("before"), home]).orThrow()
            }

            for position in try positions(site.host, ["archive-wal", "pg"], atMost: 24) {
                try reset()
                try expectKilled(site.host, ["archive-wal", "pg"], at: position)
                for segment in segments {
                    let isWaiting = world.exists("\(home)/incoming/\(segment)")
                    let isStored = world.exists("\(home)/wals/\(segment.prefix(16))/\(segment)")
                    #expect(isWaiting || isStored, "\(segment) is lost at \(position)")
                }
                try expectReadableCatalog(site)
                let again = try site.host.barman("archive-wal", "pg")
                #expect(again.status == 0, "after \(position): \(again)")
                #expect(world.names(in: "\(home)/incoming") == [], "after \(position)")
                try expectWholeArchive(site, upTo: last, after: "killed at \(position)")
                for segment in segments {
                    let isEqual = try world.shell(
                        """
                        gzip -dc \(home)/wals/\(segment.prefix(16))/\(segment) |
                        cmp - \(world.path("before"))/incoming/\(segment)
                        """
                    )
                    #expect(isEqual.status == 0, "after \(position): \(isEqual)")
                }
                #expect(world.names(in: "\(home)/errors") == [], "after \(position)")
            }
        }
    }

    @Test func `killed anywhere, delete leaves the old state or the new one, and the next run finishes`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            try site.createLedger(rows: 100)
            let victim = try site.backup()
            try site.archiveEverything()
            let survivor = try site.backup()
            try site.archiveEverything()
            try site.cluster.stop()
            let home = "\(site.host.home)/pg"
            // A few files of each backup are enough to delete.
            try world.run(["rm", "-rf", "\(home)/base/\(victim)/data/base", "\(home)/base/\(survivor)/data/base"])
            let firstNeeded = try #require(try site.host.info("pg", survivor, "begin_wal"))
            let needed = site.host.archivedWAL("pg").filter { $0 >= firstNeeded }
            try world.run(["cp", "-a", home, world.path("before")]).orThrow()

            for position in try positions(site.host, ["delete", "pg", victim], atMost: 24) {
                try world.run(["rm", "-rf", home]).orThrow()
                try world.run(["cp", "-a", world.path("before"), home]).orThrow()
                try expectKilled(site.host, ["delete", "pg", victim], at: position)
                try expectReadableCatalog(site)
                if site.host.backupIDs("pg").contains(victim) {
                    let again = try site.host.barman("delete", "pg", victim)
                    #expect(again.status == 0, "after \(position): \(again)")
                }
                #expect(site.host.backupIDs("pg") == [survivor], "after \(position)")
                #expect(world.names(in: "\(home)/base") == [survivor], "after \(position)")
                let archived = site.host.archivedWAL("pg")
                #expect(needed.allSatisfy(archived.contains), "after \(position): \(archived)")
                let listed = try world.read("\(home)/wals/pg-xlog.db").split(separator: "\n").compactMap {
                    $0.split(separator: "\t").first.map(String.init)
                }
                #expect(needed.allSatisfy(listed.contains), "after \(position)")
                try expectReadableCatalog(site)
            }
        }
    }

    @Test func `killed anywhere, backup leaves a record that counts for nothing and the next run succeeds`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            try site.createLedger(rows: 100)
            let countFile = try world.write("", to: "count", as: .postgres)
            try site.host.barman("backup", "pg", environment: ["BARMAN_FAULT_COUNT": countFile]).orThrow()
            for position in chosen(try count(in: countFile), atMost: 14) {
                try site.waitForFreshIdentifier()
                let before = site.host.backupIDs("pg")
                try expectKilled(site.host, ["backup", "pg"], at: position)
                try expectNoBackupMode(site)
                for id in site.host.backupIDs("pg") where !before.contains(id) {
                    let status = try site.host.info("pg", id, "status")
                    if status == "DONE" || status == "WAITING_FOR_WALS" {
                        // The kill came after the record was complete: then the backup must be, too.
                        #expect(world.exists("\(site.host.home)/pg/base/\(id)/data/global/pg_control"))
                        #expect(world.exists("\(site.host.home)/pg/base/\(id)/data/backup_label"))
                    } else {
                        #expect(status == "STARTED" || status == "EMPTY", "after \(position)")
                        let latest = try site.host.barman("show-backup", "pg", "latest")
                        #expect(latest.out.hasPrefix("Backup \(id):") == false)
                        #expect(try site.host.barman("delete", "pg", id).status == 0)
                    }
                }
                try expectReadableCatalog(site)
            }
            let id = try site.backup()
            #expect(try site.host.info("pg", id, "status") == "DONE")
            try site.switchWAL()
            let last = try site.switchWAL()
            try site.host.barman("archive-wal", "pg").orThrow()
            try expectWholeArchive(site, upTo: last)
            let destination = try world.makeDirectory("restored", as: .postgres)
            try site.host.barman("restore", "pg", id, destination).orThrow()
            #expect(try site.answer("SELECT count(*) FROM ledger", in: destination) == "100")
        }
    }

    @Test func `killed anywhere, restore leaves nothing that starts unless it is whole`() throws {
        try World.with { world in
            let site = try Site.local(in: world)
            try site.createLedger(rows: 100)
            let id = try site.backup()
            try site.archiveEverything()
            let meta = "\(site.host.home)/pg/meta/\(id)-backup.info"
            let record = try world.read(meta)
            func words(_ name: String) throws -> [String] {
                ["restore", "pg", id, try world.makeDirectory(name, as: .postgres)]
            }

            let countFile = try world.write("", to: "count", as: .postgres)
            try site.host.barman(try words("whole"), environment: ["BARMAN_FAULT_COUNT": countFile]).orThrow()
            // A sync that failed once may succeed the next time, over files that are in the cache only.
            let failing = ["BARMAN_FAULT": "EIO:\(try count(in: countFile) - 100)"]
            let failed = try site.host.barman(try words("unsynced"), environment: failing)
            #expect(failed.status == 1, "\(failed)")
            #expect(try world.read("unsynced/.barman-restore-unfinished").contains("failed_sync"), "\(failed)")
            let again = try site.host.barman(["restore", "pg", id, world.path("unsynced")])
            #expect(again.status == 1 && again.err.contains("could not be written to the disk"), "\(again)")
            for position in chosen(try count(in: countFile), atMost: 16) {
                let name = "restored-\(position)"
                try expectKilled(site.host, try words(name), at: position)
                #expect(try world.read(meta) == record)
                if world.exists("\(name)/global/pg_control") {
                    let answer = try site.answer("SELECT count(*) FROM ledger", in: world.path(name))
                    #expect(answer == "100", "after \(position)")
                } else {
                    let restored = try world.restoredCluster(world.path(name), version: 15, as: .postgres)
                    #expect(throws: WorldError.self, "after \(position)") { try restored.start(seconds: 3) }
                }
                try world.run(["rm", "-rf", world.path(name)]).orThrow()
            }
            try site.host.barman(try words("again")).orThrow()
            #expect(try site.answer("SELECT count(*) FROM ledger", in: world.path("again")) == "100")
        }
    }

    /// Runs a command that must not survive its n-th call.
    private func expectKilled(_ host: BarmanHost, _ words: [String], at position: Int) throws {
        let outcome = try host.barman(words, environment: ["BARMAN_FAULT": "kill:\(position)"])
        // The last calls of a run may come in another order or number than in the counted run.
        #expect(outcome.status == 137 || outcome.status == 0, "at \(position): \(outcome)")
    }

    /// The positions to try for a command whose state the caller resets: it is run once to count.
    private func positions(_ host: BarmanHost, _ words: [String], atMost limit: Int) throws -> [Int] {
        let countFile = try host.world.write("", to: "count", as: host.account)
        try host.barman(words, environment: ["BARMAN_FAULT_COUNT": countFile]).orThrow()
        return chosen(try count(in: countFile, of: host.world), atMost: limit)
    }

    private func count(in file: String, of world: World? = nil) throws -> Int {
        let text = String(decoding: try Shell.read(file), as: UTF8.self)
        let number = Int(text.filter(\.isNumber)) ?? 0
        try #require(number > 0, "the program counted no call: is it a debug build?")
        return number
    }

    /// All of 1…total, or the first three, the last three and others evenly between.
    private func chosen(_ total: Int, atMost limit: Int) -> [Int] {
        guard total > limit else { return Array(1...total) }
        let between = (1...(limit - 6)).map { 3 + $0 * (total - 6) / (limit - 5) }
        return Array(Set([1, 2, 3] + between + [total - 2, total - 1, total])).sorted()
    }
}
