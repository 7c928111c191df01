/// What pages say that is in no table.
enum ProgramText {
    struct Topic {
        let title: String
        let opening: String
        let entries: [(tag: String, meaning: String)]
    }

    static let later = "Not available in this release: the command is accepted, and says so."

    static let description = [
        "Barman manages physical backups of many PostgreSQL servers from one host. It copies base backups, archives WAL, "
            + "keeps a catalog of both, and restores a server to any moment in between.",
        "There is no daemon. A command does one thing and ends; barman cron, run every minute, does the maintenance. "
            + "Servers are sections of configuration files: see barman(5). barman setup writes the first one with you.",
        "Commands run as the user that barman_user names, usually barman; root becomes that user by itself.",
    ]

    static let topics = [
        Topic(
            title: "BACKUP IDS",
            opening:
                "Where a command wants a backup, it takes its ID (such as 20260301T020000), its name, or one of these.",
            entries: [
                ("latest, last", "The newest backup that is complete."),
                ("oldest, first", "The oldest backup that is complete."),
                ("last-failed", "The newest backup that failed."),
                ("latest-full, last-full", "The newest complete backup that is no increment."),
                ("auto", "For restore: the newest backup from which the target can be reached."),
            ]
        ),
        Topic(
            title: "EXIT STATUS",
            opening: "What scripts may rely on.",
            entries: [
                ("0", "Everything asked for was done, and is on disk."),
                ("1", "Something failed; standard error and the log say what."),
                ("2", "The command line was wrong. For check --nagios: critical."),
                ("3", "get-wal: there is no such WAL file, or it can not be delivered."),
            ]
        ),
        Topic(
            title: "ENVIRONMENT",
            opening: "Besides these, libpq reads its own, such as PGPASSFILE.",
            entries: [
                ("BARMAN_CONFIG_FILE", "The configuration file, when -c does not name one."),
                ("COLUMNS", "How wide help texts are."),
                ("SSH_ORIGINAL_COMMAND", "For serve-wal: what the other side asked for; set by sshd."),
            ]
        ),
        Topic(
            title: "FILES",
            opening: "The first configuration file that can be read counts.",
            entries: [
                ("~/.barman.conf, /etc/barman.conf, /etc/barman/barman.conf", "The main configuration file."),
                ("/etc/barman.d/*.conf", "One file for each server, where configuration_files_directory names it."),
                ("/var/lib/barman", "barman_home of the packages: everything that is stored."),
                ("/var/log/barman/barman.log", "log_file of the packages."),
                ("/etc/cron.d/barman", "Runs barman cron every minute."),
            ]
        ),
    ]

    struct Client {
        let name: String
        let paragraphs: [String]
        let statuses: [(String, String)]
        let example: String
    }

    /// What the page of a program beside PostgreSQL says.
    static func client(_ program: String) -> Client {
        switch program {
        case "barman-wal-archive":
            Client(
                name: "send a WAL file to a backup host; an archive_command",
                paragraphs: [
                    "It needs nothing on this host but ssh, and on the backup host a barman whose user accepts the key of "
                        + "this account. A forced command (barman serve-wal) can bind that key to the WAL of one server.",
                    "When it ends with 0, the file is complete and synced on the backup host. PostgreSQL keeps a file, and "
                        + "calls again, after any other status.",
                    "With --batch it sends all files that are ready, up to a number, in one go, and answers the next calls "
                        + "from what the backup host has confirmed.",
                    "In a container whose first process is PostgreSQL each call has an ssh connection of its own: PostgreSQL would "
                        + "take the end of a shared one for a crash. Run the container with an init (docker run --init) to share it.",
                ],
                statuses: [
                    ("0", "The file is safe on the backup host."),
                    ("1", "The backup host refused it or could not store it."),
                    ("2", "The command line was wrong, or the file could not be read or sent."),
                    ("3", "The backup host could not be reached by ssh."),
                ],
                example: "archive_command = 'barman-wal-archive malcolm angus %p'"
            )
        default:
            Client(
                name: "fetch a WAL file from a backup host; a restore_command",
                paragraphs: [
                    "It needs nothing on this host but ssh, and on the backup host a barman whose user accepts the key of "
                        + "this account.",
                    "With --parallel a process in the background keeps that many files, less one, ahead of replay in a private "
                        + "directory below the spool directory. Each is checked to be what its name says.",
                    "In a container whose first process is PostgreSQL nothing is fetched ahead, and each call has an ssh connection "
                        + "of its own: PostgreSQL would take the end of what is left behind for a crash. Run the container with an "
                        + "init (docker run --init) to have both.",
                ],
                statuses: [
                    ("0", "The file is at WAL_DEST."),
                    ("1", "The backup host does not have it; PostgreSQL takes this as the end of the archive."),
                    ("2", "The connection or the transfer failed, or the command line was wrong."),
                    ("3", "WAL_DEST can not be written, or the name is that of no WAL file."),
                    ("126-255", "ssh was killed, or a history file has no room here: PostgreSQL stops."),
                ],
                example: "restore_command = 'barman-wal-restore --parallel 8 malcolm angus %f %p'"
            )
        }
    }
}
