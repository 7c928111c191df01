import Archive
import Catalog
import Postgres
import Settings
import SystemPackage

/// Advice about the ways in which WAL comes.
extension CheckRun {
    private var archiveCommand: String { "barman-wal-archive BACKUP_HOST \(home.name) %p" }

    func archivingAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        switch label {
        case "WAL archive":
            var steps: [String] = []
            if settings.archiver {
                steps.append("on \(host): archive_mode = on and archive_command = '\(archiveCommand)'")
            }
            if settings.streamingArchiver { steps.append("start the receiver: barman cron") }
            return CheckAdvice(
                "no WAL of this server has arrived yet" + (shippingTrouble.map { "; \($0)" } ?? ""),
                steps + ["then: barman switch-wal --force --archive \(home.name)"],
                page: "barman-switch-wal(1)"
            )
        case "archive_mode":
            return CheckAdvice(
                "archive_mode is \(server?.archiverFacts().archiveMode ?? "off"): PostgreSQL ships no WAL",
                ["on \(host), in postgresql.conf: archive_mode = on", "restart PostgreSQL there"],
                page: "barman-wal-archive(1)"
            )
        case "archive_command":
            return CheckAdvice(
                "archive_command is empty",
                [
                    "on \(host), in postgresql.conf: archive_command = '\(archiveCommand)'",
                    "then: SELECT pg_reload_conf();",
                ],
                page: "barman-wal-archive(1)"
            )
        case "continuous archiving":
            return CheckAdvice(
                shippingTrouble ?? "PostgreSQL has not shipped a WAL file yet",
                [
                    "run the archive_command by hand on \(host), as the owner of the data directory; the server's log has its words",
                    "test the way: barman-wal-archive --test BACKUP_HOST \(home.name) x",
                ],
                page: "barman-wal-archive(1)"
            )
        case "archiver errors":
            return CheckAdvice(
                "files that could not be archived are in \(home.errorsDirectory.string): \(result.hint ?? "")",
                [
                    "look at them: a duplicate with other contents means that two clusters archive to this name",
                    "after pg_upgrade or initdb: see systemid coherence",
                    "remove what is of no use; the row is OK when the directory is empty",
                ],
                page: "barman-archive-wal(1)"
            )
        case "incoming WALs directory", "streaming WALs directory":
            return CheckAdvice(
                result.hint ?? "too many WAL files wait",
                ["is cron running? As barman: barman cron", "by hand: barman archive-wal \(home.name)"],
                page: "barman-cron(1)"
            )
        case "empty incoming directory", "empty streaming directory":
            let option = label.contains("incoming") ? "archiver" : "streaming_archiver"
            return CheckAdvice(
                result.hint ?? "files wait that nobody archives",
                ["set \(option) = on, or remove the files if another way brings the same WAL"],
                page: "barman(5), \(option)"
            )
        default: return nil
        }
    }

    /// What PostgreSQL says about the last file it could not ship.
    private var shippingTrouble: String? {
        guard let facts = server?.archiverFacts(), let statistics = facts.statistics, statistics.isArchiving != true,
            let failed = statistics.lastFailedWAL
        else { return nil }
        return
            "archive_command '\(facts.archiveCommand ?? "")' failed \(statistics.failedCount) times, last for \(failed)"
    }

    private var canBeAsked: Bool { (walServer ?? server)?.facts().isConnected == true }

    /// The advice about what nobody could ask for.
    private var unanswered: CheckAdvice {
        CheckAdvice(
            "PostgreSQL could not be asked",
            ["see the row PostgreSQL: when it is OK this one is looked at"],
            page: "barman(5), conninfo"
        )
    }

    func streamingAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        switch label {
        case "replication slot" where !canBeAsked:
            return unanswered
        case "replication slot" where result.hint?.hasSuffix(Self.strangerQuestion) == true:
            return CheckAdvice(
                result.hint ?? "",
                [
                    "who it is: barman replication-status --target wal-streamer \(home.name)",
                    "end it, or give each backup host a slot of its own: slot_name in the section of the server",
                ],
                page: "barman(5), slot_name"
            )
        case "replication slot" where result.hint?.hasSuffix(Self.lostSlot) == true:
            return CheckAdvice(
                result.hint ?? "",
                [
                    "barman receive-wal --drop-slot \(home.name)", "barman receive-wal --create-slot \(home.name)",
                    "barman receive-wal --reset \(home.name)", "then: barman cron",
                    "recovery from older backups ends where WAL is missing: barman backup \(home.name)",
                    "on \(host), in postgresql.conf: a larger max_slot_wal_keep_size, or -1 and an eye on the disk",
                ],
                page: "barman-receive-wal(1)"
            )
        case "replication slot":
            return CheckAdvice(
                result.hint ?? "the slot is not in use",
                ["barman receive-wal --create-slot \(home.name)", "then: barman cron"],
                page: "barman-receive-wal(1)"
            )
        case "receive-wal running" where result.hint?.hasSuffix(ReceiverTrouble.wayOut(of: home.name)) == true:
            let slot = "a slot keeps WAL for a receiver that is away: slot_name = barman and create_slot = auto"
            return CheckAdvice(
                result.hint ?? "",
                [
                    "barman receive-wal --reset \(home.name)", "then: barman cron",
                    "recovery from older backups ends where WAL is missing: barman backup \(home.name)",
                ] + (settings.slotName == nil ? [slot] : []),
                page: "barman-receive-wal(1)"
            )
        case "receive-wal running" where result.hint?.hasPrefix(Self.receiverTrouble) == true:
            return CheckAdvice(
                result.hint ?? "",
                [
                    "mend what is named; the receiver tries again, and cron starts another one: barman cron",
                    "each try is in the log",
                ],
                page: "barman-receive-wal(1)"
            )
        case "receive-wal running":
            return CheckAdvice(
                "no receiver runs for this server",
                [
                    "barman cron",
                    "it should run every minute: is its line in /etc/cron.d/barman there, and does the host run cron?",
                    "why it ends is in the log",
                ],
                page: "barman-receive-wal(1)"
            )
        case "pg_basebackup", "pg_receivexlog", "pg_basebackup compatible", "pg_receivexlog compatible":
            guard canBeAsked else { return unanswered }
            let major = server?.facts().version?.major ?? "NN"
            return CheckAdvice(
                result.hint ?? "the program is not on this host",
                [
                    "install PostgreSQL's client programs of version \(major): apt-get install postgresql-client-\(major)",
                    "or say where they are: path_prefix = /usr/lib/postgresql/\(major)/bin",
                ],
                page: "barman(5), path_prefix"
            )
        default: return nil
        }
    }
}
