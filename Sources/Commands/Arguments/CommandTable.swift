import Notation

/// All commands, in the order in which usage errors list them.
enum CommandTable {
    /// The options that stand before the command.
    static let globalOptions: [OptionArgument] = [
        .help,
        .version,
        .value(
            "-c",
            "--config",
            help: "read this configuration file instead of ~/.barman.conf, /etc/barman.conf or /etc/barman/barman.conf"
        ),
        .value("--color", "--colour", choices: ["never", "always", "auto"], help: "when to colour the output"),
        .value(
            "--log-level",
            choices: ["NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
            help: "log from this level on, whatever the configuration says"
        ),
        .flag("-q", "--quiet", help: "print warnings and errors only"),
        .flag("-d", "--debug", help: "print debug messages as well"),
        .value("-f", "--format", choices: ["console", "json"], help: "how to print answers"),
    ]

    /// Every command.
    static let commands: [CommandSpecification] = [
        HelpCommand.specification,
        ListServersCommand.specification,
        ListProcessesCommand.specification,
        TerminateProcessCommand.specification,
        CronCommand.specification,
        LockDirectoryCleanupCommand.specification,
        BackupCommand.specification,
        ListBackupsCommand.specification,
        StatusCommand.specification,
        ReplicationStatusCommand.specification,
        RebuildXlogdbCommand.specification,
        RestoreCommand.specification,
        ShowServersCommand.specification,
        SwitchWALCommand.specification,
        CheckCommand.specification,
        DiagnoseCommand.specification,
        SyncInfoCommand.specification,
        SyncBackupCommand.specification,
        SyncWALsCommand.specification,
        ShowBackupCommand.specification,
        ListFilesCommand.specification,
        DeleteCommand.specification,
        DrillCommand.specification,
        GetWALCommand.specification,
        PutWALCommand.specification,
        ArchiveWALCommand.specification,
        ReceiveWALCommand.specification,
        CheckBackupCommand.specification,
        VerifyBackupCommand.specification,
        ExportBackupCommand.specification,
        ImportBackupCommand.specification,
        GenerateManifestCommand.specification,
        KeepCommand.specification,
        CheckWALArchiveCommand.specification,
        RetentionCommand.specification,
        ConfigSwitchCommand.specification,
        ConfigUpdateCommand.specification,
        LaterCommands.cloudWALArchive,
        LaterCommands.cloudWALRestore,
        // Ours alone, behind those of the reference.
        ServeWALCommand.specification,
        SetupCommand.specification,
    ]

    /// Names and aliases, in the order of the table.
    static var names: [String] { commands.flatMap { [$0.name] + $0.aliases } }

    /// The command with a name or alias.
    static func command(named name: String) -> CommandSpecification? {
        commands.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// The usage block of the program.
    static func usage(_ help: HelpText) -> String {
        help.usage("barman", options: globalOptions, positionals: [choices, "..."])
    }

    /// The help of the program.
    static func helpText(columns: Int) -> String {
        let help = HelpText(columns: columns)
        let sorted = commands.sorted { $0.name < $1.name }
        let rows = sorted.map { command in
            let aliases = command.aliases.isEmpty ? "" : " (\(command.aliases.joined(separator: ", ")))"
            return (name: command.name + aliases, help: command.summary)
        }
        return usage(help)
            + "\n" + help.paragraph("Backup and disaster recovery of PostgreSQL servers, from one place.")
            + "\n" + help.section("commands", rows)
            + "\n" + help.section("options", globalOptions.map(HelpText.row))
            + "\n" + help.paragraph("Barman, in Swift (swift-barman \(Product.version))")
    }

    private static var choices: String { "{\(names.sorted().joined(separator: ","))}" }
}

extension CommandSpecification {
    /// The usage block of this command.
    func usage(_ help: HelpText) -> String {
        help.usage("barman \(name)", options: [.help] + options, positionals: positionals.flatMap(\.usageParts))
    }

    /// The help of this command.
    func helpText(columns: Int) -> String {
        let help = HelpText(columns: columns)
        let arguments = help.section("positional arguments", positionals.map { (name: $0.name, help: $0.help) })
        return usage(help)
            + "\n" + help.paragraph(summary)
            + (arguments.isEmpty ? "" : "\n" + arguments)
            + "\n" + help.section("options", ([.help] + options).map(HelpText.row))
    }
}
