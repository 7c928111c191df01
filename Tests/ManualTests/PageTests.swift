import TestWorld
import Testing

@testable import Manual

/// The pages are correct troff, and the example of the main file is one that the program reads.
@Suite struct PageTests {
    @Test func `every manual page is correct troff and every reference has its page`() throws {
        try World.with { world in
            let pages = Manual.installed.filter { $0.path.hasPrefix("man/") }
            try world.shell("mkdir -p share/man/man1 share/man/man5")
            for page in pages { try world.write(page.text, to: "share/\(page.path)") }
            let lint = try world.shell("cd share/man && grep -L '^[.]so ' man*/* | xargs mandoc -Tlint -W warning")
            #expect(lint.status == 0 && lint.out == "", "\(lint)")
            let warnings = try world.shell(
                "cd share/man && for page in man*/*; do man --warnings -Tutf8 -l $page 2>&1 >/dev/null; done"
            )
            #expect(warnings.out == "" && warnings.err == "", "\(warnings)")
            let names = Set(pages.map { $0.path.split(separator: "/").last.map(String.init) ?? "" })
            for page in pages {
                for line in page.text.split(separator: "\n") where line.hasPrefix(".BR ") {
                    let words = line.dropFirst(4).split(whereSeparator: { " (),".contains($0) })
                    let name = words.joined(separator: ".").filter { $0 != "\\" }
                    #expect(names.contains(name), "\(page.path) refers to \(name)")
                }
            }
        }
    }

    @Test func `the program reads the example of the main file without a word`() throws {
        try World.with { world in
            let host = try world.barmanHost()
            var lines = ConfigurationPages.example.split(separator: "\n").map(String.init)
            let mine = [
                "barman_user": host.account.name, "barman_home": host.home, "log_file": host.logFile,
                "configuration_files_directory": host.serversDirectory,
            ]
            lines = lines.map { line in
                let name = line.prefix { $0 != " " }
                return mine[String(name)].map { "\(name) = \($0)" } ?? line
            }
            try world.write(lines.joined(separator: "\n") + "\n", to: host.configurationFile, as: host.account)
            try host.addServer(
                "angus",
                [
                    "conninfo": "host=angus", "ssh_command": "ssh postgres@angus", "archiver": "on",
                    "backup_options": "concurrent_backup",
                ]
            )
            let list = try host.barman("list-servers")
            #expect(list.status == 0 && list.out == "angus\n" && list.err == "", "\(list)")
            #expect(!(try world.read(host.logFile)).contains("WARNING"))
        }
    }
}
