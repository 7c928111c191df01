import Failure
import Notation
import SystemPackage
import TestHomes
import Testing

@testable import Settings

@Suite struct ServerSettingsTests {
    /// Options that leave nothing to complain about.
    static let sound = """
        conninfo = host=pg
        ssh_command = ssh postgres@pg
        archiver = on
        backup_options = concurrent_backup

        """

    @Test func `a value comes from the server, else from barman, else from the default`() throws {
        let global = "compression = gzip\nparallel_jobs = 4\ndescription = not inherited\n"
        let server = try Fixture.server("compression = zstd\n", global: global)
        #expect(server.compression == "zstd")
        #expect(server.parallelJobs == 4)
        #expect(server.description == nil)
        #expect(server.checkTimeoutSeconds == 30)
        #expect(server.source(of: .compression) == "/etc/barman.conf")
        #expect(server.source(of: .checkTimeout) == "default")
        #expect(server.source(of: .description) == "default")
    }

    @Test func `an empty text blocks what barman says, for texts and sets`() throws {
        let global = "compression = gzip\nrecovery_options = get-wal\nlast_wal_maximum_age = 1 day\nencryption = gpg\n"
        let options = "compression = None\nrecovery_options =\nlast_wal_maximum_age =\nencryption = none\n"
        let server = try Fixture.server(options, global: global)
        #expect(server.compression == nil)
        #expect(server.recoveryOptions.isEmpty)
        #expect(server.lastWALMaximumAgeSeconds == 86_400)
        #expect(server.encryption == "gpg")
    }

    @Test func `directories follow the backup directory, and an empty one its default`() throws {
        let server = try Fixture.server("backup_directory = /srv/s\nwals_directory = /wal\nerrors_directory =\n")
        #expect(server.backupDirectory == "/srv/s")
        #expect(server.basebackupsDirectory == "/srv/s/base")
        #expect(server.incomingWALsDirectory == "/srv/s/incoming")
        #expect(server.errorsDirectory == "/srv/s/errors")
        #expect(server.xlogdbDirectory == "/wal")
        #expect(server.metaDirectory == "/srv/s/meta")
        #expect(server.directories.map(\.option).contains("cloud_staging_directory"))
        #expect(try Fixture.server("").backupDirectory == "/nonexistent/barman/s")
        #expect(try Fixture.server("basebackups_directory = s3://b/c\n").basebackupsAreInCloud)
    }

    @Test func `bad values and unknown names are told, once for each server`() throws {
        let recorder = Recorder()
        _ = try Fixture.servers(
            "[b]\nactive=off\nfoo=1\n[a]\nactive=off\ncompression=bar\n",
            global: "parallel_jobs = x\n",
            reporter: recorder
        )
        let jobs =
            "warning: Ignoring invalid configuration value 'x' for key parallel_jobs in [barman] section: "
            + "invalid literal for int() with base 10: 'x'"
        #expect(
            recorder.told == [
                "warning: Invalid configuration option \"foo\" in [b] section.",
                jobs,
                "warning: Ignoring invalid configuration value 'bar' for key compression in [a] section: "
                    + "Invalid value: 'bar' "
                    + "(must be one in: gzip, bzip2, pygzip, pybzip2, pigz, xz, zstd, lz4, snappy, custom)",
                jobs,
            ]
        )
    }

    @Test func `servers are in the order of their bytes`() throws {
        let text = ["b", "a", "B", "é", "10", "9", "a-b"].map { "[\($0)]\nactive=off\n" }.joined()
        #expect(try Fixture.servers(text).names == ["10", "9", "B", "a", "a-b", "b", "é"])
    }

    @Test func `no server may be called all`() {
        let recorder = Recorder()
        let failure = failure { _ = try Fixture.servers("[all]\n", reporter: recorder) }
        let text = "the reserved word 'all' is not allowed as server name.Please rename it."
        #expect(failure?.message == "FATAL: \(text)")
        #expect(failure?.kind == .plain)
        #expect(recorder.told == ["log CRITICAL: \(text)"])
    }

    @Test(arguments: [
        ("", []),
        ("conninfo =\n", ["PostgreSQL connection: Missing 'conninfo' parameter for server 's'"]),
        (
            "conninfo = postgresql://u@h/db\n",
            [
                "PostgreSQL connection: Cannot connect to postgres: "
                    + "\"postgresql://u@h/db\" is not a valid connection string"
            ]
        ),
        (
            "primary_conninfo = rubbish\n",
            ["PostgreSQL connection: Cannot connect to postgres: \"rubbish\" is not a valid connection string"]
        ),
        ("ssh_command =\n", ["Missing or invalid ssh_command in barman configuration for server s"]),
        (
            "backup_method = local-rsync\n",
            ["Local copy requires ssh_command in barman configuration to be empty for server s"]
        ),
        ("backup_compression = gzip\n", ["backup_compression option is not supported by rsync backup_method"]),
        (
            "backup_method = postgres\nstreaming_conninfo = foo\n",
            ["Streaming connection: Cannot connect to postgres: \"foo\" is not a valid connection string"]
        ),
        (
            "backup_method = postgres\nreuse_backup = link\nnetwork_compression = on\ntablespace_bandwidth_limit = a:1\n",
            [
                "tablespace_bandwidth_limit option is not supported by postgres backup_method",
                "reuse_backup option is not supported by postgres backup_method",
                "network_compression option is not supported by postgres backup_method",
            ]
        ),
        ("backup_method = postgres\nreuse_backup = off\nnetwork_compression = off\n", []),
        (
            "streaming_archiver = on\narchiver = off\n",
            [
                "Streaming-only archiver requires 'streaming_conninfo' and 'slot_name' options "
                    + "to be properly configured"
            ]
        ),
        ("streaming_archiver = on\narchiver = off\nslot_name = s\n", []),
        (
            "backup_method = snapshot\nbandwidth_limit = 0\n",
            [
                "bandwidth_limit option is not supported by snapshot backup_method",
                "snapshot_disks option is required by snapshot backup_method",
                "snapshot_instance option is required by snapshot backup_method",
                "snapshot_provider option is required by snapshot backup_method",
                "Error initialising snapshot provider None: Unsupported snapshot provider: None",
            ]
        ),
        ("active = off\nconninfo =\nssh_command =\n", []),
        ("primary_ssh_command = ssh x\nconninfo =\nssh_command =\n", []),
    ])
    func `a server that can not work is disabled and says why`(options: String, messages: [String]) throws {
        let server = try Fixture.server(Self.sound + options)
        #expect(server.messages == messages)
        #expect(server.isDisabled == !messages.isEmpty)
    }

    @Test(arguments: [
        ("", []),
        (
            "archiver = off\n",
            [
                "warning: No archiver enabled for server 's'. "
                    + "Please turn on 'archiver', 'streaming_archiver' or both",
                "warning: Forcing 'archiver = on'",
            ]
        ),
        (
            "backup_options =\n",
            ["warning: No backup strategy set for server 's' (using default 'concurrent_backup')."]
        ),
        (
            "backup_method = postgres\nbackup_options = exclusive_backup\n",
            [
                "warning: 'exclusive_backup' is not a valid backup_option using postgres backup_method. "
                    + "Overriding with 'concurrent_backup'.",
                "debug: The default backup strategy for postgres backup_method is: concurrent_backup",
            ]
        ),
        (
            "backup_method = postgres\nbackup_options =\n",
            ["debug: The default backup strategy for postgres backup_method is: concurrent_backup"]
        ),
        (
            "bandwidth_limit = y\ntablespace_bandwidth_limit = a:1 b c:x\n",
            [
                "log WARNING: Invalid bandwidth_limit \"y\" for server \"s\" (fallback to \"0\")",
                "log WARNING: Invalid tablespace_bandwidth_limit rule 'b'",
                "log WARNING: Invalid tablespace_bandwidth_limit rule 'c:x'",
            ]
        ),
        (
            "minimum_redundancy = x\nretention_policy_mode = AUTO\nretention_policy = foo\nwal_retention_policy = x\n",
            [
                "log WARNING: Invalid minimum_redundancy \"x\" for server \"s\" (fallback to \"0\")",
                "log WARNING: Unsupported retention_policy_mode \"AUTO\" for server \"s\" (fallback to \"auto\")",
                "log WARNING: Unsupported wal_retention_policy value \"x\" for server \"s\" (fallback to \"main\")",
                "log ERROR: Invalid retention_policy setting \"foo\" for server \"s\"",
            ]
        ),
        (
            "minimum_redundancy = -2\n",
            ["log WARNING: Negative value of minimum_redundancy \"-2\" for server \"s\" (fallback to \"0\")"]
        ),
    ])
    func `loading a server says what was adjusted`(options: String, expected: [String]) throws {
        let recorder = Recorder()
        let server = try Fixture.server(Self.sound + options)
        for message in server.loadMessages { message.deliver(to: recorder) }
        #expect(recorder.told == expected)
    }

    @Test func `rules leave their mark on the values`() throws {
        let server = try Fixture.server(
            Self.sound
                + "archiver = off\nbackup_options = external_configuration\nminimum_redundancy = 3\n"
                + "bandwidth_limit = 9\ntablespace_bandwidth_limit = a:1 b:9 c:0\nretention_policy = redundancy 2\n"
        )
        #expect(server.archiver)
        #expect(server.backupOptions == [.concurrentBackup, .externalConfiguration])
        #expect(server.minimumRedundancy == 3)
        #expect(server.bandwidthLimit == 9)
        #expect(server.tablespaceBandwidthLimit == ["a": 1, "c": 0])
        #expect(server.retentionPolicy == .redundancy(2))
        #expect(!server.retentionPolicyIsInvalid)
        #expect(try Fixture.server(Self.sound + "retention_policy = main\n").retentionPolicyIsInvalid)
    }

    @Test func `an override goes through the rules again`() throws {
        let server = try Fixture.server(Self.sound)
        let other = server.overriding([.conninfo: .string("foo"), .parallelJobs: .integer(8)])
        #expect(other.parallelJobs == 8)
        #expect(other.isDisabled)
        #expect(!server.isDisabled)
        #expect(!other.overriding([.conninfo: .string("host=x")]).isDisabled)
        #expect(server.overriding([.bandwidthLimit: .integer(7)]).bandwidthLimit == 7)
    }

    @Test(arguments: [
        ("", "host=pg", "host=pg", nil),
        ("wal_conninfo = a=w\n", "a=w", "host=pg", "'conninfo' overridden with 'a=w'"),
        (
            "wal_streaming_conninfo = a=s\n", "a=s", "a=s",
            "'streaming_conninfo' overridden with 'a=s' and 'conninfo' overridden with 'a=s'"
        ),
        (
            "wal_conninfo = a=w\nwal_streaming_conninfo = a=s\n", "a=w", "a=s",
            "'streaming_conninfo' overridden with 'a=s' and 'conninfo' overridden with 'a=w'"
        ),
    ])
    func `WAL may come from another host`(
        options: String,
        normal: String,
        streaming: String,
        parts: String?
    ) throws {
        let (server, announcement) = try Fixture.server(Self.sound + options).forWALStreaming()
        #expect(server.conninfo?.exposed == normal)
        #expect(server.streamingConninfo?.exposed == streaming)
        #expect(announcement == parts.map { "Configuration overrides applied: \($0)" })
    }

    @Test func `streaming stays at the main host when only the other connection for WAL is given`() throws {
        let options =
            "conninfo = a=m\nbackup_method = rsync\nssh_command = ssh pg\ndescription = x\nwal_conninfo = a=w\n"
        let (server, _) = try Fixture.server(options).forWALStreaming()
        #expect(server.conninfo?.exposed == "a=w")
        #expect(server.streamingConninfo?.exposed == "a=m")
    }

    @Test func `values are shown as the reference shows them`() throws {
        let server = try Fixture.server(
            Self.sound
                + "last_wal_maximum_age = 25 hours\nlast_backup_maximum_age = 2 days\nsnapshot_disks = a,b\n"
                + "tablespace_bandwidth_limit = a:1\nretention_policy = recovery window of 1 week\n"
        )
        #expect(server.consoleText(of: .active) == "True")
        #expect(server.consoleText(of: .compression) == "None")
        #expect(server.consoleText(of: .backupOptions) == "BackupOptions({'concurrent_backup'})")
        #expect(server.consoleText(of: .recoveryOptions) == "RecoveryOptions()")
        #expect(server.consoleText(of: .lastWalMaximumAge) == "1 day, 1:00:00")
        #expect(server.consoleText(of: .lastBackupMaximumAge) == "2 days")
        #expect(server.consoleText(of: .snapshotDisks) == "['a', 'b']")
        #expect(server.consoleText(of: .tablespaceBandwidthLimit) == "{'a': 1}")
        #expect(server.consoleText(of: .retentionPolicy) == "RECOVERY WINDOW OF 1 WEEKS")
        #expect(server.consoleText(of: .walRetentionPolicy) == "MAIN")
        #expect(server.jsonValue(of: .snapshotDisks) == ["a", "b"])
        #expect(server.jsonValue(of: .tablespaceBandwidthLimit) == ["a": 1])
        #expect(server.jsonValue(of: .compression) == .null)
        #expect(server.jsonValue(of: .cloudStagingMaxSize) == 32_212_254_720)
        #expect(try Fixture.server("").jsonValue(of: .lastBackupMaximumAge) == "None")
    }

    @Test func `hooks are found by phase and family`() throws {
        let server = try Fixture.server(
            "pre_wal_delete_retry_script = a\npost_backup_script = b\n",
            global: "post_recovery_script = c\n"
        )
        #expect(server.hook(.pre, .walDelete, retry: true) == "a")
        #expect(server.hook(.post, .backup, retry: false) == "b")
        #expect(server.hook(.post, .recovery, retry: false) == "c")
        for family in HookFamily.allCases {
            for phase in HookPhase.allCases {
                for retry in [true, false] {
                    let name = "\(phase.rawValue)_\(family.rawValue)_\(retry ? "retry_" : "")script"
                    #expect(ServerOption(name: name) != nil, "\(name)")
                }
            }
        }
    }

    @Test(arguments: [
        ("", "aws_snapshot_lock_duration' or 'aws_snapshot_lock_expiration_date'."),
        ("aws_snapshot_lock_duration = 1\naws_snapshot_lock_expiration_date = x\n", "but not both."),
        ("aws_snapshot_lock_duration = 0\n", "aws_snapshot_lock_duration must be between 1 and 36,500 days."),
        (
            "aws_snapshot_lock_expiration_date = 2026-13-01T00:00:00.0Z\n",
            "Invalid date: '2026-13-01T00:00:00.0Z'. Expected format is '%Y-%m-%dT%H:%M:%S.%fZ'."
        ),
        ("aws_snapshot_lock_expiration_date = 2026-12-01T00:00:00.000000Z\n", nil),
        ("aws_snapshot_lock_duration = 7\naws_snapshot_lock_cool_off_period = 3\n", "= 'governance'."),
    ])
    func `the lock of snapshots must make sense`(options: String, ending: String?) throws {
        let snapshot =
            "backup_method = snapshot\nsnapshot_disks = a\nsnapshot_instance = b\nsnapshot_provider = aws\n"
            + "aws_snapshot_lock_mode = Governance\n"
        let server = try Fixture.server(Self.sound + snapshot + options)
        if let ending {
            #expect(server.messages.count == 1)
            #expect(server.messages.first?.hasSuffix(ending) == true, "\(server.messages)")
        } else {
            #expect(server.messages == [])
        }
    }
}
