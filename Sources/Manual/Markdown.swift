import Commands
import Notation
import WALClient

/// The reference of commands in docs/.
enum Markdown {
    /// `docs/commands.md`.
    static var commands: String {
        var text = """
            # Commands

            Made by `make pages` from the table of commands; `man barman` and `man barman-backup` say the same.

            ## Global options

            They stand before the command.


            """
        text += options(CommandEntry.globalOptions.map { (flags($0), $0.help) })
        for command in CommandEntry.all { text += "\n" + section(of: command) }
        for program in ProgramEntry.all {
            text += "\n## \(program.name)\n\n" + paragraph(program.summary) + "\n"
            let names = program.positionals.flatMap(\.forms).joined(separator: " ")
            text += "    \(program.name) [options] \(names)\n\n"
            text += options((program.positionals + program.options).map { (code($0.forms), $0.help) })
        }
        return text
    }

    private static func section(of command: CommandEntry) -> String {
        var text = "## \(command.name)\n\n"
        let aliases = command.aliases.isEmpty ? "" : " Also `\(command.aliases.joined(separator: "`, `"))`."
        text += paragraph(command.summary + aliases)
        if !command.isAvailable { text += "\n*" + ProgramText.later + "*\n" }
        for words in command.note.paragraphs { text += "\n" + paragraph(words) }
        let positionals = command.positionals.map { positional in
            positional.isRepeated
                ? "\(positional.name) [\(positional.name) ...]"
                : positional.isOptional ? "[\(positional.name)]" : positional.name
        }
        let words = ["barman", command.name] + (command.options.isEmpty ? [] : ["[options]"]) + positionals
        text += "\n    \(words.joined(separator: " "))\n"
        let rows = command.positionals.map { (code([$0.name]), $0.help) } + command.options.map { (flags($0), $0.help) }
        if !rows.isEmpty { text += "\n" + options(rows) }
        return text
    }

    private static func options(_ rows: [(name: String, help: String)]) -> String {
        "| Argument | Meaning |\n|---|---|\n" + rows.map { row([$0.name, escaped($0.help)]) }.joined()
    }

    private static func flags(_ option: CommandEntry.Option) -> String {
        code(option.flags.map { flag in option.placeholder.map { "\(flag) \($0)" } ?? flag })
    }

    private static func code(_ words: [String]) -> String {
        words.map { "`\($0)`" }.joined(separator: ", ")
    }

    /// A row of a table.
    static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

    /// Text that may hold characters which mean something here.
    static func escaped(_ words: String) -> String {
        words.map { "|<*_".contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    /// A paragraph of lines that are not too long, with its newline.
    static func paragraph(_ words: String) -> String {
        HelpLayout.wrap(escaped(words), width: 140).joined(separator: "\n") + "\n"
    }
}
