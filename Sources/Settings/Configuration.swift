public import Failure
import Files
import SystemPackage

/// The main file, read before the program knows its user and its log.
public struct MainConfiguration: Sendable {
    /// The settings of the program as a whole.
    public let global: GlobalSettings
    private var picture: MergedSections

    /// Where the main file is looked for when neither option nor environment names one.
    public static let defaultLocations = ["~/.barman.conf", "/etc/barman.conf", "/etc/barman/barman.conf"]

    /// Finds and reads the main file: the given path, else `BARMAN_CONFIG_FILE`, else the first default that is readable.
    public static func read(explicitPath: String?, environment: [String: String]) throws(Failure) -> MainConfiguration {
        let named =
            explicitPath.flatMap { $0.isEmpty ? nil : $0 }
            ?? environment["BARMAN_CONFIG_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        if let named {
            // That it can not be told whether the file is there is the same as its absence, as in the reference.
            guard (try? FileSystem.exists(FilePath(named))) == true else {
                throw Failure("Configuration file '\(named)' does not exist", kind: .plain)
            }
            return try MainConfiguration(path: named, environment: environment)
        }
        for location in defaultLocations {
            let path = HomeDirectory.expanding(location, environment: environment)
            if FileSystem.isAccessible(FilePath(path), for: .read) {
                return try MainConfiguration(path: path, environment: environment)
            }
        }
        throw Failure(
            """
            Could not find any configuration file at default locations.
            Check Barman's documentation for more help.
            """,
            kind: .plain
        )
    }

    private init(path: String, environment: [String: String]) throws(Failure) {
        var picture = MergedSections()
        let expanded = FilePath(HomeDirectory.expanding(path, environment: environment))
        do throws(SettingsError) {
            try picture.merge(try Self.parse(expanded))
        } catch {
            throw error.failure
        }
        guard let section = picture["barman"] else {
            throw Failure("No section: 'barman'", kind: .exception)
        }
        self.picture = picture
        global = try GlobalSettings(section, configurationFile: path)
    }

    /// Reads the further files, the program's own one last, and checks the names in `[barman]`.
    ///
    /// To be called as the configured user, once the log is open.
    public func loadExtras(environment: [String: String], reporter: any Reporter) throws(Failure) -> Configuration {
        var picture = picture
        for file in extraFiles(environment: environment, reporter: reporter) {
            try merge(file, into: &picture, reporter: reporter)
        }
        if Self.isRegularFile(global.automaticFile) {
            try merge(global.automaticFile, into: &picture, reporter: reporter)
        }
        for entry in picture["barman"]?.entries ?? [] where !OptionTable.namesInGlobalSection.contains(entry.name) {
            reporter.warning("Invalid configuration option \"\(entry.name)\" in [barman] section.")
        }
        return Configuration(global: global, picture: picture)
    }

    private func extraFiles(environment: [String: String], reporter: any Reporter) -> [FilePath] {
        guard let configured = global.configurationFilesDirectory else { return [] }
        let directory = FilePath(HomeDirectory.expanding(configured, environment: environment))
        let logger = "barman.config"
        // A directory that can not be listed is reported as one that is none.
        guard let names = try? FileSystem.names(in: directory) else {
            let text = "Ignoring the \"configuration_files_directory\" option as \"\(configured)\" is not a directory"
            reporter.log(.warning, logger, text)
            return []
        }
        return names.filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }
            .compactMap { name in
                let path = directory.appending(name)
                // An entry whose kind can not be told is treated like a dangling link.
                switch try? FileSystem.kindIfPresent(path) {
                case .regular:
                    reporter.log(.debug, logger, "Including configuration file: \(name)")
                    return path
                case nil:
                    reporter.log(.warning, logger, "Discarding configuration file: \(name) (not found)")
                default:
                    reporter.log(.warning, logger, "Discarding configuration file: \(name) (not a file)")
                }
                return nil
            }
    }

    private func merge(
        _ path: FilePath,
        into picture: inout MergedSections,
        reporter: any Reporter
    ) throws(Failure) {
        do throws(SettingsError) {
            try picture.merge(try Self.parse(path))
            guard let section = picture["barman"] else { return }
            var entries: [String: String] = [:]
            for entry in section.entries { entries[entry.name] = try section.resolve(entry) }
            if entries == global.entries { return }
        } catch {
            throw error.failure
        }
        let name = path.lastComponent?.string ?? path.string
        let text = "the configuration file \(name) contains a not empty [barman] section"
        reporter.log(.critical, "barman.config", text)
        throw Failure("FATAL: \(text)", kind: .plain)
    }

    private static func isRegularFile(_ path: FilePath) -> Bool {
        // What can not be examined is not there for us; reading it would fail the same way.
        (try? FileSystem.kindIfPresent(path)) == .regular
    }

    private static func parse(_ path: FilePath) throws(SettingsError) -> IniFile {
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.readStream(path)
        } catch {
            throw SettingsError(path: path, line: nil, text: error.description)
        }
        return try IniFile(parsing: bytes, path: path)
    }
}

/// All files of the configuration, before servers are looked at.
public struct Configuration: Sendable {
    /// The settings of the program as a whole.
    public let global: GlobalSettings
    let picture: MergedSections

    /// Finds, reads and merges every file without changing the user or opening a log; for tests and tools.
    public static func load(
        explicitPath: String?,
        environment: [String: String],
        reporter: any Reporter
    ) throws(Failure) -> Configuration {
        try MainConfiguration.read(explicitPath: explicitPath, environment: environment)
            .loadExtras(environment: environment, reporter: reporter)
    }

    /// Builds every server and model; warnings about their options are reported here, once.
    ///
    /// What is said when a server is *used* is in its `loadMessages`.
    public func servers(reporter: any Reporter) throws(Failure) -> ServerList {
        let builder = try ServerBuilder(self)
        return try builder.build(reporter: reporter)
    }
}

/// The servers and models of a configuration.
public struct ServerList: Sendable {
    /// The servers by name, in the order of their bytes.
    public internal(set) var servers: [ServerSettings]
    /// The names of the servers in the order of the files, in which they are loaded.
    public let appearance: [String]
    /// The models by name.
    public let models: [String: ModelSettings]
    /// What makes the configuration as a whole unusable; most commands print these and end.
    public internal(set) var globalErrors: [String]

    /// The names of the servers, in order.
    public var names: [String] { servers.map(\.name) }

    /// The server of that name, or nil.
    public subscript(_ name: String) -> ServerSettings? {
        servers.first { $0.name == name }
    }
}
