import TestWorld
import Testing

/// The recipe of the book: one host backs up another over ssh, and everything it needs on the way.
@Suite struct TheRecipeTests {
    @Test func `the recipe, verbatim, on two hosts that share only the network`() throws {
        try World.with { world in
            // On angus: PostgreSQL 15, a role for the backups, nothing archived yet.
            let hosts = try world.sshHosts(["angus": .postgres, "malcolm": .barman])
            let angus = try world.cluster(15, named: "angus")
            angus.environment = ["LC_MESSAGES": "C"]
            try angus.start()
            try angus.sql("CREATE ROLE barman SUPERUSER LOGIN")
            try angus.pgbench(["-i", "-q", "-s", "2"])

            // ssh keys both ways, and one login each to accept the host.
            for account in [Account.postgres, .barman] { try world.makeKey(of: account) }
            try hosts[0].authorize(.barman)
            try hosts[1].authorize(.postgres)
            #expect(try world.shell("ssh postgres@angus true", as: .barman).status == 0)
            #expect(try world.shell("ssh barman@malcolm true", as: .postgres).status == 0)

            // On malcolm: the main file and the server's file with the book's six options.
            let malcolm = try world.barmanHost(global: ["compression": "gzip"])
            malcolm.environment = angus.addressEnvironment
            try malcolm.addServer("angus", recipe(active: "off"))

            let servers = try malcolm.barman("list-server")
            #expect(servers.status == 0)
            #expect(servers.out == "angus - PostgreSQL Database on angus (inactive)\n")

            let settings = try malcolm.barman("show-server", "angus")
            let incoming = "\(malcolm.home)/angus/incoming"
            #expect(settings.status == 0)
            #expect(settings.lines.first == "Server angus (inactive):")
            #expect(settings.lines.contains("\tincoming_wals_directory: \(incoming)"))

            let unready = try malcolm.barman("check", "angus")
            #expect(unready.status == 1)
            #expect(unready.lines.contains("\tPostgreSQL: OK"))
            #expect(unready.lines.contains("\tssh: OK (PostgreSQL server)"))
            #expect(unready.lines.contains("\tarchive_mode: FAILED (please set it to 'on' or 'always')"))
            #expect(
                unready.lines.contains("\tarchive_command: FAILED (please set it accordingly to documentation)")
            )

            // Archiving on angus, activation on malcolm.
            try angus.configure([
                "archive_mode": "on", "archive_command": "'rsync -a %p barman@malcolm:\(incoming)/%f'",
            ])
            try angus.restart()
            try malcolm.addServer("angus", recipe(active: "on"))

            let check = try malcolm.barman("-q", "check", "angus")
            #expect(check.status == 0, "\(check)")
            #expect(check.out == "")

            let switched = try malcolm.barman("switch-xlog", "--force", "--archive", "angus")
            #expect(switched.status == 0)
            #expect(switched.out.contains("has been closed on server 'angus'"))
            #expect(switched.out.contains("Processing xlog segments from file archival for angus"))
            let archived = try malcolm.barman("archive-wal", "angus")
            #expect(archived.status == 0)
            #expect(archived.out == "Processing xlog segments from file archival for angus\n\tno file found\n")
            #expect(!malcolm.archivedWAL("angus").isEmpty)

            // A hot backup.
            let load = try angus.startLoad()
            let backup = try malcolm.barman("backup", "angus")
            #expect(load.isRunning)
            #expect(backup.status == 0, "\(backup)")
            #expect(backup.out.hasPrefix("Starting backup using rsync-concurrent method for server angus in "))
            #expect(backup.out.contains("Starting backup copy via rsync/SSH for "))
            #expect(backup.out.contains("Asking PostgreSQL server to finalize the backup.\nBackup size: "))
            #expect(backup.out.contains("Backup completed (start time: "))
            try angus.sql("SELECT pg_switch_wal()")
            load.end()

            let id = try #require(malcolm.backupIDs("angus").first)
            #expect(backup.out.contains("Starting backup copy via rsync/SSH for \(id)\n"))
            let list = try malcolm.barman("list-backup", "angus")
            #expect(list.out.hasPrefix("angus \(id) - R - "))
            #expect(list.lines.count == 2)
            let shown = try malcolm.barman("show-backup", "angus", id)
            #expect(shown.status == 0)
            #expect(shown.out.hasPrefix("Backup \(id):\n  Server Name            : angus\n"))
            for synonym in ["latest", "oldest", "last", "first"] {
                #expect(try malcolm.barman("show-backup", "angus", synonym).out == shown.out)
            }

            // What runs every minute: it archives, and makes the backup DONE.
            let cron = try malcolm.barman("cron")
            #expect(cron.status == 0)
            #expect(cron.lines.first == "Starting WAL archiving for server angus")
            let isDone = try Shell.wait(seconds: 30) {
                try malcolm.barman("cron")
                return try malcolm.info("angus", id, "status") == "DONE"
            }
            #expect(isDone)

            // A second server: one more file.
            try malcolm.addServer(
                "bon",
                [
                    "description": "\"PostgreSQL Database on bon\"", "active": "off", "archiver": "on",
                    "backup_method": "rsync", "ssh_command": "ssh postgres@bon",
                    "conninfo": "host=bon user=barman dbname=postgres",
                ]
            )
            #expect(
                try malcolm.barman("list-server").out
                    == "angus - PostgreSQL Database on angus\nbon - PostgreSQL Database on bon (inactive)\n"
            )
            try world.quiesce(malcolm)
        }
    }

    private func recipe(active: String) -> KeyValuePairs<String, String> {
        [
            "description": "\"PostgreSQL Database on angus\"",
            "active": active,
            "archiver": "on",
            "backup_method": "rsync",
            "ssh_command": "ssh postgres@angus",
            "conninfo": "host=angus user=barman dbname=postgres",
        ]
    }
}
