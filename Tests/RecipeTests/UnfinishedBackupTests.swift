import Glibc
import TestWorld
import Testing

/// A copy that is under way, interrupted, killed, and taken up again.
@Suite struct UnfinishedBackupTests {
    @Test func `status shows a running backup; SIGINT ends it in order; the next one goes on with its files`() throws {
        try World.with { world in
            let site = try prepared(world)
            let running = try site.host.startBarman("backup", "pg", "--bwlimit", "8000")
            var seen = ""
            let isShown = try Shell.wait(seconds: 30) {
                seen = try site.host.barman("status", "pg").out
                return seen.contains("% ") || seen.contains("%), ")
            }
            #expect(isShown, "\(seen)")
            let id = try #require(site.host.backupIDs("pg").last)
            let line = try #require(seen.split(separator: "\n").first { $0.hasPrefix("\tRunning backup: ") })
            #expect(line.contains("Running backup: \(id), copying, "), "\(line)")
            #expect(line.contains(" of ") && line.contains("iB/s, ") && line.hasSuffix(" left"), "\(line)")
            #expect(try site.host.barman("list-backups", "pg").lines.contains("pg \(id) - R - STARTED"))
            let json = try site.host.barman("-f", "json", "status", "pg").out
            #expect(json.contains("\"running_backup\""))
            #expect(try site.host.oracle("status", "pg").status == 0)

            try waitForCopiedFiles(site, id)
            running.signal(SIGINT)
            let outcome = try running.wait()
            #expect(outcome.status == 1, "\(outcome)")
            #expect(
                outcome.err.contains("ERROR: Backup failed copying files.\nDETAILS: KeyboardInterrupt"),
                "\(outcome)"
            )
            #expect(try site.host.info("pg", id, "status") == "FAILED")
            #expect(try site.host.info("pg", id, "error") == "failure copying files (KeyboardInterrupt)")
            try expectNoBackupMode(site)
            #expect(try !site.host.barman("status", "pg").out.contains("Running backup"))
            #expect(!world.exists("\(site.host.home)/pg/.running-backup.json"))
            try expectTakenUp(site, id)
        }
    }

    @Test func `a killed backup is taken up again, what is torn in it is not believed`() throws {
        try World.with { world in
            let site = try prepared(world)
            let id = try kill(site)
            #expect(try site.host.info("pg", id, "status") == "STARTED")
            #expect(try !site.host.barman("status", "pg").out.contains("Running backup"))
            try expectNoBackupMode(site)
            // What rsync was writing when it died, as large as it should be.
            let whole = try largestCopiedFile(site, id)
            try world.shell("printf torn | dd of='\(whole)' bs=1 seek=8192 conv=notrunc").orThrow()
            try expectTakenUp(site, id, except: whole)
        }
    }

    @Test func `after a restart of the machine everything that was copied is compared`() throws {
        try World.with { world in
            let site = try prepared(world)
            let id = try kill(site)
            let mark = "\(site.host.home)/pg/base/\(id)/.copying"
            #expect(try world.read(mark).contains("boot_id"))
            try world.run(["sed", "-i", "s/boot_id\": \".*\"/boot_id\": \"another\"/", mark]).orThrow()
            #expect(try world.read(mark).contains("\"another\""))
            // Blocks that never reached the disk: size and time are right, the contents are not.
            let whole = try largestCopiedFile(site, id)
            try world.shell(
                """
                touch -r '\(whole)' '\(whole).time'
                dd if=/dev/zero of='\(whole)' bs=8192 seek=1 count=1 conv=notrunc
                touch -r '\(whole).time' '\(whole)'; rm '\(whole).time'
                """
            ).orThrow()
            try expectTakenUp(site, id, except: whole)
        }
    }

    @Test func `nothing is taken from a copy whose sync failed, nor from the one that it went on with`() throws {
        try World.with { world in
            let site = try prepared(world)
            let killed = try kill(site)
            let countFile = try world.write("", to: "count", as: .postgres)
            // The sync of nearly a thousand files is the last but a few of what a backup does.
            try site.waitForFreshIdentifier()
            let whole = try site.host.barman("backup", "pg", environment: ["BARMAN_FAULT_COUNT": countFile]).orThrow()
            #expect(whole.out.contains("unfinished backup \(killed) that did not change are used again"))
            let count = try #require(Int(world.read(countFile).filter(\.isNumber)))
            let complete = try #require(site.host.backupIDs("pg").last)
            try site.archiveEverything()
            try site.host.barman("delete", "pg", complete).orThrow()
            // As it was before: the killed copy may be gone on with.
            let mark = "\(site.host.home)/pg/base/\(killed)/.copying"
            #expect(try world.read(mark) == "")
            try world.write("{}", to: mark, as: .postgres)

            try site.waitForFreshIdentifier()
            let failing = ["BARMAN_FAULT": "EIO:\(count - 400)"]
            let failed = try site.host.barman("backup", "pg", environment: failing)
            #expect(failed.status == 1, "\(failed)")
            #expect(failed.err.contains("Backup failed calculating backup size"), "\(failed)")
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.world.shell("find '\(site.host.home)/pg/base/\(id)' -links +1 -type f").out != "")
            for name in [killed, id] { #expect(try world.read("\(site.host.home)/pg/base/\(name)/.copying") == "") }

            try site.waitForFreshIdentifier()
            let outcome = try site.host.barman("backup", "pg").orThrow()
            for name in [killed, id] {
                #expect(
                    outcome.lines.contains(
                        "No file of the unfinished backup \(name) is used again: they may not be on disk"
                    )
                )
            }
            let next = try #require(site.host.backupIDs("pg").last)
            #expect(try site.world.shell("find '\(site.host.home)/pg/base/\(next)' -links +1 -type f").out == "")
            #expect(!world.exists("\(site.host.home)/pg/base/\(next)/.copying"))
        }
    }

    // MARK: Parts

    private func prepared(_ world: World) throws -> Site {
        let site = try Site.local(in: world)
        try site.cluster.pgbench(["-i", "-q", "-s", "2"])
        try site.createLedger(rows: 1000)
        try site.cluster.sql("CHECKPOINT")
        // What is as new as the copy itself is never believed.
        Shell.sleep(milliseconds: 1100)
        return site
    }

    /// Kills a backup in the middle of its copy and returns its identifier.
    private func kill(_ site: Site) throws -> String {
        let running = try site.host.startBarman("backup", "pg", "--bwlimit", "8000")
        let hasBegun = Shell.wait(seconds: 30) { !site.host.backupIDs("pg").isEmpty }
        #expect(hasBegun)
        let id = try #require(site.host.backupIDs("pg").last)
        try waitForCopiedFiles(site, id)
        running.end()
        // Its rsync dies of its own when nobody reads what it says.
        let isQuiet = try Shell.wait(seconds: 20) {
            try site.world.run(["pgrep", "-f", "rsync .*\(id)"]).status != 0
        }
        #expect(isQuiet)
        return id
    }

    private func waitForCopiedFiles(_ site: Site, _ id: String) throws {
        let isThere = try Shell.wait(seconds: 30) { try copiedFiles(site, id).count > 300 }
        #expect(isThere)
    }

    private func copiedFiles(_ site: Site, _ id: String) throws -> [Substring] {
        try site.world.shell("find '\(site.host.home)/pg/base/\(id)/data' -type f -not -name '.*'").out
            .split(separator: "\n")
    }

    /// A file that is complete in the unfinished copy.
    private func largestCopiedFile(_ site: Site, _ id: String) throws -> String {
        let data = "\(site.host.home)/pg/base/\(id)/data"
        let found = try site.world.shell(
            """
            cd '\(data)' && find base -type f -size +40k -printf '%s %p\\n' | sort -rn | while read size path; do
                cmp -s "$path" '\(site.cluster.dataDirectory)'/"$path" && echo "$path" && break
            done
            """
        ).orThrow()
        return "\(data)/" + String(found.out.prefix { $0 != "\n" })
    }

    /// The next backup says that it goes on, has the files in common, leaves the unfinished one alone, and is sound.
    private func expectTakenUp(_ site: Site, _ unfinished: String, except file: String? = nil) throws {
        let before = try site.world.shell(
            "cd '\(site.host.home)/pg/base/\(unfinished)' && find . -type f -not -name .copying | xargs md5sum"
        ).out
        let copied = try copiedFiles(site, unfinished).count
        let load = try site.cluster.startLoad()
        try site.waitForFreshIdentifier()
        let outcome = try site.host.barman("backup", "pg", "--manifest")
        load.end()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(
            outcome.lines.contains("Files of the unfinished backup \(unfinished) that did not change are used again")
        )
        let id = try #require(site.host.backupIDs("pg").last)
        let shared = try site.world.shell("find '\(site.host.home)/pg/base/\(id)/data' -type f -links +1").out
            .split(separator: "\n")
        #expect(shared.count > copied / 2, "\(shared.count) of \(copied)")
        if let file {
            let name = file.replacing(unfinished, with: id)
            #expect(!shared.contains(Substring(name)), "\(name)")
        }
        #expect(!site.world.exists("\(site.host.home)/pg/base/\(id)/.copying"))
        let after = try site.world.shell(
            "cd '\(site.host.home)/pg/base/\(unfinished)' && find . -type f -not -name .copying | xargs md5sum"
        ).out
        #expect(before == after)
        let expected = try site.contents(of: site.cluster)
        try site.archiveEverything()
        #expect(try site.host.barman("delete", "pg", unfinished).status == 0)
        #expect(try site.host.barman("verify-backup", "pg", id).status == 0)
        #expect(try site.restoredContents(of: id) == expected)
        try expectReadableCatalog(site)
    }
}
