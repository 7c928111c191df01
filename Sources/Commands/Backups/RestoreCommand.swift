/// `restore`: brings a backup back as a data directory, here or on another host.
enum RestoreCommand {
    static let specification = CommandSpecification(
        name: "restore",
        aliases: ["recover"],
        summary: "Restore a backup into a directory, up to its end or to a point in time.",
        options: targets + place + CopyOptions.retries(after: CopyOptions.bandwidth) + CopyOptions.jobs + wal
            + behaviour + staging + configuration + providers,
        positionals: [
            .server, .backup,
            PositionalArgument("destination_directory", help: "the data directory of the restored server"),
        ]
    )

    private static let targets: [OptionArgument] = [
        .value("--target-tli", type: .targetTimeline, help: "recover along this timeline, 'current' or 'latest'"),
        .value("--target-time", help: "recover up to this time, such as '2026-03-01 12:00:00+01:00'"),
        .value("--target-xid", help: "recover up to this transaction"),
        .value("--target-lsn", help: "recover up to this place in the WAL"),
        .value("--target-name", help: "recover up to this restore point"),
        .flag("--target-immediate", help: "stop as soon as the data is consistent"),
        .flag("--exclusive", help: "stop just before the target"),
    ]

    private static let place: [OptionArgument] = [
        .value(
            "--tablespace",
            metavar: "NAME:LOCATION",
            arity: .repeated,
            help: "put a tablespace elsewhere; can be repeated"
        ),
        .value(
            "--remote-ssh-command",
            metavar: "SSH_COMMAND",
            help: "restore on another host, reached by this command, such as 'ssh postgres@pg2'"
        ),
        .value("--staging-wal-directory", help: "where WAL for the recovery is put on the target host"),
    ]

    private static let wal: [OptionArgument] = [
        .flag("--get-wal", help: "let the restored server fetch its WAL from here when it needs it"),
        .flag("--no-get-wal", keeping: "get_wal", as: .flag(false), help: "copy the WAL now"),
        .flag("--partial-wal", help: "copy partial WAL files as well"),
    ]

    private static let behaviour: [OptionArgument] = [
        .flag("--network-compression", help: "compress what goes over the network"),
        .flag("--no-network-compression", keeping: "network_compression", as: .flag(false), help: "do not compress it"),
        .value("--target-action", type: .targetAction, help: "what to do at the target: pause, shutdown or promote"),
        .flag("--standby-mode", help: "make the restored server a standby"),
    ]

    private static let staging: [OptionArgument] = [
        .value("--recovery-staging-path", help: "deprecated; see --staging-path"),
        .value("--local-staging-path", help: "deprecated; see --staging-path"),
        .value("--staging-path", help: "where a backup is unpacked or combined before it is put in place"),
        .value("--staging-location", choices: ["local", "remote"], help: "which host the staging path is on"),
        .value(
            "--combine-mode",
            type: .combineMode,
            metavar: "{copy,link,clone,copy-file-range}",
            help: "how pg_combinebackup takes files over"
        ),
    ]

    private static let configuration: [OptionArgument] = [
        .value("--recovery-conf-filename", help: "the file for recovery settings; default postgresql.auto.conf"),
        .value("--recovery-option-port", help: "the ssh port that barman-wal-restore uses"),
        .value("--restore-command", help: "use this restore_command; with --get-wal only"),
        .flag("--delta-restore", help: "restore over what is there and copy only what differs"),
        .flag("--no-delta-restore", keeping: "delta_restore", as: .flag(false), help: "want an empty destination"),
    ]

    private static let providers: [OptionArgument] = [
        .value("--snapshot-recovery-instance", help: "the instance that the restored disks are attached to"),
        .value("--snapshot-recovery-zone", help: "deprecated; see --gcp-zone"),
        .value("--gcp-zone", help: "the zone of instance and disks at Google"),
        .value("--azure-resource-group", help: "the resource group of instance and disks at Azure"),
        .value("--aws-region", help: "the region of instance and disks at Amazon"),
    ]
}

extension CopyOptions {
    /// The options about trying again, after another one.
    fileprivate static func retries(after option: OptionArgument) -> [OptionArgument] { [option] + retries }
}
