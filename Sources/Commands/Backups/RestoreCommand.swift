import Catalog
import Console
import Drill
import Notation
import Restore

/// `restore`: brings a backup back as a data directory, here or on another host.
enum RestoreCommand {
    static let specification = CommandSpecification(
        name: "restore",
        aliases: ["recover"],
        summary: "Restore a backup into a directory, up to its end or to a point in time.",
        options: targets + place + CopyOptions.retries(after: CopyOptions.bandwidth) + CopyOptions.jobs + wal
            + behaviour + staging + configuration + providers + planning,
        positionals: [
            .server, .backup,
            PositionalArgument("destination_directory", help: "the data directory of the restored server"),
        ],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        guard let home = try context.server(arguments.required("server_name"), .needsSettings) else { return }
        let request = request(arguments)
        let settled = SettingOverrides(copying: arguments).applied(to: home)
        let restore = RestoreRun(home: settled, request: request, reporter: context.console)
        if arguments.flag("plan") {
            let forecast = try restore.forecast(rate: copyRate(settled))
            return RestorePlanAnswer(forecast: forecast).give(to: context.console)
        }
        let report = try restore.run()
        RestoreAnswer(report: report).give(to: context.console)
    }

    /// How fast the last drill copied, if there was one.
    private static func copyRate(_ home: ServerHome) -> CopyRate {
        // Without a readable record there is nothing measured.
        guard let drill = try? DrillLog(home).last(), let seconds = drill.copySeconds, seconds > 0 else {
            return .assumed
        }
        let rate = Double(drill.copiedBytes) / seconds
        return CopyRate(bytesPerSecond: rate, basis: "as the last drill: \(HumanText.size(rate))/s")
    }

    private static func request(_ arguments: ParsedArguments) -> RestoreRequest {
        var request = RestoreRequest(
            backup: arguments.required("backup_id"),
            destination: arguments.required("destination_directory")
        )
        request.targetTime = arguments.text("target_time")
        request.targetXID = arguments.text("target_xid")
        request.targetLSN = arguments.text("target_lsn")
        request.targetName = arguments.text("target_name")
        request.targetImmediate = arguments.flag("target_immediate")
        request.targetTimeline = arguments.text("target_tli")
        request.isExclusive = arguments.flag("exclusive")
        request.targetAction = arguments.text("target_action")
        request.standbyMode = arguments.flag("standby_mode")
        request.tablespaceRules = arguments.list("tablespace")
        request.remoteSSHCommand = arguments.text("remote_ssh_command")
        request.stagingWALDirectory = arguments.text("staging_wal_directory")
        request.getWAL = arguments.optionalFlag("get_wal")
        request.partialWAL = arguments.flag("partial_wal")
        request.restoreCommand = arguments.text("restore_command")
        request.recoveryOptionPort = arguments.text("recovery_option_port")
        request.recoveryConfFilename = arguments.text("recovery_conf_filename")
        request.deltaRestore = arguments.optionalFlag("delta_restore")
        request.networkCompression = arguments.optionalFlag("network_compression")
        request.stagingPath = arguments.text("staging_path")
        request.stagingLocation = arguments.text("staging_location")
        request.recoveryStagingPath = arguments.text("recovery_staging_path")
        request.localStagingPath = arguments.text("local_staging_path")
        request.combineMode = arguments.text("combine_mode")
        request.snapshotRecoveryInstance = arguments.text("snapshot_recovery_instance")
        return request
    }

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

    private static let planning: [OptionArgument] = [
        .flag("--plan", help: "say what would be done and whether it can work; write nothing")
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
