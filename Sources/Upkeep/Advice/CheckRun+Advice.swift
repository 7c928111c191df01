import Catalog
import Files
import Postgres
import Settings
import SystemPackage

extension CheckRun {
    /// Why a row failed, as far as it can be seen, and what to do about it; looks at what the check has gathered.
    public func advice(for result: CheckResult) -> CheckAdvice {
        let isOfWALServer = result.label.hasSuffix(Self.walSuffix)
        let label = isOfWALServer ? String(result.label.dropLast(Self.walSuffix.count)) : result.label
        return connectionAdvice(label, result, isOfWALServer: isOfWALServer)
            ?? privilegeAdvice(label)
            ?? archivingAdvice(label, result)
            ?? streamingAdvice(label, result)
            ?? catalogAdvice(label, result)
            ?? hostAdvice(label, result)
            ?? CheckAdvice(
                result.hint ?? "'\(result.label)' is not as it should be",
                ["look into the log"],
                page: "barman-check(1)"
            )
    }

    private var settings: ServerSettings { home.settings }
    private var account: String { home.global.barmanUser }
    private var role: String { server?.conninfo["user"] ?? "barman" }
    private var host: String { server?.conninfo["host"] ?? "the PostgreSQL host" }

    // MARK: PostgreSQL

    private func connectionAdvice(_ label: String, _ result: CheckResult, isOfWALServer: Bool) -> CheckAdvice? {
        let asked = isOfWALServer ? walServer : server
        switch label {
        case "PostgreSQL":
            guard let server else {
                return CheckAdvice(
                    "there is no connection string that can be used",
                    ["set conninfo, such as: conninfo = host=\(home.name) user=barman dbname=postgres"],
                    page: "barman(5), conninfo"
                )
            }
            let facts = server.facts()
            if facts.isVersionSupported == false {
                return CheckAdvice(
                    "PostgreSQL \(facts.version?.text ?? "") is older than 9.6",
                    ["upgrade the server; older ones are not supported"],
                    page: "barman(5), conninfo"
                )
            }
            return ConnectionAdvice.of(
                facts.failure?.message ?? "the server can not be reached",
                conninfo: server.conninfo,
                option: "conninfo"
            )
        case "PostgreSQL streaming":
            let facts = asked?.streamingFacts()
            if facts?.connectionError == nil, facts?.isStreaming == false {
                return CheckAdvice(
                    "what answers does not speak the replication protocol: a connection pooler, as a rule",
                    ["let streaming_conninfo point to PostgreSQL itself"],
                    page: "barman(5), streaming_conninfo"
                )
            }
            return ConnectionAdvice.of(
                facts?.connectionError ?? "the server can not be reached",
                conninfo: asked?.streamingConninfo,
                option: "streaming_conninfo",
                replication: true
            )
        case "systemid coherence":
            guard result.hint?.contains("\(home.identityPath)") == true else {
                return CheckAdvice(
                    result.hint ?? "two different clusters answer",
                    ["let conninfo and streaming_conninfo point to the same server"],
                    page: "barman(5), streaming_conninfo"
                )
            }
            let directory = home.backupDirectory
            return CheckAdvice(
                "another cluster answers than the one the backups come from; its WAL goes to \(home.errorsDirectory)",
                [
                    "if that is a mistake, let conninfo and streaming_conninfo point to the right server",
                    "after pg_upgrade or initdb, give the old backups another name, which can still be restored:",
                    "barman receive-wal --stop \(home.name); mv \(directory) \(directory)-old",
                    "copy the section [\(home.name)] to [\(home.name)-old] and write there: active = false",
                    "then begin anew: barman check \(home.name); barman cron; barman backup \(home.name)",
                ],
                page: "barman-check(1)"
            )
        case "PostgreSQL server is standby", "Primary server is not a standby",
            "Primary and standby have same system ID":
            return CheckAdvice(
                result.hint ?? "primary and standby are not what the configuration says",
                [
                    "let conninfo point to the standby and primary_conninfo to its primary; after a switchover, swap them"
                ],
                page: "barman(5), primary_conninfo"
            )
        default: return nil
        }
    }

    private func privilegeAdvice(_ label: String) -> CheckAdvice? {
        let version = server?.facts().version?.number ?? 0
        switch label {
        case "no access to backup functions":
            return CheckAdvice(
                "the role \(role) lacks privileges that a backup needs",
                ["on \(host), as a superuser:"] + BackupRole.grants(to: role, versionNumber: version),
                page: "barman-setup(1)"
            )
        case "no access to monitoring functions":
            let role = walServer?.conninfo["user"] ?? role
            return CheckAdvice(
                "the role \(role) may not read settings and statistics",
                ["as a superuser: " + BackupRole.monitoring(to: role)],
                page: "barman(5), wal_conninfo"
            )
        case "wal_level":
            return CheckAdvice(
                "wal_level = minimal: such WAL can not be recovered from",
                ["on \(host), in postgresql.conf: wal_level = replica", "restart PostgreSQL there"],
                page: "barman-setup(1)"
            )
        default: return nil
        }
    }

    // MARK: WAL

    private var archiveCommand: String { "barman-wal-archive BACKUP_HOST \(home.name) %p" }

    private func archivingAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
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

    private func streamingAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        switch label {
        case "replication slot" where !canBeAsked:
            return unanswered
        case "replication slot":
            return CheckAdvice(
                result.hint ?? "the slot is not in use",
                ["barman receive-wal --create-slot \(home.name)", "then: barman cron"],
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

    // MARK: What is stored

    /// How the first directory that can not be used is given to the account.
    private var directoryFixes: [String] {
        var fixes: [String] = []
        let missing = settings.directories.map(\.path).first { !FileSystem.isAccessible($0, for: []) }
        let closed = settings.directories.map(\.path).first {
            FileSystem.isAccessible($0, for: []) && !FileSystem.isAccessible($0, for: [.write, .execute])
        }
        if let closed {
            fixes.append("give it to the account of barman, as root: chown \(account): '\(closed)'")
        } else if let missing {
            fixes.append("make it, as root: install -d -o \(account) -m 0700 '\(missing)'")
        }
        return fixes + ["a full or read-only file system says so here as well: df -h"]
    }

    private func catalogAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        let hint = result.hint ?? label
        switch label {
        case "directories":
            return CheckAdvice(hint, directoryFixes, page: "barman(5), backup_directory")
        case "backup maximum age":
            return CheckAdvice(
                hint,
                [
                    "barman backup \(home.name)",
                    "is the nightly backup in a crontab, and what does the log say about its last run?",
                ],
                page: "barman-backup(1)"
            )
        case "backup minimum size":
            return CheckAdvice(
                hint,
                [
                    "compare: barman show-backup \(home.name) latest",
                    "lower last_backup_minimum_size if the server has shrunk",
                ],
                page: "barman(5), last_backup_minimum_size"
            )
        case "wal maximum age":
            return CheckAdvice(
                hint,
                [
                    "barman switch-wal --force --archive \(home.name)",
                    "a quiet server: set archive_timeout in postgresql.conf",
                ],
                page: "barman(5), last_wal_maximum_age"
            )
        case "failed backups":
            return CheckAdvice(
                hint,
                ["why: barman show-backup \(home.name) last-failed", "then: barman delete \(home.name) last-failed"],
                page: "barman-show-backup(1)"
            )
        case "minimum redundancy requirements":
            return CheckAdvice(hint, ["barman backup \(home.name)"], page: "barman(5), minimum_redundancy")
        case "retention policy settings":
            return CheckAdvice(
                "retention_policy can not be understood; nothing is removed meanwhile",
                ["write it as: retention_policy = RECOVERY WINDOW OF 4 WEEKS, or REDUNDANCY 3"],
                page: "barman(5), retention_policy"
            )
        case "encryption":
            guard EncryptionTest.configurationProblem(settings) == nil, let key = settings.encryptionKeyID else {
                let wanted = "backup_method = postgres, backup_compression = gzip, backup_compression_format = tar"
                return CheckAdvice(
                    hint,
                    ["encryption = gpg goes with: encryption_key_id = ID, \(wanted)"],
                    page: "barman(5), encryption"
                )
            }
            return CheckAdvice(
                hint,
                [
                    "is the key in the ring of this account, and trusted? As \(account): gpg --list-keys '\(key)'",
                    "if it is not there: gpg --import FILE, then gpg --edit-key '\(key)' trust",
                ],
                page: "barman(5), encryption"
            )
        case Self.continuityLabel:
            return CheckAdvice(
                hint,
                [
                    "is the file in pg_wal of \(host), or of a standby, still? Copy it to "
                        + "\(settings.incomingWALsDirectory.string), then: barman archive-wal \(home.name)",
                    "otherwise recovery needs a backup that begins behind the gap: barman backup \(home.name)",
                ],
                page: "barman-backup(1)"
            )
        case "restore drill":
            return CheckAdvice(
                hint,
                ["barman drill \(home.name)", "once a week or a month, in a crontab"],
                page: "barman-drill(1)"
            )
        case "cloud storage configuration":
            return CheckAdvice(hint, ["correct the options that are named"], page: "barman(5), basebackups_directory")
        case "configuration":
            return CheckAdvice(
                result.lines.first ?? "the configuration of the server can not be used",
                ["correct it; every value as it counts: barman show-servers \(home.name)"],
                page: "barman(5)"
            )
        case "check timeout":
            return CheckAdvice(
                "the server, ssh or the disk did not answer in time",
                ["which one: barman -d check \(home.name)", "more time: --check-timeout, or check_timeout"],
                page: "barman(5), check_timeout"
            )
        default: return nil
        }
    }

    private func hostAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        let hint = result.hint ?? label
        let command = settings.isPassive ? settings.primarySSHCommand : settings.sshCommand
        switch label {
        case "ssh":
            return CheckAdvice(
                hint,
                [
                    "as barman, it has to work without a question: \(command ?? "ssh postgres@HOST") -o BatchMode=yes true",
                    "no key yet: ssh-keygen -t ed25519, then append ~/.ssh/id_ed25519.pub to authorized_keys over there",
                ],
                page: "barman(5), ssh_command"
            )
        case "ssh output clean":
            return CheckAdvice(
                "a login on the other host prints something, which would end up in copied data",
                ["there, let .bashrc and .profile print only when a terminal is there: [ -t 1 ] || return"],
                page: "barman(5), ssh_command"
            )
        case "backup_label":
            return CheckAdvice(
                hint,
                [
                    "a server that was killed during an exclusive backup: on \(host), move backup_label out of PGDATA and start it"
                ],
                page: "barman-backup(1)"
            )
        case "not in recovery", "exclusive backup supported", "postgres minimal version":
            return CheckAdvice(hint, ["set backup_options = concurrent_backup"], page: "barman(5), backup_options")
        default: return nil
        }
    }
}
