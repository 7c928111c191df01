import Commands
import WALClient

/// The manual pages of section 1.
enum CommandPages {
    static let version = "Barman \(ProductName.referenceVersion)"

    /// The page of the program as a whole.
    static var program: String {
        var page = Troff("barman", section: 1, version: version)
        page.name("barman", "backup and disaster recovery of PostgreSQL servers")
        page.synopsis("barman", ["[\\fIglobal\\-options\\fR]", "\\fIcommand\\fR", "[\\fIarguments\\fR]"])
        page.section("DESCRIPTION")
        for (index, words) in ProgramText.description.enumerated() {
            if index == 0 { page.opening(words) } else { page.paragraph(words) }
        }
        page.section("GLOBAL OPTIONS")
        page.opening("They stand before the command.")
        for option in CommandEntry.globalOptions { page.entry(tag(of: option), [sentence(option.help)]) }
        page.section("COMMANDS")
        for command in CommandEntry.all {
            let aliases = command.aliases.isEmpty ? "" : " (also \(command.aliases.joined(separator: ", ")))"
            page.entry(
                "\(Troff.bold("barman-" + command.name))(1)",
                [command.summary + aliases] + (command.isAvailable ? [] : [ProgramText.later])
            )
        }
        for topic in ProgramText.topics {
            page.section(topic.title)
            page.opening(topic.opening)
            for entry in topic.entries { page.entry(Troff.bold(entry.tag), [entry.meaning]) }
        }
        page.seeAlso([("barman", 5), ("barman-wal-archive", 1), ("barman-wal-restore", 1)] + pages(of: ["setup"]))
        return page.text
    }

    /// The page of one command.
    static func page(of command: CommandEntry) -> String {
        var page = Troff("barman-\(command.name)", section: 1, version: version)
        page.name("barman-\(command.name)", command.summary)
        page.synopsis("barman \(command.name)", synopsis(of: command))
        if !command.aliases.isEmpty {
            page.paragraph("Also: " + command.aliases.map { "barman \($0)" }.joined(separator: ", ") + ".")
        }
        page.section("DESCRIPTION")
        page.opening(command.summary)
        if !command.isAvailable { page.paragraph(ProgramText.later) }
        for words in command.note.paragraphs { page.paragraph(words) }
        if !command.positionals.isEmpty {
            page.section("ARGUMENTS")
            for positional in command.positionals {
                page.entry(Troff.italic(positional.name), [sentence(positional.help)])
            }
        }
        page.section("OPTIONS")
        page.entry(Troff.bold("-h") + ", " + Troff.bold("--help"), ["Print a help text and end."])
        for option in command.options { page.entry(tag(of: option), [sentence(option.help)]) }
        if !command.note.examples.isEmpty {
            page.section("EXAMPLES")
            for (index, example) in command.note.examples.enumerated() {
                if index == 0 { page.opening(example.purpose) } else { page.paragraph(example.purpose) }
                page.verbatim([example.line])
            }
        }
        page.section("EXIT STATUS")
        page.opening("0 on success, 1 when something went wrong, 2 for a usage error; see barman(1).")
        page.seeAlso([("barman", 1), ("barman", 5)] + pages(of: command.note.related))
        return page.text
    }

    /// The page of an alias: a reference.
    static func alias(of command: CommandEntry) -> String { ".so man1/barman-\(command.name).1\n" }

    /// The page of a program beside PostgreSQL.
    static func page(of program: ProgramEntry) -> String {
        var page = Troff(program.name, section: 1, version: version)
        let text = ProgramText.client(program.name)
        page.name(program.name, text.name)
        page.synopsis(program.name, ["[\\fIoptions\\fR]"] + program.positionals.flatMap(\.forms).map(Troff.italic))
        page.section("DESCRIPTION")
        page.opening(program.summary)
        for words in text.paragraphs { page.paragraph(words) }
        page.section("ARGUMENTS")
        for positional in program.positionals {
            page.entry(Troff.italic(positional.forms[0]), [sentence(positional.help)])
        }
        page.section("OPTIONS")
        for option in program.options {
            page.entry(option.forms.map(tag(ofForm:)).joined(separator: ", "), [sentence(option.help)])
        }
        page.section("EXIT STATUS")
        for (status, meaning) in text.statuses { page.entry(Troff.bold(status), [meaning]) }
        page.section("EXAMPLES")
        page.opening("In the configuration of PostgreSQL:")
        page.verbatim([text.example])
        let others = ProgramEntry.all.map(\.name).filter { $0 != program.name }
        page.seeAlso([("barman", 1)] + pages(of: ["serve-wal"]) + others.map { ($0, 1) })
        return page.text
    }

    /// References to the pages of commands; of those that are there.
    static func pages(of commands: [String]) -> [(name: String, section: Int)] {
        commands.filter { name in CommandEntry.all.contains { $0.name == name } }.map { ("barman-\($0)", 1) }
    }

    // MARK: Parts

    private static func tag(of option: CommandEntry.Option) -> String {
        option.flags.map { flag in
            Troff.bold(flag) + (option.placeholder.map { " " + Troff.italic($0) } ?? "")
        }.joined(separator: ", ")
    }

    private static func tag(ofForm form: String) -> String {
        let words = form.split(separator: " ", maxSplits: 1).map(String.init)
        return Troff.bold(words[0]) + words.dropFirst().map { " " + Troff.italic($0) }.joined()
    }

    private static func synopsis(of command: CommandEntry) -> [String] {
        let options = command.options.map { option in
            let value = option.placeholder.map { " " + Troff.italic($0) } ?? ""
            return "[\(Troff.bold(option.flags.first ?? ""))\(value)]"
        }
        let positionals = command.positionals.map { positional in
            let name = Troff.italic(positional.name)
            if positional.isRepeated { return "\(name) [\(name) ...]" }
            return positional.isOptional ? "[\(name)]" : name
        }
        return options + positionals
    }

    /// A help text of the table as a sentence.
    static func sentence(_ help: String) -> String {
        let first = help.prefix(1).uppercased() + help.dropFirst()
        // A word such as archive_command keeps its case.
        let word = help.prefix { $0 != " " }
        let text = word.contains("_") || word.contains("%") ? help : first
        return text.hasSuffix(".") || text.hasSuffix(")") && text.hasSuffix(".)") ? text : text + "."
    }
}
