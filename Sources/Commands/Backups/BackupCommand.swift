import Backup
import Catalog
import Console
import Failure
import Files
import Notation
import Settings
import Upkeep

/// `backup`: takes a base backup of servers.
enum BackupCommand {
    static let specification = CommandSpecification(
        name: "backup",
        summary: "Take a base backup of servers.",
        options: [
            .flag("--immediate-checkpoint", help: "start with a fast checkpoint"),
            .flag(
                "--no-immediate-checkpoint",
                keeping: "immediate_checkpoint",
                as: .flag(false),
                help: "start with a checkpoint that spreads its load"
            ),
            .value("--incremental", metavar: "BACKUP_ID", help: "copy only what changed since this backup"),
            .value(
                "--reuse-backup",
                choices: ["copy", "link", "off"],
                arity: .optional("link"),
                help: "how files that did not change come from the previous backup; link without a word after it"
            ),
        ] + CopyOptions.retries + CopyOptions.jobs + [
            CopyOptions.bandwidth,
            .flag("--wait", "-w", help: "wait until the WAL that makes the backup consistent is archived"),
            .value(
                "--wait-timeout",
                type: .nonNegativeInteger,
                metavar: "TIMEOUT",
                help: "give up waiting after so many seconds; 0 waits for ever"
            ),
            .value(
                "--keepalive-interval",
                type: .nonNegativeInteger,
                help: "seconds between signs of life on the connection during an rsync backup"
            ),
            .value(
                "--name",
                keeping: "backup_name",
                type: .backupName,
                help: "a name by which other commands find the backup"
            ),
            .flag("--manifest", help: "write a backup manifest after an rsync backup"),
            .flag("--no-manifest", keeping: "manifest", as: .flag(false), help: "do not write a backup manifest"),
            CheckOptions.timeout("CHECK_TIMEOUT"),
            .value(
                "--cloud-staging-directory",
                type: .absolutePath,
                help: "where parts wait on their way to an object store"
            ),
            .value("--cloud-staging-max-size", type: .byteSize, help: "how much may wait there, such as 30Gi"),
        ],
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .needsPrimaryNode)) { home in
            guard let info = try takeBackup(of: overridden(home, arguments), context, arguments) else { return }
            if context.console.isJSON {
                for (key, value) in BackupRecordJSON.members(of: info, .answer) { context.console.set(key, value) }
            }
        }
    }

    private static func takeBackup(
        of home: ServerHome,
        _ context: Context,
        _ arguments: ParsedArguments
    ) throws -> BackupInfo? {
        guard let server = context.postgres(of: home) else {
            context.console.error(
                "Impossible to start the backup. Check the log for more details, or run 'barman check \(home.name)'"
            )
            return nil
        }
        var options = BackupOptions()
        options.name = arguments.text("backup_name")
        options.incrementalParent = arguments.text("incremental")
        options.waits = arguments.flag("wait")
        options.waitTimeoutSeconds = arguments.integer("wait_timeout").map(Int64.init)
        let (console, environment) = (context.console, context.environment)
        let run = BackupRun(home: home, postgres: server, reporter: console, options: options) {
            try CheckRun(home: home, server: server, reporter: console, environment: environment).permitsBackup()
        }
        return try run.run()
    }

    /// The server with the settings that the command line replaces.
    private static func overridden(_ home: ServerHome, _ arguments: ParsedArguments) -> ServerHome {
        var overrides = SettingOverrides(copying: arguments)
        overrides.setFlag(.immediateCheckpoint, "immediate_checkpoint")
        // Other methods take nothing from an older backup: whoever asks all servers for it does not mean them.
        if [.rsync, .localRsync].contains(home.settings.backupMethod) {
            overrides.setText(.reuseBackup, "reuse_backup")
        }
        overrides.setNumber(.keepaliveInterval, "keepalive_interval")
        overrides.setFlag(.autogenerateManifest, "manifest")
        overrides.setNumber(.checkTimeout, "check_timeout")
        overrides.setText(.cloudStagingDirectory, "cloud_staging_directory")
        overrides.setNumber(.cloudStagingMaxSize, "cloud_staging_max_size")
        return overrides.applied(to: home)
    }
}

/// Options of commands that copy whole backups.
enum CopyOptions {
    static let retries: [OptionArgument] = [
        .value("--retry-times", type: .nonNegativeInteger, help: "how often to try again when the copy fails"),
        .value("--retry-sleep", type: .nonNegativeInteger, help: "seconds to wait before trying again"),
        .flag("--no-retry", keeping: "retry_times", as: .integer(0), help: "do not try again"),
    ]
    static let jobs: [OptionArgument] = [
        .value("--jobs", "-j", type: .positiveInteger, metavar: "NJOBS", help: "copy with so many workers"),
        .value(
            "--jobs-start-batch-period",
            type: .positiveInteger,
            help: "seconds over which one batch of workers is started"
        ),
        .value("--jobs-start-batch-size", type: .positiveInteger, help: "how many workers one batch has"),
    ]
    static let bandwidth = OptionArgument.value(
        "--bwlimit",
        type: .nonNegativeInteger,
        metavar: "KBPS",
        help: "copy at most so many kilobytes a second; 0 sets no limit"
    )
}

/// Options of commands that run the checks.
enum CheckOptions {
    static func timeout(_ metavar: String) -> OptionArgument {
        .value(
            "--check-timeout",
            type: .nonNegativeInteger,
            metavar: metavar,
            help: "seconds that the checks of one server may take; 0 sets no limit"
        )
    }
}
