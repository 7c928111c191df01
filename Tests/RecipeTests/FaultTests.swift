import TestWorld
import Testing

/// What goes wrong around a backup: the network, the database, the disk.
@Suite struct FaultTests {
    @Test func `a host that refuses ssh is a clear error and leaves nothing behind`() throws {
        try World.with { world in
            let site = try Site.overSSH(in: world)
            try site.createLedger(rows: 100)
            let sshHost = try #require(site.sshHost)
            let command = "ssh postgres@angus -o BatchMode=yes -o StrictHostKeyChecking=no"

            try sshHost.stop()
            try expectRefusal(site, check: "ssh: FAILED (Connection failed using '\(command)' return code 255)")
            try sshHost.start()
            try sshHost.authorizeNobody()
            try expectRefusal(site, check: "ssh: FAILED (Connection failed using '\(command)' return code 255)")

            try sshHost.authorize(.barman)
            let id = try site.backup()
            #expect(try site.host.info("pg", id, "status") == "DONE")
        }
    }

    @Test func `a PostgreSQL that is down at the start is a clear error and leaves nothing behind`() throws {
        try World.with { world in
            let site = try Site.overSSH(in: world)
            try site.createLedger(rows: 100)
            try site.cluster.stop()
            try expectRefusal(site, check: "PostgreSQL: FAILED")
            try site.cluster.start()
            let id = try site.backup()
            #expect(try site.host.info("pg", id, "status") == "DONE")
        }
    }

    /// The moments are those of the copy's own rsync calls: the first, and that of `pg_control`, the last before the stop.
    @Test(arguments: ["", "/data/global/pg_control"])
    func `a PostgreSQL that dies during the copy makes the backup FAILED`(moment: String) throws {
        try World.with { world in
            let site = try Site.overSSH(in: world)
            try site.createLedger(rows: 100)
            try atRsync(moment, in: site, do: "\(site.cluster.program("pg_ctl")) -D \(site.cluster.dataDirectory)")
            let outcome = try site.host.barman("backup", "pg")
            #expect(world.exists("rsync-trigger.done"), "the copy never came to the moment of the fault:\n\(outcome)")
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.err.contains("ERROR: Backup failed "), "\(outcome)")
            #expect(outcome.err.contains("DETAILS: "))
            try expectFailedBackup(site, error: "failure ")

            try site.cluster.start()
            let id = try site.backup()
            #expect(try site.host.info("pg", id, "status") == "DONE")
            try expectNoBackupMode(site)
        }
    }

    @Test(.enabled(if: Privileges.canMount, "mounting a small file system needs root"))
    func `a full disk makes the backup FAILED, keeps every WAL file, and the next run succeeds`() throws {
        try World.with { world in
            let site = try Site.overSSH(in: world)
            try site.createLedger(rows: 100)
            let home = "\(site.host.home)/pg"

            // A disk for backups that is smaller than the cluster.
            try world.mount("\(home)/base", megabytes: 8, as: .barman)
            let outcome = try site.host.barman("backup", "pg")
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.err.contains("ERROR: The backup has failed copying files"), "\(outcome)")
            #expect(outcome.err.contains("No space left on device"), "\(outcome)")
            try expectFailedBackup(site, error: "failure ")
            try expectNoBackupMode(site)
            try world.run(["umount", "\(home)/base"]).orThrow()

            // An archive with room for hardly a file.
            try site.host.barman("archive-wal", "pg").orThrow()
            try world.run(["cp", "-a", "\(home)/wals", world.path("wals")]).orThrow()
            try world.mount("\(home)/wals", megabytes: 2, as: .barman)
            try world.run(["cp", "-a", world.path("wals") + "/.", "\(home)/wals"]).orThrow()
            try world.run(["dd", "if=/dev/zero", "of=\(home)/wals/ballast", "bs=64k", "count=40"])
            try site.cluster.sql("INSERT INTO ledger SELECT i, random()::text FROM generate_series(1, 20000) i")
            let segment = try site.switchWAL()
            let full = try site.host.barman("archive-wal", "pg")
            #expect(full.status == 1, "\(full)")
            #expect(full.err.contains("No space left on device"), "\(full)")
            #expect(world.names(in: "\(home)/incoming").contains(segment))
            try world.run(["rm", "\(home)/wals/ballast"]).orThrow()
            try world.run(["mount", "-o", "remount,size=64m", "\(home)/wals"]).orThrow()
            try site.host.barman("archive-wal", "pg").orThrow()
            try expectWholeArchive(site, upTo: segment)

            let id = try site.backup()
            #expect(try site.host.info("pg", id, "status") == "DONE")
        }
    }

    /// Makes the next rsync whose arguments contain a text stop PostgreSQL at once, then go on.
    private func atRsync(_ moment: String, in site: Site, do command: String) throws {
        let world = site.world
        try world.write("trigger", to: "rsync-trigger")
        try world.run(["chmod", "0777", world.root]).orThrow()
        try world.write(
            """
            #!/bin/sh
            case "$*" in
            *--server*) ;;
            *'\(moment)'*) case "$*" in *\(site.host.home)/pg/base/*)
                if mv \(world.path("rsync-trigger")) \(world.path("rsync-trigger.done")) 2>/dev/null; then
                    ssh postgres@angus "\(command) -m immediate -w stop" >/dev/null 2>&1
                fi ;;
            esac ;;
            esac
            exec /usr/bin/rsync "$@"

            """,
            to: "bin/rsync",
            mode: 0o755
        )
    }

    /// A backup that must not start: the check names the reason, no record is made.
    private func expectRefusal(_ site: Site, check line: String) throws {
        let before = site.host.backupIDs("pg")
        let outcome = try site.host.barman("backup", "pg")
        #expect(outcome.status == 1, "\(outcome)")
        #expect(
            outcome.err.contains(
                "ERROR: Impossible to start the backup. Check the log for more details, or run 'barman check pg'"
            ),
            "\(outcome)"
        )
        #expect(site.host.backupIDs("pg") == before)
        let check = try site.host.barman("check", "pg")
        #expect(check.status == 1)
        #expect(check.lines.contains("\t" + line), "\(check)")
        try expectReadableCatalog(site)
    }

    /// The newest backup is FAILED and says why; both programs list it.
    private func expectFailedBackup(_ site: Site, error: String) throws {
        let id = try #require(site.host.backupIDs("pg").last)
        #expect(try site.host.info("pg", id, "status") == "FAILED")
        #expect(try site.host.info("pg", id, "error")?.hasPrefix(error) == true)
        for outcome in [try site.host.barman("list-backups", "pg"), try site.host.oracle("list-backups", "pg")] {
            #expect(outcome.lines.contains("pg \(id) - R - FAILED"), "\(outcome)")
        }
        try expectReadableCatalog(site)
    }
}

/// What this process may do on this machine.
enum Privileges {
    /// Whether it may mount file systems.
    static let canMount: Bool = {
        // No world, no mount.
        (try? World.with { world in
            try world.mount(try world.makeDirectory("mount"), megabytes: 1, as: .me)
        }) != nil
    }()
}

extension World {
    /// Mounts a small file system on an existing directory until the end of the world.
    func mount(_ directory: String, megabytes: Int, as account: Account) throws {
        try run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "tmpfs", directory]).orThrow()
        atEnd { [weak self] in
            // Not mounted any more when the test unmounted it itself.
            _ = try? self?.run(["umount", directory])
        }
        try run(["chown", "\(account.name):", directory]).orThrow()
    }
}

/// Both programs read the catalog and list the same backups.
func expectReadableCatalog(_ site: Site, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let ours = try site.host.barman("list-backups", "pg")
    let oracle = try site.host.oracle("list-backups", "pg")
    #expect(ours.status == 0, "\(ours)", sourceLocation: sourceLocation)
    #expect(oracle.status == 0, "\(oracle)", sourceLocation: sourceLocation)
    #expect(ours.out == oracle.out, sourceLocation: sourceLocation)
}

/// No session of the backup host is left on the server: a concurrent backup ends with its session.
func expectNoBackupMode(_ site: Site, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let isGone = try Shell.wait(seconds: 10) {
        try site.cluster.number("SELECT count(*) FROM pg_stat_activity WHERE usename = 'barman'") == 0
    }
    #expect(isGone, "a session is left on the server", sourceLocation: sourceLocation)
    let hasLabel = site.world.exists("\(site.cluster.dataDirectory)/backup_label")
    #expect(!hasLabel, sourceLocation: sourceLocation)
}

/// Every segment from the first archived one is in the archive, once, whole, and in `xlog.db`; none waits outside.
func expectWholeArchive(
    _ site: Site,
    upTo last: String,
    after circumstance: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let home = "\(site.host.home)/pg"
    let backup = try #require(site.host.backupIDs("pg").first)
    let segmentBytes = try #require(try site.host.info("pg", backup, "xlog_segment_size"))
    let segments = site.host.archivedWAL("pg").filter { $0.count == 24 }
    let listed = try site.world.read("\(home)/wals/pg-xlog.db").split(separator: "\n").compactMap {
        $0.split(separator: "\t").first.map(String.init)
    }
    #expect(segments.contains(last), "\(circumstance)", sourceLocation: sourceLocation)
    #expect(listed.filter { $0.count == 24 } == segments, "\(circumstance)", sourceLocation: sourceLocation)
    let numbers = segments.compactMap { Int($0.suffix(8), radix: 16) }
    let isGapless = numbers.isEmpty || numbers == Array(numbers[0]..<numbers[0] + numbers.count)
    #expect(isGapless, "\(segments)", sourceLocation: sourceLocation)
    for segment in segments {
        let folder = segment.prefix(16)
        let size = try site.world.shell("gzip -dc '\(home)/wals/\(folder)/\(segment)' | wc -c").out
        #expect(size == "\(segmentBytes)\n", "\(segment)", sourceLocation: sourceLocation)
    }
    let strangers = site.world.names(in: "\(home)/wals/\(last.prefix(16))").filter { $0.count != 24 && $0.count != 40 }
    #expect(strangers == [], sourceLocation: sourceLocation)
}
