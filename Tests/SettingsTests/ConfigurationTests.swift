import Failure
import SystemPackage
import TestHomes
import TestWorld
import Testing

@testable import Settings

@Suite struct ConfigurationTests {
    @Test func `a named file must be there, the tilde not expanded`() {
        for (explicit, environment) in [("/nonexistent/x", [:]), (nil, ["BARMAN_CONFIG_FILE": "/nonexistent/x"])] {
            let failure = failure { _ = try MainConfiguration.read(explicitPath: explicit, environment: environment) }
            #expect(failure?.message == "Configuration file '/nonexistent/x' does not exist")
            #expect(failure?.kind == .plain)
        }
    }

    @Test func `the file of the home directory is found without a name`() throws {
        try World.with { world in
            try world.write("[barman]\nbarman_home = /srv/b\n", to: ".barman.conf")
            let main = try MainConfiguration.read(explicitPath: "", environment: ["HOME": world.root])
            #expect(main.global.barmanHome == "/srv/b")
            #expect(main.global.configurationFile == world.path(".barman.conf"))
        }
    }

    @Test func `the option comes before the environment`() throws {
        try World.with { world in
            let one = try world.write("[barman]\nbarman_home = /one\n", to: "one.conf")
            let two = try world.write("[barman]\nbarman_home = /two\n", to: "two.conf")
            let environment = ["BARMAN_CONFIG_FILE": two]
            #expect(try MainConfiguration.read(explicitPath: one, environment: environment).global.barmanHome == "/one")
            #expect(try MainConfiguration.read(explicitPath: nil, environment: environment).global.barmanHome == "/two")
        }
    }

    @Test(arguments: [
        ("[s]\na=1\n", Failure.Kind.exception, "No section: 'barman'"),
        ("x", .exception, "File contains no section headers."),
        ("[barman]\nbarman_home = %x\n", .exception, "'%' must be followed by '%' or '(', found: '%x'"),
        ("[barman]\nbarman_user = x\n", .plain, "ERROR: Parameter \"barman_home\" is required in [barman] section."),
        ("[barman]\nbarman_home =\n", .plain, "ERROR: Parameter \"barman_home\" is required in [barman] section."),
        (
            "[barman]\nbarman_home = /b\nlock_directory_cleanup = x\n", .exception,
            "Invalid boolean representation (must be one in: true|t|yes|1|on | false|f|no|0|off)"
        ),
    ])
    func `a main file that can not be used ends the run`(text: String, kind: Failure.Kind, start: String) throws {
        try World.with { world in
            let path = try world.write(text, to: "barman.conf")
            let failure = failure { _ = try MainConfiguration.read(explicitPath: path, environment: [:]) }
            #expect(failure?.kind == kind)
            #expect(failure?.message.hasPrefix(start) == true, "\(failure?.message ?? "none")")
            #expect(failure?.exitStatus == 1)
        }
    }

    @Test func `the program's own settings have their defaults`() throws {
        let bare = try Fixture.configuration("").global
        #expect(bare.lockDirectory == "/nonexistent/barman")
        #expect(bare.configChangesQueue == "/nonexistent/barman/cfg_changes.queue")
        #expect(bare.automaticFile == "/nonexistent/barman/.barman.auto.conf")
        #expect(bare.lockDirectoryCleanup)
        #expect(bare.logThreshold == 20)
        #expect(bare.logFile == nil)
        let full = try Fixture.configuration(
            "",
            global: "barman_lock_directory = '/run/b'\nlog_file = /l\nlog_level = debug\nlock_directory_cleanup = off\n"
                + "log_format = %%%%(message)s\nconfiguration_files_directory = None\n"
        ).global
        #expect(full.lockDirectory == "/run/b")
        #expect(full.logFile == "/l")
        #expect(full.logThreshold == 10)
        #expect(!full.lockDirectoryCleanup)
        #expect(full.logFormat == "%(message)s")
        #expect(full.configurationFilesDirectory == nil)
        #expect(try Fixture.configuration("", global: "log_level = 35\n").global.logThreshold == 35)
        #expect(try Fixture.configuration("", global: "log_level = loud\n").global.unknownLogLevel == "loud")
    }

    @Test func `further files are read in the order of their bytes, the program's own last`() throws {
        try World.with { world in
            try world.makeDirectory("d")
            try world.makeDirectory("home")
            try world.write("[s]\ncluster = B\ndescription = B\nssh_command = B\n", to: "d/B.conf")
            try world.write("[s]\ncluster = a\ndescription = a\n", to: "d/a.conf")
            try world.write("[hidden]\n", to: "d/.h.conf")
            try world.write("[other]\n", to: "d/other.conf.dpkg-old")
            try world.makeDirectory("d/dir.conf")
            try world.shell("ln -s /nonexistent d/gone.conf").orThrow()
            try world.write("[s]\ncluster = auto\n", to: "home/.barman.auto.conf")
            let recorder = Recorder()
            let configuration = try load(world, "[s]\ncluster = main\nconninfo = main\nactive = off\n", recorder)
            let server = try #require(try configuration.servers(reporter: recorder)["s"])
            #expect(server.cluster == "auto")
            #expect(server.description == "a")
            #expect(server.sshCommand == "B")
            #expect(server.conninfo?.exposed == "main")
            #expect(server.source(of: .description) == world.path("d/a.conf"))
            #expect(server.source(of: .cluster) == world.path("home/.barman.auto.conf"))
            #expect(
                recorder.told == [
                    "log DEBUG: Including configuration file: B.conf",
                    "log DEBUG: Including configuration file: a.conf",
                    "log WARNING: Discarding configuration file: dir.conf (not a file)",
                    "log WARNING: Discarding configuration file: gone.conf (not found)",
                ]
            )
        }
    }

    @Test func `a missing directory of further files is only logged`() throws {
        try World.with { world in
            let recorder = Recorder()
            _ = try load(world, "", recorder)
            #expect(
                recorder.told == [
                    "log WARNING: Ignoring the \"configuration_files_directory\" option as "
                        + "\"\(world.path("d"))\" is not a directory"
                ]
            )
        }
    }

    @Test func `a further file may repeat the program's settings, not change them`() throws {
        try World.with { world in
            try world.makeDirectory("d")
            try world.write("[barman]\nbarman_home = \(world.path("home"))\n", to: "d/a.conf")
            _ = try load(world, "", Recorder())
            try world.write("[barman]\ncompression = gzip\n", to: "d/b.conf")
            let recorder = Recorder()
            let failure = failure { _ = try load(world, "", recorder) }
            let text = "the configuration file b.conf contains a not empty [barman] section"
            #expect(failure?.message == "FATAL: \(text)")
            #expect(recorder.told.last == "log CRITICAL: \(text)")
        }
    }

    @Test func `unknown names of the program's section are told when all files are read`() throws {
        try World.with { world in
            try world.makeDirectory("d")
            let recorder = Recorder()
            _ = try load(world, "", recorder, global: "foo = 1\ncompression = gzip\nlog_format = x\n")
            #expect(
                recorder.told == [
                    "warning: Invalid configuration option \"foo\" in [barman] section.",
                    "warning: Invalid configuration option \"log_format\" in [barman] section.",
                ]
            )
        }
    }

    @Test func `a further file that can not be read ends the run`() throws {
        try World.with { world in
            try world.makeDirectory("d")
            try world.write("[s]\nfoo\n", to: "d/a.conf")
            let failure = failure { _ = try load(world, "", Recorder()) }
            #expect(
                failure?.message
                    == "Source contains parsing errors: '\(world.path("d/a.conf"))'\n\t[line  2]: 'foo\\n'"
            )
        }
    }

    @Test func `a user that does not exist can not be become`() {
        var environment: [String: String] = [:]
        let failure = failure { try UserSwitch.become("nobody-of-that-name", environment: &environment) }
        #expect(failure?.message == "ERROR: the configured user 'nobody-of-that-name' does not exists")
        #expect(environment.isEmpty)
    }

    @Test func `being the user already changes nothing`() throws {
        let me = try #require(UserAccount.current())
        var environment = ["HOME": "/elsewhere"]
        try UserSwitch.become(me.name, environment: &environment)
        #expect(environment == ["HOME": "/elsewhere"])
    }

    @Test(arguments: [
        ("~/x", "/h/x"), ("~", "/h"), ("/a/~", "/a/~"), ("rel", "rel"),
        ("~nobody-of-that-name/x", "~nobody-of-that-name/x"),
    ])
    func `a tilde is the home directory`(text: String, expected: String) {
        #expect(HomeDirectory.expanding(text, environment: ["HOME": "/h/"]) == expected)
    }

    private func load(
        _ world: World,
        _ text: String,
        _ reporter: Recorder,
        global: String = ""
    ) throws -> Configuration {
        let main = """
            [barman]
            barman_home = \(world.path("home"))
            configuration_files_directory = \(world.path("d"))
            \(global)
            \(text)
            """
        let path = try world.write(main, to: "barman.conf")
        return try Configuration.load(explicitPath: path, environment: [:], reporter: reporter)
    }
}
