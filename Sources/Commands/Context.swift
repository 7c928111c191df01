import Catalog
import Console
import Failure
import Glibc
import Notation
import Settings
import Synchronization

/// What a command works with; nothing it needs comes from anywhere else.
final class Context: Sendable {
    let console: Console
    let configuration: Configuration
    let environment: [String: String]
    private let servers = Mutex<ServerList?>(nil)

    init(console: Console, configuration: Configuration, environment: [String: String]) {
        self.console = console
        self.configuration = configuration
        self.environment = environment
    }

    /// Columns of a help text.
    var helpColumns: Int { Terminal.helpColumns(environment: environment) }

    /// The same with the configuration as it is on disk now.
    func reloaded() throws -> Context {
        let configuration = try Configuration.load(
            explicitPath: configuration.global.configurationFile,
            environment: environment,
            reporter: console
        )
        return Context(console: console, configuration: configuration, environment: environment)
    }

    /// The servers of the configuration, read when a command first asks.
    ///
    /// A configuration that is unusable as a whole is told and ends the command.
    func serverList() throws -> ServerList {
        let list = try allServers()
        if !list.globalErrors.isEmpty {
            for text in list.globalErrors { console.error(text) }
            throw Failure("", kind: .reported)
        }
        return list
    }

    /// The same, with what makes the configuration unusable as a whole left to the caller.
    func allServers() throws -> ServerList {
        try servers.withLock { servers in
            if let servers { return servers }
            let list = try configuration.servers(reporter: console)
            servers = list
            return list
        }
    }
}
