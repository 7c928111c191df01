import Glibc
import TestWorld
import Testing

/// What goes wrong while a server sends a backup: after it there is no half backup that counts, and the next run succeeds.
@Suite struct StreamFaultTests {
    /// A backup that is slow enough to be met in the middle of its copy.
    private func slowBackup(_ site: Site) throws -> BackgroundProgram {
        try site.waitForFreshIdentifier()
        let backup = try site.host.startBarman("backup", "--bwlimit", "3000", "pg")
        let base = "\(site.host.home)/pg/base"
        let isCopying = Shell.wait(seconds: 30) {
            guard let id = site.world.names(in: base).last else { return false }
            return site.world.names(in: "\(base)/\(id)/data").count > 5
        }
        guard isCopying, backup.isRunning else { throw WorldError("no copy is running:\n\(backup.outcome)") }
        return backup
    }

    private func expectGoesOn(_ site: Site) throws {
        try expectNoBackupMode(site)
        try expectReadableCatalog(site)
        let id = try site.backup()
        #expect(try site.host.info("pg", id, "status") == "DONE")
    }

    private func expectFailed(_ site: Site, _ outcome: Outcome) throws {
        #expect(outcome.status != 0, "\(outcome)")
        #expect(outcome.err.contains("ERROR: Backup failed copying files.\nDETAILS: "), "\(outcome)")
        let id = try #require(site.host.backupIDs("pg").last)
        #expect(try site.host.info("pg", id, "status") == "FAILED")
        #expect(try site.host.info("pg", id, "error")?.hasPrefix("failure copying files (") == true)
        #expect(site.world.names(in: "\(site.host.home)/pg/base/\(id)/data") == [])
    }

    @Test func `a server that dies in the middle makes the backup FAILED`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world)
            let backup = try slowBackup(site)
            try site.cluster.stop(mode: "immediate")
            try expectFailed(site, try backup.wait())
            try site.cluster.start()
            try expectGoesOn(site)
        }
    }

    @Test func `Ctrl-C ends the backup here and on the server`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world)
            let backup = try slowBackup(site)
            backup.signal(SIGINT)
            let outcome = try backup.wait(seconds: 20)
            try expectFailed(site, outcome)
            #expect(outcome.err.contains("KeyboardInterrupt"))
            try expectGoesOn(site)
        }
    }

    @Test func `Ctrl-C during the checkpoint that comes first does not leave the server at it`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world)
            // Minutes, as in a server that was not made for tests.
            try site.cluster.configure(["checkpoint_completion_target": "0.9"])
            try site.cluster.reload()
            try site.cluster.sql("CREATE TABLE dirty AS SELECT repeat('x', 1000) FROM generate_series(1, 8000)")
            let backup = try site.host.startBarman("backup", "--no-immediate-checkpoint", "pg")
            var seen = ""
            let isWaiting = try Shell.wait(seconds: 30) {
                seen = try site.host.barman("status", "pg").out
                return seen.contains(", waiting for checkpoint")
            }
            #expect(isWaiting && backup.isRunning, "\(seen)\n\(backup.outcome)")
            backup.signal(SIGINT)
            try expectFailed(site, try backup.wait(seconds: 20))
            // By itself the server would notice at the end of its checkpoint, minutes later.
            let isOver = try Shell.wait(seconds: 20) {
                try site.cluster.number("SELECT count(*) FROM pg_stat_progress_basebackup") == 0
            }
            #expect(isOver)
            try expectGoesOn(site)
        }
    }

    @Test func `a program that is killed leaves a record that says STARTED`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 15)
            let backup = try slowBackup(site)
            backup.signal(SIGKILL)
            _ = try backup.wait()
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", id, "status") == "STARTED")
            try expectGoesOn(site)
        }
    }

    @Test(.enabled(if: Privileges.canMount, "mounting a small file system needs root"))
    func `a full disk makes the backup FAILED and is empty again`() throws {
        try World.with { world in
            for options: KeyValuePairs<String, String> in [[:], ["backup_compression": "none"]] {
                let name = "full-\(options.count)"
                let site = try Site.streaming(in: world, hostName: name, options: options)
                try world.mount("\(site.host.home)/pg/base", megabytes: 8, as: .postgres)
                let outcome = try site.host.barman("backup", "--retry-times", "1", "--retry-sleep", "0", "pg")
                try expectFailed(site, outcome)
                #expect(outcome.err.contains("No space left on device"), "\(outcome)")
                // Counted as the reference does.
                #expect(outcome.err.contains("using pg_basebackup (attempt 0)"), "\(outcome)")
                #expect(!outcome.err.contains("(attempt 1)"), "\(outcome)")
                try world.run(["umount", "\(site.host.home)/pg/base"]).orThrow()
                try expectGoesOn(site)
                try site.cluster.stop(mode: "immediate")
                try world.run(["rm", "-rf", world.path("pg")]).orThrow()
            }
        }
    }

    @Test func `a key that nobody has makes the backup FAILED with what gpg says`() throws {
        try World.with { world in
            let site = try Site.streaming(
                in: world,
                options: ["backup_compression": "gzip", "backup_compression_format": "tar"]
            )
            // The check would find it: the key goes between check and copy. A gpg that refuses stands for that.
            try world.write(
                "#!/bin/sh\ncase \"$*\" in *loopback*) echo 'no such key' >&2; exit 2;; esac\nexit 0\n",
                to: "bin/gpg",
                mode: 0o755
            )
            try site.host.addServer(
                "pg",
                [
                    "backup_method": "postgres", "archiver": "on", "immediate_checkpoint": "true",
                    "conninfo": "host=127.0.0.1 port=\(site.cluster.port) user=barman dbname=postgres",
                    "backup_compression": "gzip", "backup_compression_format": "tar", "encryption": "gpg",
                    "encryption_key_id": "nobody",
                ]
            )
            let outcome = try site.host.barman("backup", "pg")
            try expectFailed(site, outcome)
            #expect(outcome.err.contains("no such key"), "\(outcome)")

            try site.waitForFreshIdentifier()
            let slow = try site.host.barman("backup", "--bwlimit", "10", "pg")
            try expectFailed(site, slow)
            #expect(slow.err.contains("HINT:  bandwidth_limit can be from 32 to 1048576 kB/s"), "\(slow)")
        }
    }

    @Test func `a damaged page in the source is reported, and the copy is kept`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world, version: 18)
            try site.createLedger(rows: 5000)
            try site.cluster.sql("CHECKPOINT")
            let file = try site.cluster.sql("SELECT pg_relation_filepath('ledger')")
            try site.cluster.stop()
            try world.shell(
                "printf damage | dd of='\(site.cluster.dataDirectory)/\(file)' bs=1 seek=12000 conv=notrunc",
                as: .postgres
            ).orThrow()
            try site.cluster.start()
            let outcome = try site.host.barman("backup", "pg")
            #expect(outcome.status == 1)
            #expect(outcome.err.contains("checksum verification failure during base backup"), "\(outcome)")
            #expect(outcome.err.contains("checksum verification failed in file \"./\(file)\", block 1"), "\(outcome)")
            let id = try #require(site.host.backupIDs("pg").last)
            #expect(try site.host.info("pg", id, "status") == "FAILED")
            #expect(site.world.exists("\(site.host.home)/pg/base/\(id)/data/\(file)"))
            try expectNoBackupMode(site)
        }
    }

    /// Sampled: each call that changes the disk would take an hour.
    @Test func `a call that fails or kills at any step leaves no backup that counts`() throws {
        try World.with { world in
            let site = try Site.streaming(in: world)
            let counter = world.path("count")
            try world.write("", to: counter, as: .postgres)
            _ = try site.host.barman("backup", "pg", environment: ["BARMAN_FAULT_COUNT": counter]).orThrow()
            let count = try #require(Int(try world.read(counter).split(separator: "\n").first ?? ""))
            #expect(count > 1000)
            let steps = [12, 20, 40, count / 4, count / 2, count * 3 / 4, count - 300, count - 40]
            for (index, step) in steps.enumerated() {
                let fault = index.isMultiple(of: 2) ? "EIO" : "kill"
                try site.waitForFreshIdentifier()
                let before = Set(site.host.backupIDs("pg"))
                let outcome = try site.host.barman("backup", "pg", environment: ["BARMAN_FAULT": "\(fault):\(step)"])
                for id in Set(site.host.backupIDs("pg")).subtracting(before) {
                    let status = try #require(try site.host.info("pg", id, "status"))
                    // A fault after the record is complete hits the archiving of WAL.
                    let isWhole = site.world.exists("\(site.host.home)/pg/base/\(id)/data/backup_manifest")
                    #expect(
                        isWhole || !["DONE", "WAITING_FOR_WALS"].contains(status),
                        "\(fault):\(step) of \(count): \(status)\n\(outcome)"
                    )
                }
                #expect(outcome.status != 0, "\(fault):\(step) of \(count)\n\(outcome)")
            }
            try expectGoesOn(site)
        }
    }
}
