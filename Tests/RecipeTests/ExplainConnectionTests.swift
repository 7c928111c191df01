import TestWorld
import Testing

/// `check --explain` about the ways to the server: access, roles, replication, ssh.
@Suite struct ExplainConnectionTests {
    @Test func `access, passwords, roles, slots and replication`() throws {
        try World.with { world in
            let cluster = try world.cluster(17, segmentMegabytes: 1)
            try cluster.configure(["wal_level": "minimal", "max_wal_senders": "0"])
            try cluster.start()
            try cluster.createBackupRole()
            try cluster.sql("ALTER ROLE barman NOREPLICATION")
            let address = "host=127.0.0.1 port=\(cluster.port)"
            let site = try ExplainSite(
                world,
                try world.barmanHost(as: .postgres),
                [
                    "backup_method": "local-rsync", "backup_options": "concurrent_backup", "streaming_archiver": "on",
                    "slot_name": "barman", "conninfo": "\(address) user=barman dbname=postgres",
                    "streaming_conninfo": "\(address) user=streamer",
                ]
            )
            // There is WAL: a check of an empty archive waits for it.
            let name = "000000010000000000000001"
            let archive = "\(site.host.home)/pg/wals/\(name.prefix(16))"
            try world.shell(
                "mkdir -p \(archive) && head -c 1048576 /dev/zero >\(archive)/\(name)",
                as: .postgres
            ).orThrow()
            try site.host.barman("rebuild-xlogdb", "pg").orThrow()
            try agreeOnReplication(site, cluster)
            #expect(try site.advice("replication slot").cause.contains("doesn't exist"))
            try agreeOnAccess(site, cluster, address)
            try agreeOnSlot(site)
            try agreeOnOthers(site, cluster, address)
        }
    }

    private func agreeOnReplication(_ site: ExplainSite, _ cluster: Cluster) throws {
        for (row, setting) in [("wal_level", "wal_level = replica"), ("PostgreSQL streaming", "max_wal_senders = 10")] {
            let line = try site.advice(row).rest(after: "in postgresql.conf: ")
            #expect(line.hasPrefix(setting), "\(line)")
            let file = "\(cluster.dataDirectory)/postgresql.conf"
            try site.world.write(try site.world.read(file) + setting + "\n", to: file, as: .postgres)
        }
        try cluster.restart()
        let missing = try site.advice("PostgreSQL streaming").rest(after: "as a superuser: ")
        #expect(missing == "CREATE ROLE streamer LOGIN REPLICATION;")
        try cluster.sql(missing)
        for row in ["wal_level", "PostgreSQL streaming"] { try site.expectGood(row) }
        try cluster.sql("ALTER ROLE streamer NOREPLICATION")
        try cluster.sql(site.advice("PostgreSQL streaming").rest(after: "as a superuser: "))
        try site.expectGood("PostgreSQL streaming")
    }

    private func agreeOnAccess(_ site: ExplainSite, _ cluster: Cluster, _ address: String) throws {
        let file = "\(cluster.dataDirectory)/pg_hba.conf"
        try site.world.write("local all all trust\n", to: file, as: .postgres)
        try cluster.reload()
        try cluster.sql("ALTER ROLE barman PASSWORD 'sesame'; ALTER ROLE streamer PASSWORD 'sesame'")
        let passwords = "home-\(Account.postgres.name)/.pgpass"
        try site.world.write("", to: passwords, as: .postgres, mode: 0o600)
        for row in ["PostgreSQL", "PostgreSQL streaming"] {
            let line = try site.advice(row).rest(after: "add to pg_hba.conf: ")
            try site.world.write(try site.world.read(file) + line + "\n", to: file, as: .postgres)
            try cluster.reload()
            let entry = try site.advice(row).rest(after: "(mode 0600): ").split(separator: "PASSWORD")[0] + "sesame\n"
            try site.world.write(try site.world.read(passwords) + entry, to: passwords, as: .postgres, mode: 0o600)
            try site.expectGood(row)
        }
        #expect(try site.world.read(file).contains("host postgres barman 127.0.0.1/32 scram-sha-256\n"))
        try cluster.sql("ALTER ROLE barman PASSWORD 'other'")
        _ = try site.advice("PostgreSQL").rest(after: "\\password barman")
        try cluster.sql("ALTER ROLE barman PASSWORD 'sesame'")

        try site.world.write(try site.world.read(file) + "host all all 127.0.0.1/32 trust\n", to: file, as: .postgres)
        try cluster.reload()
        try site.set(["conninfo": "\(address) user=barman dbname=nowhere"])
        _ = try site.advice("PostgreSQL").rest(after: "postgres is always there")
        try site.set(["conninfo": "\(address) user=barman dbname=postgres"])
    }

    private func agreeOnSlot(_ site: ExplainSite) throws {
        let missing = try site.advice("replication slot")
        try missing.type("barman receive-wal --create-slot pg")
        let idle = try site.advice("replication slot")
        #expect(idle.cause.contains("receive-wal"), "\(idle.lines)")
        try idle.type("barman cron")
        let isActive = try Shell.wait(seconds: 20) {
            ExplainSite.advice(of: "replication slot", in: try site.explain()).isEmpty
        }
        #expect(isActive)
        try site.expectGood("receive-wal running")
        try site.host.barman("terminate-process", "pg", "receive-wal").orThrow()
    }

    private func agreeOnOthers(_ site: ExplainSite, _ cluster: Cluster, _ address: String) throws {
        try site.set(["primary_conninfo": "\(address) user=barman dbname=postgres"])
        _ = try site.advice("PostgreSQL server is standby").rest(after: "let conninfo point to the standby")
        try site.set(["primary_conninfo": ""])

        try cluster.sql("CREATE ROLE weak LOGIN REPLICATION")
        try site.set([
            "wal_conninfo": "\(address) user=weak dbname=postgres", "wal_streaming_conninfo": "\(address) user=weak",
        ])
        try cluster.sql(site.advice("no access to monitoring functions").rest(after: "as a superuser: "))
        try site.expectGood("no access to monitoring functions")
        try site.set(["wal_conninfo": "", "wal_streaming_conninfo": ""])
    }

    @Test func `ssh, and what it prints besides`() throws {
        try World.with { world in
            let hosts = try world.sshHosts(["angus": .postgres])
            let site = try ExplainSite(
                world,
                try world.barmanHost(),
                [
                    "backup_method": "rsync", "archiver": "on", "backup_options": "concurrent_backup",
                    "ssh_command": "ssh postgres@angus",
                    "conninfo": "host=127.0.0.1 port=1 user=barman dbname=postgres",
                ]
            )
            try world.makeKey(of: .barman)
            let closed = try site.advice("ssh")
            let command = try closed.rest(after: "it has to work without a question: ")
            #expect(try world.shell(command, as: .barman).status != 0)
            try hosts[0].authorize(.barman)
            #expect(try world.shell(command, as: .barman).status == 0, "\(command)")
            try site.expectGood("ssh")

            // A login that greets everybody.
            let greeting = try world.write("#!/bin/sh\necho welcome\nexec ssh \"$@\"\n", to: "bin/greeter", mode: 0o755)
            try site.set(["ssh_command": "\(greeting) postgres@angus"])
            _ = try site.advice("ssh output clean").rest(after: "[ -t 1 ] || return")
            try site.set(["ssh_command": "ssh postgres@angus"])
            try site.expectGood("ssh output clean")

            // A server that was killed during an exclusive backup.
            let data = try world.makeDirectory("pgdata", as: .postgres, mode: 0o755)
            try world.write("", to: "\(data)/backup_label", as: .postgres)
            try world.run([
                "python3", "\(World.repository)/scripts/make-catalog.py", world.path("catalog"), "pg", "1", "1",
            ])
            .orThrow()
            try world.shell(
                "cp -r \(world.path("catalog"))/pg \(site.host.home) && "
                    + "sed -i 's,^pgdata=.*,pgdata=\(data),' \(site.host.home)/pg/meta/*.info",
                as: .barman
            ).orThrow()
            _ = try site.advice("backup_label").rest(after: "move backup_label out of PGDATA")
            try world.run(["rm", "\(data)/backup_label"]).orThrow()
            try site.expectGood("backup_label")
        }
    }
}
