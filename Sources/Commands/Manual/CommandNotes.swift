extension CommandNote {
    /// The notes by command; a command without one has what the table says about it.
    static let all: [String: CommandNote] = general.merging(backups) { first, _ in first }
        .merging(walAndHosts) { first, _ in first }

    private static let general: [String: CommandNote] = [
        "check": CommandNote(
            [
                "Looks at everything a backup needs: that PostgreSQL answers and lets the user do what a backup takes, that "
                    + "WAL arrives, that ssh or the replication connection works, that directories can be written, and that "
                    + "what is stored is recent and numerous enough. Each row is OK or FAILED.",
                "Looking has effects: missing directories are made, WAL that waits is archived, and a server whose archive "
                    + "is empty is asked once to close a WAL file.",
                "With --explain each failed row is followed by its cause as far as it can be seen from here, what to do "
                    + "about it, and the page to read.",
            ],
            examples: [
                "barman check angus": "Is angus fit for backups?",
                "barman check --explain angus": "It is not: why, and what to do?",
                "barman check --nagios all": "The same question, asked by a monitoring system.",
            ],
            related: ["status", "setup", "diagnose"]
        ),
        "config-switch": CommandNote(
            [
                "A model is a section with model = true: a set of options that can be laid over a server of the same "
                    + "cluster, for example while another node is the primary. One model at most is active for a server."
            ],
            examples: [
                "barman config-switch angus angus:standby": "From now on the options of this model count.",
                "barman config-switch angus --reset": "Back to the options of the server's own section.",
            ],
            related: ["config-update", "show-servers"]
        ),
        "config-update": CommandNote(
            [
                "Takes a list of changes as JSON; each names its scope (server or model), the section, and the options to "
                    + "set. A change is on disk in full, or refused as a whole; options of files that belong to the "
                    + "administrator are replaced in place, all others go into .barman.auto.conf in barman_home."
            ],
            examples: [
                #"barman config-update '[{"scope": "server", "server_name": "angus", "parallel_jobs": "4"}]'"#:
                    "Four jobs for angus."
            ],
            related: ["config-switch", "show-servers"]
        ),
        "cron": CommandNote(
            [
                "To be run every minute, as user barman. It archives what arrived, starts and watches what runs beside it, "
                    + "makes backups DONE whose WAL has come, applies retention policies and removes unused locks. "
                    + "Two runs at a time do no harm: the second sees the lock of the first and ends."
            ],
            examples: [
                "barman -q cron": "The line of the packages' /etc/cron.d/barman.",
                "barman cron --dry-run": "What would the next run start and delete?",
            ],
            related: ["archive-wal", "receive-wal", "delete"]
        ),
        "retention": CommandNote(
            [
                "Changes nothing. Tells for each backup how the retention policy judges it, whether the next run of cron would "
                    + "remove it, and from when to when it can recover on each timeline: up to the first WAL file that is "
                    + "not archived. The end is the time of that timeline's last file."
            ],
            examples: [
                "barman retention angus": "What would go, and what can still be recovered?",
                "barman -f json retention all": "The same for a program.",
            ],
            related: ["cron", "delete", "keep", "show-backup"]
        ),
        "diagnose": CommandNote(
            ["Changes nothing. Passwords are masked."],
            examples: ["barman diagnose > diagnose.json": "What to attach to a report of a defect."],
            related: ["check", "show-servers"]
        ),
        "help": CommandNote([], related: ["list-servers"]),
        "list-processes": CommandNote(
            ["Shows the tasks of a server that run on this host, such as receive-wal, with their process numbers."],
            related: ["terminate-process"]
        ),
        "list-servers": CommandNote(
            ["Servers come from sections of the configuration files; see barman(5)."],
            related: ["show-servers", "check"]
        ),
        "lock-directory-cleanup": CommandNote(
            ["Removes lock files that nobody holds. cron does it as well unless lock_directory_cleanup is off."],
            related: ["cron"]
        ),
        "replication-status": CommandNote(
            [
                "Asks the server who streams WAL from it, standbys and WAL streamers, and how far behind each of them is."
            ],
            examples: ["barman replication-status --target wal-streamer angus": "Is our own receiver up to date?"],
            related: ["status", "receive-wal"]
        ),
        "setup": CommandNote(
            [
                "Looks at a PostgreSQL server, proposes how to back it up, and writes the file of the server into the "
                    + "directory of configuration files. It prints the SQL that the role needs and the lines for "
                    + "postgresql.conf and pg_hba.conf; with --apply it executes what it may over the connection of "
                    + "--admin-conninfo, and says what is left to do by hand. It ends with check.",
                "What is not given by an option is asked on a terminal; with --yes, or without a terminal, the proposal "
                    + "counts, and a question without one is an error that names the option. An existing file is never "
                    + "replaced without a question or --replace.",
            ],
            examples: [
                "barman setup angus": "Asks for what it needs to know.",
                "barman setup angus --conninfo 'host=angus user=barman dbname=postgres' --method postgres --yes":
                    "Without a question: a streaming server.",
            ],
            related: ["check", "show-servers"]
        ),
        "show-servers": CommandNote(
            ["Shows every option with the value that counts, and what the server itself says when it can be reached."],
            related: ["list-servers", "config-update"]
        ),
        "status": CommandNote(
            ["Shows the state of servers: PostgreSQL, archiving, backups and what retention makes of them."],
            related: ["check", "list-backups"]
        ),
        "terminate-process": CommandNote(
            ["The task is asked to end as if interrupted from a terminal: it cleans up after itself."],
            examples: ["barman terminate-process angus receive-wal": "cron starts the receiver again within a minute."],
            related: ["list-processes"]
        ),
    ]

    private static let backups: [String: CommandNote] = [
        "backup": CommandNote(
            [
                "The server goes on working while it is copied. A backup is usable (DONE) once all WAL written during the "
                    + "copy is in the archive; until then it is WAITING_FOR_WALS. --wait returns when it is DONE.",
                "Before the copy starts the rows of check are looked at; the reason for a refusal is in the log and in "
                    + "what check says. A backup that fails is kept as FAILED, with its error, until it is deleted.",
            ],
            examples: [
                "barman backup angus --wait": "A backup that can be restored when the command returns.",
                "barman backup angus --jobs 4 --bwlimit 50000": "Four rsync processes, 50 MB a second together.",
                "barman backup all": "Every active server, one after the other.",
            ],
            related: ["check", "list-backups", "restore"]
        ),
        "check-backup": CommandNote(
            ["Makes a waiting backup DONE if all its WAL has come; cron does this as well."],
            related: ["backup", "cron"]
        ),
        "delete": CommandNote(
            [
                "Removes a backup and the WAL that no remaining backup needs. A kept backup, one that others are increments "
                    + "of, and one that minimum_redundancy protects are refused.",
                "A deletion that was interrupted is finished by the next delete or cron.",
            ],
            examples: ["barman delete angus oldest": "Make room."],
            related: ["keep", "list-backups"]
        ),
        "export-backup": CommandNote([], related: ["import-backup"]),
        "generate-manifest": CommandNote(
            ["Reads every file of the backup once and writes sizes and SHA-256 checksums as PostgreSQL does."],
            related: ["verify-backup"]
        ),
        "import-backup": CommandNote([], related: ["export-backup"]),
        "keep": CommandNote(
            [
                "A kept backup is not removed by retention policies, and delete refuses it. With target full its WAL is kept "
                    + "too, up to the present; with target standalone only the WAL that makes it consistent."
            ],
            examples: [
                "barman keep angus latest --target standalone": "Keep the state of today, say for the auditors.",
                "barman keep angus 20260301T020000 --release": "No longer.",
            ],
            related: ["delete", "list-backups"]
        ),
        "list-backups": CommandNote(
            [
                "Newest first. Each line has ID, kind (R rsync, F full, I incremental, S snapshot), end time, size, WAL size, "
                    + "and what retention makes of the backup."
            ],
            related: ["show-backup", "status"]
        ),
        "list-files": CommandNote(
            [
                "The targets data and wal list the files of the copy and of the archive; standalone both, for a backup alone."
            ],
            examples: [
                "barman list-files angus latest --target standalone":
                    "What has to be copied to have this backup elsewhere."
            ],
            related: ["show-backup"]
        ),
        "restore": CommandNote(
            [
                "Without a target the backup is recovered up to the newest archived WAL. A target (time, transaction, LSN, "
                    + "name, or the end of the backup) ends recovery there; --target-action says what the server does then: "
                    + "pause (the default of PostgreSQL), promote or shutdown.",
                "Nothing is written before the plan stands: the backup covers the target, the destination is empty. The "
                    + "restored server does not archive: look at postgresql.conf before you let it. global/pg_control is "
                    + "written last, so an interrupted restore does not start.",
                "A time without a zone is a time of this host.",
            ],
            examples: [
                "barman restore angus latest /var/lib/postgresql/15/main": "The newest state, on this host.",
                "barman restore angus latest /var/lib/postgresql/15/main --target-time '2026-03-01 14:04:00+01:00' "
                    + "--target-action promote --remote-ssh-command 'ssh postgres@angus'":
                    "The state of a minute before the accident, on angus.",
            ],
            related: ["list-backups", "get-wal"]
        ),
        "show-backup": CommandNote(
            ["Shows everything known about one backup: times, LSNs, sizes, tablespaces, its WAL, its neighbours."],
            related: ["list-backups", "list-files"]
        ),
        "verify-backup": CommandNote(
            [
                "Reads the backup once on all cores and compares sizes and checksums with its backup_manifest. Every defect "
                    + "is listed. A backup without a manifest: see generate-manifest."
            ],
            related: ["generate-manifest"]
        ),
    ]

    private static let walAndHosts: [String: CommandNote] = [
        "archive-wal": CommandNote(
            [
                "Takes what is in incoming and streaming, compresses it on all cores, and files it. A source file is removed "
                    + "only after the archived one and its line in xlog.db are on disk. cron does this every minute."
            ],
            related: ["cron", "switch-wal"]
        ),
        "check-wal-archive": CommandNote(
            ["For use before a new server archives to this name: an archive with WAL in it belongs to another server."],
            related: ["put-wal"]
        ),
        "cloud-wal-archive": CommandNote([], related: ["cloud-wal-restore"]),
        "cloud-wal-restore": CommandNote([], related: ["cloud-wal-archive"]),
        "get-wal": CommandNote(
            [
                "Called over ssh by barman-wal-restore, or as a restore_command on this host. Compressed and encrypted files "
                    + "come out as PostgreSQL wants them. Status 3: there is no such file."
            ],
            examples: [
                "restore_command = 'barman-wal-restore malcolm angus %f %p'":
                    "On the restored server: WAL when it is needed."
            ],
            related: ["put-wal", "serve-wal", "restore"]
        ),
        "put-wal": CommandNote(
            [
                "Called over ssh by barman-wal-archive. Status 0 means that the file is complete, its checksum right, and "
                    + "everything synced to disk."
            ],
            examples: [
                "archive_command = 'barman-wal-archive malcolm angus %p'": "In the server's postgresql.conf."
            ],
            related: ["get-wal", "serve-wal"]
        ),
        "rebuild-xlogdb": CommandNote(
            ["Reads the archive and writes its list anew; for a list that was lost or damaged."],
            related: ["archive-wal"]
        ),
        "receive-wal": CommandNote(
            [
                "cron starts it for every server with streaming_archiver = on and starts it again when it ends.",
                "Commits wait for it when synchronous_standby_names names it (streaming_archiver_name): with "
                    + "synchronous_commit = on or remote_write. With remote_apply they would wait for ever, since it replays "
                    + "nothing.",
                "After --reset, WAL from before the new position is not received any more, and an unfinished segment is removed: "
                    + "recovery from older backups ends where WAL is missing, until there is another backup. "
                    + "It is the way out when the server has removed the WAL that comes next.",
            ],
            related: ["replication-status", "check", "backup", "cron"]
        ),
        "serve-wal": CommandNote(
            [
                "The forced command of an ssh key: whatever the other side asks for, it gets put-wal and get-wal of the named "
                    + "servers and nothing else. The request is read from SSH_ORIGINAL_COMMAND; no shell sees it, and no "
                    + "option that writes files here or reads another configuration is accepted."
            ],
            examples: [
                #"restrict,command="barman serve-wal angus" ssh-ed25519 AAAA... postgres@angus"#:
                    "A line of ~barman/.ssh/authorized_keys: this key archives and fetches the WAL of angus."
            ],
            related: ["put-wal", "get-wal"]
        ),
        "switch-wal": CommandNote(
            [
                "With --force a checkpoint comes first, so that there is something to close; with --archive it waits for it."
            ],
            examples: ["barman switch-wal --force --archive angus": "Does the way of WAL work?"],
            related: ["archive-wal"]
        ),
        "sync-backup": CommandNote(
            [
                "For a server with primary_ssh_command; cron starts it for the oldest backup that is wanted. What the primary has is "
                    + "taken from primary.info, which cron and sync-info --primary write. The backup is SYNCING until every file is "
                    + "on disk; a copy that was interrupted goes on where it ended. With reuse_backup, files that another "
                    + "backup here has are not transferred."
            ],
            examples: ["barman sync-backup angus 20260301T030000": "Copies this backup now."],
            related: ["sync-info", "sync-wals", "cron"]
        ),
        "sync-info": CommandNote(
            [
                "Run by passive nodes over ssh. With --primary, on a passive node, the primary is asked, its answer is stored as "
                    + "primary.info and printed."
            ],
            examples: ["barman sync-info --primary angus": "What does the primary have?"],
            related: ["sync-backup", "sync-wals"]
        ),
        "sync-wals": CommandNote(
            [
                "For a server with primary_ssh_command; cron starts it when the primary has told of WAL. Files are listed in the "
                    + "catalog when they are on disk; what is listed already is left out. Both nodes need the same compression."
            ],
            related: ["sync-info", "sync-backup", "cron"]
        ),
    ]
}
