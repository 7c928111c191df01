import Settings
import TestWorld
import Testing

@testable import Commands
@testable import Manual

/// What the documentation names is there: commands, files, options, messages.
@Suite struct DocTextTests {
    private static func pages() throws -> [DocPage] {
        let names = Shell.names(in: "\(World.repository)/docs").filter { $0.hasSuffix(".md") }
        return try (names.map { "docs/\($0)" } + ["README.md"]).map { try DocPage($0) }
    }

    /// Why an example is not run.
    private static let reasons: Set<Substring> = [
        "make test-packages does it", "lines of a file", "this is what runs the tests",
        "the packages of the original are not here",
    ]

    @Test func `what is not run says why`() throws {
        // The references show usage lines, not examples.
        let references = Set(Manual.committed.map(\.path))
        for page in try Self.pages() where !references.contains(page.path) {
            for exception in page.exceptions {
                let isKnown = exception.reason.map { Self.reasons.contains($0) } ?? false
                #expect(isKnown, "\(page.path):\(exception.line): \(exception.reason ?? "no reason")")
            }
            let isRun = DocsTests.pages.joined().contains(page.path)
            #expect(isRun || page.chapters.isEmpty, "\(page.path) has blocks, and DocsTests does not run them")
        }
    }

    @Test func `every command line that is named is one that the program takes`() throws {
        var seen = 0
        for page in try Self.pages() {
            for (line, text) in page.words where text.hasPrefix("barman ") && !text.contains("COMMAND") {
                seen += 1
                #expect(CommandLineText.complaint(about: text) == nil, "\(page.path):\(line): \(text)")
            }
        }
        for command in CommandEntry.all {
            for example in command.note.examples where example.line.hasPrefix("barman ") {
                seen += 1
                #expect(
                    CommandLineText.complaint(about: example.line) == nil,
                    "the manual of \(command.name): \(example.line)"
                )
            }
        }
        #expect(seen > 50)
    }

    @Test func `every page that is referred to exists`() throws {
        for page in try Self.pages() {
            let text = String(decoding: try Shell.read("\(World.repository)/\(page.path)"), as: UTF8.self)
            let folder = page.path.hasPrefix("docs/") ? "docs/" : ""
            for link in text.split(separator: "](").dropFirst() {
                let target = link.prefix { $0 != ")" && $0 != "#" }
                guard !target.isEmpty, !target.contains("://") else { continue }
                #expect(throws: Never.self, "\(page.path): \(target)") {
                    _ = try Shell.read("\(World.repository)/\(folder)\(target)")
                }
            }
        }
    }

    @Test func `every row of check in the troubleshooting is one that check shows`() throws {
        let page = try DocPage("docs/troubleshooting.md")
        let rows = page.rows.filter { $0.heading == "Rows of check" }.flatMap { Self.quoted($0.cells[0]) }
        #expect(rows.count > 5)
        let folder = "\(World.repository)/Sources/Upkeep"
        let sources = try Shell.names(in: folder).filter { $0.hasPrefix("CheckRun") }.map {
            String(decoding: try Shell.read("\(folder)/\($0)"), as: UTF8.self)
        }.joined()
        for row in rows { #expect(sources.contains("\"\(row)"), "\(row)") }
    }

    @Test func `every message in the troubleshooting is one that the program prints`() throws {
        let page = try DocPage("docs/troubleshooting.md")
        let quoted = page.rows.filter { $0.heading == "On the command line" }.flatMap { Self.quoted($0.cells[0]) }
        #expect(quoted.count > 5)
        try World.with { world in
            let said = try Self.complaints(in: world)
            // That one needs a server that is being backed up: RefusalTests see it.
            for message in quoted where message != "Another backup process is running" {
                let isSaid = said.contains { Self.matches(message, $0) }
                #expect(isSaid, "nothing says '\(message)': \(said.joined(separator: "\n"))")
            }
        }
    }

    // MARK: What the program says

    /// Everything that goes wrong on a host of many mistakes.
    private static func complaints(in world: World) throws -> [String] {
        let host = try world.barmanHost()
        for name in ["few", "kept"] {
            let script = "\(World.repository)/scripts/make-catalog.py"
            try world.run(["python3", script, world.path("catalog"), name, "1", "1"]).orThrow()
            try world.run(["cp", "-r", world.path("catalog/\(name)"), host.home], as: .barman).orThrow()
            try host.addServer(
                name,
                [
                    "conninfo": "host=127.0.0.1 port=1 user=barman dbname=postgres", "backup_method": "local-rsync",
                    "backup_options": "concurrent_backup", "minimum_redundancy": name == "few" ? "1" : "0",
                ]
            )
        }
        try host.barman("keep", "kept", "latest", "--target", "full").orThrow()
        let strangers = "[barman]\nbarman_user = daemon\nbarman_home = \(host.home)\n"
        let strange = ["BARMAN_CONFIG_FILE": try world.write(strangers, to: "strange.conf")]
        var outcomes = [
            try host.barman("check", "nobody"), try host.barman("backup", "few"),
            try host.barman("delete", "few", "latest"), try host.barman("delete", "kept", "latest"),
            try host.barman("cloud-wal-archive", "few", "x"), try host.barman("list-servers", environment: strange),
            try host.barman("list-servers", environment: ["BARMAN_CONFIG_FILE": "", "HOME": world.path("nowhere")]),
        ]
        try world.write("[closed]\n", to: "\(host.serversDirectory)/closed.conf", mode: 0)
        outcomes.append(try host.barman("list-servers"))
        return outcomes.map { $0.out + $0.err }
    }

    /// Whether a text holds a message, in which `…` stands for anything.
    private static func matches(_ message: String, _ text: String) -> Bool {
        var rest = text[...]
        for part in message.split(separator: "…") {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }

    /// What stands between back-ticks.
    private static func quoted(_ cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }
}
