import Failure
import SystemPackage
import TestHomes

@testable import Settings

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
