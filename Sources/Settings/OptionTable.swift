/// The one table of all options; everything that knows about options derives from it.
public enum OptionTable {
    /// The options of the program as a whole, in `[barman]` only.
    public static let global: [OptionSpecification] = [
        .init("barman_home", .global, .string, "The root of everything that is stored; required."),
        .init("barman_user", .global, .string, default: "barman", "The user barman runs as."),
        .init("barman_lock_directory", .global, .string, default: "{home}", "Where lock files live."),
        .init("lock_directory_cleanup", .global, .boolean, default: "true", "Whether cron removes unused lock files."),
        .init(
            "config_changes_queue",
            .global,
            .string,
            default: "{home}/cfg_changes.queue",
            "Where changes of the configuration wait to be applied."
        ),
        .init(
            "configuration_files_directory",
            .global,
            .string,
            "The directory whose *.conf files are read after the main file."
        ),
        .init("log_file", .global, .string, "The log file; standard error when unset."),
        .init("log_level", .global, .string, default: "INFO", "The least grave messages that are logged."),
        .init("log_format", .global, .string, default: defaultLogFormat, "What a line of the log looks like."),
    ]

    /// The format of log lines when none is configured.
    public static let defaultLogFormat = "%(asctime)s [%(process)s] %(name)s %(levelname)s: %(message)s"

    /// Names that the `[barman]` section may hold without a warning.
    static let namesInGlobalSection = Set(server.map(\.name) + global.map(\.name)).subtracting(["log_format"])

    /// The options that a model may hold.
    public static var modelOptions: [ServerOption] {
        ServerOption.allCases.filter { $0.specification.scope.contains(.model) }
    }

    /// The specification of an option of either kind.
    public static func specification(named name: String) -> OptionSpecification? {
        ServerOption(name: name)?.specification ?? global.first { $0.name == name }
    }
}

extension OptionType {
    static let awsEncryption = choice(
        ["AES256", "aws:kms"],
        isExact: true,
        reason: "Invalid value '{value}' (must be one in: ['AES256', 'aws:kms'])"
    )
    static let backupCompression = choice(
        ["gzip", "lz4", "zstd", "none"],
        isExact: false,
        reason: "Invalid value '{value}'(must be one in: ['gzip', 'lz4', 'zstd', 'none'])"
    )
    static let backupCompressionFormat = choice(
        ["plain", "tar"],
        isExact: false,
        reason: "Invalid value (must be either `plain` or `tar`)"
    )
    static let backupCompressionLocation = choice(
        ["client", "server"],
        isExact: false,
        reason: "Invalid value (must be either `client` or `server`)"
    )
    static let backupMethod = choice(
        ["rsync", "postgres", "local-rsync", "snapshot", "local-to-cloud"],
        isExact: false,
        reason: "Invalid value (must be one in: 'rsync', 'postgres', 'local-rsync', 'snapshot', 'local-to-cloud')"
    )
    static let backupOptions = words(
        ["concurrent_backup", "exclusive_backup", "external_configuration"],
        conflicts: [["concurrent_backup", "exclusive_backup"]],
        name: "BackupOptions"
    )
    static let combineMode = choice(
        ["copy", "link", "clone", "copy-file-range"],
        isExact: false,
        reason: "Invalid value: {word} (options are: copy, link, clone, copy-file-range)"
    )
    static let createSlot = choice(
        ["manual", "auto"],
        isExact: false,
        reason: "Invalid value (use 'manual' or 'auto')"
    )
    static let recoveryOptions = words(
        ["get-wal", "delta-restore"],
        conflicts: [],
        name: "RecoveryOptions"
    )
    static let reuseBackup = choice(
        ["copy", "link", "off"],
        isExact: false,
        reason: "Invalid value (use 'copy', 'link' or 'off')"
    )
    static let stagingLocation = choice(
        ["local", "remote"],
        isExact: true,
        reason: "Invalid value: {value} (options are: local, remote)"
    )
    static let walCompression = choice(
        ["gzip", "bzip2", "pygzip", "pybzip2", "pigz", "xz", "zstd", "lz4", "snappy", "custom"],
        isExact: false,
        reason: "Invalid value: '{word}' "
            + "(must be one in: gzip, bzip2, pygzip, pybzip2, pigz, xz, zstd, lz4, snappy, custom)"
    )
}
