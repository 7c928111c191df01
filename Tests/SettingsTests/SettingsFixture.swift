import Failure
import Synchronization
import SystemPackage

@testable import Settings

/// A reporter that remembers what it was told.
final class Recorder: Reporter {
    private let lines = Mutex<[String]>([])

    /// Everything it was told, each line with its kind before it.
    var told: [String] { lines.withLock { $0 } }

    func debug(_ text: String) { note("debug", text) }
    func info(_ text: String) { note("info", text) }
    func show(_ text: String) { note("show", text) }
    func warning(_ text: String) { note("warning", text) }
    func error(_ text: String) { note("error", text) }
    func exception(_ text: String) { note("exception", text) }
    func log(_ level: LogLevel, _ logger: String, _ text: String) { note("log \(level.name)", text) }
    func progress(_ update: ProgressUpdate) {}

    private func note(_ kind: String, _ text: String) { lines.withLock { $0.append("\(kind): \(text)") } }
}

/// Configurations made of text, without files.
enum Fixture {
    static let home = "/nonexistent/barman"

    /// A configuration of one main file; `[barman]` is added in front of the text.
    static func configuration(_ text: String, global: String = "") throws -> Configuration {
        let main = "[barman]\nbarman_home = \(home)\nbarman_user = root\n\(global)\n\(text)"
        var picture = MergedSections()
        try picture.merge(IniFile(parsing: Array(main.utf8), path: "/etc/barman.conf"))
        let section = picture["barman"] ?? MergedSections.Section(name: "barman")
        let settings = try GlobalSettings(section, configurationFile: "/etc/barman.conf")
        return Configuration(global: settings, picture: picture)
    }

    /// The servers of such a configuration.
    static func servers(
        _ text: String,
        global: String = "",
        reporter: any Reporter = SilentReporter()
    ) throws -> ServerList {
        try configuration(text, global: global).servers(reporter: reporter)
    }

    /// The server `s` with these options.
    static func server(
        _ options: String,
        global: String = "",
        reporter: any Reporter = SilentReporter()
    ) throws -> ServerSettings {
        let list = try servers("[s]\n\(options)", global: global, reporter: reporter)
        guard let server = list["s"] else { throw Failure("no server s") }
        return server
    }
}

/// What a body throws as `Failure`, or nil.
func failure(of body: () throws -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch {
        return error as? Failure
    }
}
