import Glibc
import TestWorld
import Testing

/// `check --explain`: each failed row with its cause, the fix and the page; a fix that is followed is one.
@Suite struct ExplainTests {
    @Test func `a server that is down, without its role, without privileges, and without archiving`() throws {
        try World.with { world in
            let cluster = try world.cluster(15)
            let host = try world.barmanHost(as: .postgres)
            let site = try ExplainSite(
                world,
                host,
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "conninfo": "host=127.0.0.1 port=\(cluster.port) user=barman dbname=postgres password=secret",
                    "minimum_redundancy": "1", "last_backup_maximum_age": "1 day",
                ]
            )
            let down = try site.explain()
            #expect(down.status == 1 && !down.out.contains("secret"), "\(down)")
            let refused = try site.advice("PostgreSQL")
            #expect(refused.cause.contains("Connection refused"), "\(refused.lines)")
            _ = try refused.rest(after: "start PostgreSQL on 127.0.0.1")
            try cluster.start()
            try cluster.sql(site.advice("PostgreSQL").rest(after: "as a superuser: "))

            let grants = try site.advice("no access to backup functions").lines.filter { $0.hasPrefix("fix: GRANT") }
            #expect(grants.contains("fix: GRANT EXECUTE ON FUNCTION pg_switch_wal() TO barman;"), "\(grants)")
            for line in grants { try cluster.sql(String(line.dropFirst(5))) }
            let able = try site.explain("--check-timeout", "10")
            #expect(able.out.contains("\tsuperuser or standard user with backup privileges: OK\n"), "\(able)")
            let nothing = ExplainSite.advice(of: "WAL archive", in: able)
            #expect(nothing.first?.contains("no WAL of this server") == true, "\(able)")
            #expect(nothing.contains("fix: then: barman switch-wal --force --archive pg"), "\(able)")
            // From here on there is some: a check of an empty archive waits for it.
            try world.shell(
                "cp \(cluster.dataDirectory)/pg_wal/$(ls \(cluster.dataDirectory)/pg_wal | head -n 1) \(host.home)/pg/incoming",
                as: .postgres
            ).orThrow()
            try site.expectGood("WAL archive")

            // Every failed row is explained, and the output without the explanations is the output without the option.
            let explained = try site.explain()
            let plain = try host.barman("check", "pg")
            #expect(explained.lines.filter { !ExplainSite.isAdvice($0) } == plain.lines)
            let failed = plain.lines.filter { $0.contains(": FAILED") }
            for label in ["cause", "manual"] {
                #expect(explained.lines.count { $0.hasPrefix("\t\t\(label): ") } == failed.count, "\(explained)")
            }
            #expect(plain.status == 1 && explained.status == 1)

            try follow(site, cluster, archiving: "archive_mode")
            try cluster.restart()
            try site.expectGood("archive_mode")
            let command = try site.advice("archive_command").rest(after: "in postgresql.conf: archive_command = ")
            #expect(command == "'barman-wal-archive BACKUP_HOST pg %p'")
            // A command that fails is named with its failure.
            try cluster.configure(["archive_command": "'false'"])
            try cluster.reload()
            try site.expectGood("archive_command")
            try cluster.sql("SELECT pg_switch_wal()")
            let isSeen = try Shell.wait(seconds: 20) {
                ExplainSite.advice(of: "continuous archiving", in: try site.explain()).contains {
                    $0.contains("archive_command 'false' failed")
                }
            }
            #expect(isSeen)
            let json = try host.barman("-f", "json", "check", "--explain", "pg")
            #expect(
                json.out.contains("\"continuous_archiving\": {\"cause\": \"archive_command 'false' failed"),
                "\(json)"
            )
            try cluster.configure(["archive_command": "'cp %p \(host.home)/pg/incoming/%f'"])
            try cluster.reload()
            try host.barman("switch-wal", "--force", "--archive", "pg").orThrow()
            try site.expectGood("continuous archiving")
        }
    }

    /// Puts the setting into postgresql.conf that the row asks for.
    private func follow(_ site: ExplainSite, _ cluster: Cluster, archiving row: String) throws {
        let line = try site.advice(row).rest(after: "in postgresql.conf: ")
        let file = "\(cluster.dataDirectory)/postgresql.conf"
        try site.world.write(try site.world.read(file) + line + "\n", to: file, as: .postgres)
    }

    @Test func `what is stored, and what is not`() throws {
        try World.with { world in
            let local = try Site.local(in: world, segmentMegabytes: 1)
            let host = local.host
            let site = try ExplainSite(
                world,
                host,
                [
                    "backup_method": "local-rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "immediate_checkpoint": "true", "minimum_redundancy": "1", "last_backup_maximum_age": "1 DAY",
                    "conninfo": "host=127.0.0.1 port=\(local.cluster.port) user=barman dbname=postgres",
                ]
            )
            _ = try site.advice("backup maximum age").rest(after: "barman backup pg")
            try site.advice("minimum redundancy requirements").type("barman backup pg")
            for row in ["backup maximum age", "minimum redundancy requirements"] { try site.expectGood(row) }
            // What the other process does not have to wait for is told as well: see docs/troubleshooting.md.
            let holder = try world.start(
                ["flock", "\(host.home)/.pg-backup.lock", "sleep", "60"],
                as: .postgres
            )
            let isHeld = try Shell.wait(seconds: 10) {
                try world.run(["flock", "-n", "\(host.home)/.pg-backup.lock", "true"], as: .postgres).status != 0
            }
            #expect(isHeld)
            let second = try host.barman("backup", "pg")
            #expect(second.err.contains("Another backup process is running"), "\(second)")
            holder.end()

            try site.set(["last_backup_minimum_size": "1Ti"])
            try site.advice("backup minimum size").type("barman show-backup pg latest")
            try site.set(["last_backup_minimum_size": "1k"])
            try site.expectGood("backup minimum size")

            try agreeOnAge(site)
            try agreeOnFailedBackup(site)
            try agreeOnQueues(site, local)
            try agreeOnOptions(site)
            try agreeOnDirectories(site)
            try agreeOnGap(site, local)

            try site.set(["drill_maximum_age": "1 WEEK"])
            _ = try site.advice("restore drill").rest(after: "barman drill pg")
        }
    }

    private func agreeOnAge(_ site: ExplainSite) throws {
        try site.set(["last_wal_maximum_age": "1 HOUR"])
        try site.world.shell("touch -d '3 hours ago' \(site.host.home)/pg/wals/0*/*", as: .postgres).orThrow()
        try site.host.barman("rebuild-xlogdb", "pg").orThrow()
        try site.advice("wal maximum age").type("barman switch-wal --force --archive pg")
        try site.expectGood("wal maximum age")
    }

    private func agreeOnFailedBackup(_ site: ExplainSite) throws {
        let id = try #require(site.host.backupIDs("pg").last)
        try site.world.shell(
            "cd \(site.host.home)/pg/meta && sed 's/^status=.*/status=FAILED/' \(id)-backup.info >20200101T000000-backup.info",
            as: .postgres
        ).orThrow()
        let failed = try site.advice("failed backups")
        try failed.type("barman show-backup pg last-failed")
        try failed.type("barman delete pg last-failed")
        try site.expectGood("failed backups")
    }

    /// Lets PostgreSQL ship a segment that has something in it.
    @discardableResult
    private func fill(_ local: Site) throws -> String {
        try local.cluster.sql("SELECT pg_logical_emit_message(false, 'test', 'something')")
        return try local.switchWAL()
    }

    private func agreeOnQueues(_ site: ExplainSite, _ local: Site) throws {
        try site.set(["max_incoming_wals_queue": "0"])
        try fill(local)
        try site.advice("incoming WALs directory").type("barman archive-wal pg")
        try site.expectGood("incoming WALs directory")

        try site.set(["max_incoming_wals_queue": "", "archiver": "off", "streaming_archiver": "on"])
        try fill(local)
        #expect(try site.advice("empty incoming directory").rest(after: "set archiver = ").hasPrefix("on"))
        try site.set(["archiver": "on", "streaming_archiver": ""])
        try site.expectGood("empty incoming directory")
        try site.world.shell("cd \(site.host.home)/pg/streaming && touch 1x 2x", as: .postgres).orThrow()
        #expect(try site.advice("empty streaming directory").rest(after: "set streaming_archiver = ").hasPrefix("on"))
        try site.world.shell("rm -r \(site.host.home)/pg/streaming/*", as: .postgres).orThrow()
        try site.expectGood("empty streaming directory")

        let errors = "\(site.host.home)/pg/errors"
        try site.world.shell(
            "mkdir -p \(errors) && touch \(errors)/000000010000000000000001.1.duplicate",
            as: .postgres
        )
        .orThrow()
        let cause = try site.advice("archiver errors").cause
        #expect(cause.contains(errors) && cause.contains("duplicates: 1"), "\(cause)")
        try site.world.shell("rm \(errors)/*", as: .postgres).orThrow()
        try site.expectGood("archiver errors")
    }

    private func agreeOnOptions(_ site: ExplainSite) throws {
        try site.set(["retention_policy": "for ever"])
        let policies = try site.advice("retention policy settings").rest(after: "retention_policy = ").split(
            separator: ","
        )
        try site.set(["retention_policy": "\(policies[0])"])
        try site.expectGood("retention policy settings")

        try site.set(["backup_method": "rsync"])
        let cause = try site.advice("configuration").cause
        #expect(cause.contains("ssh_command"), "\(cause)")
        try site.set(["backup_method": "local-rsync"])
        try site.expectGood("configuration")

        try site.set(["backup_options": "exclusive_backup"])
        let options = try site.advice("exclusive backup supported").rest(after: "set backup_options = ")
        try site.set(["backup_options": options])
        try site.expectGood("exclusive backup supported")

        try site.set(["encryption": "gpg", "encryption_key_id": GPGKey.name])
        #expect(try site.advice("encryption").cause.contains("backup_method != postgres"))
        let archives: KeyValuePairs = [
            "backup_method": "postgres", "backup_compression": "gzip", "backup_compression_format": "tar",
        ]
        try site.set(archives)
        _ = try site.advice("encryption").rest(after: "gpg --list-keys '\(GPGKey.name)'")
        try GPGKey.make(in: site.world, as: .postgres)
        try site.expectGood("encryption")
        try site.set(["encryption": "", "encryption_key_id": "", "backup_method": "local-rsync"])
        try site.set(["backup_compression": "", "backup_compression_format": ""])

        // A server that takes the connection and says nothing.
        let silent = try site.world.start([
            "python3", "-c",
            "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)",
        ])
        _ = Shell.wait(seconds: 10) { silent.outcome.out.hasSuffix("\n") }
        let port = silent.outcome.out.filter(\.isNumber)
        let conninfo = try #require(site.value("conninfo"))
        try site.set(["conninfo": "host=127.0.0.1 port=\(port) user=barman"])
        let slow = try site.advice("check timeout", "--check-timeout", "1")
        _ = try slow.rest(after: "barman -d check pg")
        silent.end()
        try site.set(["conninfo": conninfo])
    }

    private func agreeOnDirectories(_ site: ExplainSite) throws {
        let place = try site.world.makeDirectory("elsewhere", mode: 0o555)
        try site.set(["basebackups_directory": "\(place)/base"])
        // Whoever is not root owns the place, and has only closed it.
        let isRoot = getuid() == 0
        let row = try site.advice("directories")
        if isRoot {
            try site.world.shell(row.rest(after: "as root: ")).orThrow()
            try site.expectGood("directories")
            try site.world.run(["chown", "root:", "\(place)/base"]).orThrow()
            try site.set(["basebackups_directory": "\(place)/base"])
        }
        try site.set(["basebackups_directory": ""])
        try site.expectGood("directories")
    }

    private func agreeOnGap(_ site: ExplainSite, _ local: Site) throws {
        try fill(local)
        let lost = try fill(local)
        try fill(local)
        try site.host.barman("archive-wal", "pg").orThrow()
        let archive = "\(site.host.home)/pg/wals/\(lost.prefix(16))/\(lost)"
        try site.world.run(["rm", archive]).orThrow()
        try site.host.barman("rebuild-xlogdb", "pg").orThrow()
        let row = try site.advice("WAL continuity")
        #expect(row.cause.contains(lost), "\(row.lines)")
        try row.type("barman backup pg")
        try site.expectGood("WAL continuity")
    }
}
