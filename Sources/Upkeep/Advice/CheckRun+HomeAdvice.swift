import Catalog
import Files
import Settings
import SystemPackage

/// Advice about what is stored, and about the way to the other host.
extension CheckRun {
    /// How the first directory that can not be used is given to the account.
    private var directoryFixes: [String] {
        var fixes: [String] = []
        let missing = settings.directories.map(\.path).first { !FileSystem.isAccessible($0, for: []) }
        if let closed = closedDirectories.first {
            fixes.append(
                "give it to the account of barman, as root: chown \(account): '\(closed)' && chmod u+rwx '\(closed)'"
            )
        } else if let missing {
            fixes.append("make it, as root: install -d -o \(account) -m 0700 '\(missing)'")
        }
        return fixes + ["a full or read-only file system says so here as well: df -h"]
    }

    func catalogAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
        let hint = result.hint ?? label
        switch label {
        case "directories", Self.permissionsLabel:
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
                        + "\(home.handInDirectory.string), then: barman archive-wal \(home.name)",
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

    func hostAdvice(_ label: String, _ result: CheckResult) -> CheckAdvice? {
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
