import Failure
public import SystemPackage

/// The settings of the program as a whole, from the `[barman]` section of the main file.
public struct GlobalSettings: Sendable {
    /// The main file as it was named, for sub-processes and hooks.
    public let configurationFile: String
    /// The root of the catalog.
    public let barmanHome: String
    /// The user to run as.
    public let barmanUser: String
    /// Where lock files live.
    public let lockDirectory: FilePath
    /// The log file; standard error when unset.
    public let logFile: FilePath?
    /// The least grave level that is logged, as a number: 10 is DEBUG, 20 INFO.
    public let logThreshold: Int
    /// The configured level when it is none that is known; INFO applies then and a warning is due.
    public let unknownLogLevel: String?
    /// What a line of the log looks like, when configured.
    public let logFormat: String?
    /// Where further files are, as configured.
    public let configurationFilesDirectory: String?
    /// Where changes of the configuration wait.
    public let configChangesQueue: FilePath
    /// Whether cron removes unused lock files.
    public let lockDirectoryCleanup: Bool
    /// Every entry of `[barman]`, by name.
    public let entries: [String: String]

    /// The root of the catalog as a path.
    public var home: FilePath { FilePath(barmanHome) }

    /// The file that the program itself writes changes to.
    public var automaticFile: FilePath { home.appending(".barman.auto.conf") }

    init(_ section: MergedSections.Section, configurationFile: String) throws(Failure) {
        var texts: [String: String] = [:]
        var raw: [String: String] = [:]
        for entry in section.entries {
            do {
                raw[entry.name] = try section.resolve(entry)
                texts[entry.name] = try section.text(of: entry)
            } catch {
                throw error.failure
            }
        }
        let value = { (name: String) in texts[name].flatMap { $0.isEmpty ? nil : $0 } }
        self.configurationFile = configurationFile
        entries = raw
        guard let home = value("barman_home") else {
            throw Failure(
                """
                ERROR: Parameter "barman_home" is required in [barman] section.
                Your configuration is missing required parameters. Exiting.
                """,
                kind: .plain
            )
        }
        barmanHome = home
        barmanUser = value("barman_user") ?? "barman"
        lockDirectory = FilePath(value("barman_lock_directory") ?? home)
        logFile = value("log_file").map { FilePath($0) }
        (logThreshold, unknownLogLevel) = Self.threshold(value("log_level"))
        logFormat = value("log_format")
        configurationFilesDirectory = value("configuration_files_directory")
        configChangesQueue = FilePath(value("config_changes_queue") ?? Self.join(home, "cfg_changes.queue"))
        let cleanup = value("lock_directory_cleanup") ?? "true"
        guard let isCleanup = OptionParser.boolean(cleanup) else {
            throw Failure(OptionParser.booleanReason, kind: .exception)
        }
        lockDirectoryCleanup = isCleanup
    }

    /// The number of a level given by name, any case, or as an integer.
    public static func threshold(_ text: String?) -> (threshold: Int, unknown: String?) {
        guard let text else { return (LogLevel.info.rawValue, nil) }
        switch text.uppercased() {
        case "NOTSET": return (0, nil)
        case "DEBUG": return (10, nil)
        case "INFO": return (20, nil)
        case "WARNING", "WARN": return (30, nil)
        case "ERROR": return (40, nil)
        case "CRITICAL", "FATAL": return (50, nil)
        default: break
        }
        if let number = OptionParser.integer(text) { return (Int(clamping: number), nil) }
        return (LogLevel.info.rawValue, text)
    }

    /// Two parts of a path joined as the reference does it: an absolute second part stands alone.
    static func join(_ directory: String, _ name: String) -> String {
        if name.utf8.first == UInt8(ascii: "/") || directory.isEmpty { return name }
        return directory.utf8.last == UInt8(ascii: "/") ? directory + name : directory + "/" + name
    }
}
