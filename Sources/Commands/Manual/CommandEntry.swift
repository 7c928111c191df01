/// One command as manual, reference and completion see it: the table of commands in values of their own.
package struct CommandEntry: Sendable {
    /// An option: how it is written and what it means.
    package struct Option: Sendable {
        /// How it is written, first the way used in the usage line.
        package let flags: [String]
        /// What stands for its value, in brackets if the value may be left out; nil for an option without one.
        package let placeholder: String?
        /// The only values it takes, if there are such.
        package let choices: [String]
        /// What it means.
        package let help: String
    }

    /// A positional argument.
    package struct Positional: Sendable {
        /// Its name.
        package let name: String
        /// True if it may be left out.
        package let isOptional: Bool
        /// True if it may be given several times.
        package let isRepeated: Bool
        /// What it means.
        package let help: String
    }

    /// The name.
    package let name: String
    /// Further names.
    package let aliases: [String]
    /// What it does, in a sentence or two.
    package let summary: String
    /// Its options, without `--help`.
    package let options: [Option]
    /// Its positional arguments, in order.
    package let positionals: [Positional]
    /// False while the feature is not there yet.
    package let isAvailable: Bool
    /// What a manual says beyond the table.
    package let note: CommandNote

    /// Every command, by name.
    package static let all = CommandTable.commands.map(CommandEntry.init).sorted { $0.name < $1.name }

    /// The options that stand before the command.
    package static let globalOptions = CommandTable.globalOptions.map(Option.init)

    init(_ command: CommandSpecification) {
        name = command.name
        aliases = command.aliases
        summary = command.summary
        options = command.options.map(Option.init)
        positionals = command.positionals.map(Positional.init)
        isAvailable = command.run != nil
        note = CommandNote.all[command.name] ?? CommandNote([])
    }
}

extension CommandEntry.Option {
    init(_ option: OptionArgument) {
        flags = option.flags
        placeholder = option.placeholder
        choices = option.choices
        help = option.help
    }
}

extension CommandEntry.Positional {
    init(_ positional: PositionalArgument) {
        name = positional.name
        isOptional = positional.count == .optional
        isRepeated = positional.count == .oneOrMore
        help = positional.help
    }
}

/// What the manual says about a command beyond its table: what one should know, and what one types.
package struct CommandNote: Sendable {
    /// A command line and what it is for.
    package struct Example: Sendable {
        /// What one types.
        package let line: String
        /// Why.
        package let purpose: String
    }

    /// Paragraphs.
    package let paragraphs: [String]
    /// Examples.
    package let examples: [Example]
    /// Commands one wants to read about next.
    package let related: [String]

    init(_ paragraphs: [String], examples: KeyValuePairs<String, String> = [:], related: [String] = []) {
        self.paragraphs = paragraphs
        self.examples = examples.map { Example(line: $0.key, purpose: $0.value) }
        self.related = related
    }
}

/// The program, as its pages name it.
package enum ProductName {
    /// The release of the reference whose behaviour this is.
    package static let referenceVersion = Product.referenceVersion
    /// Our own release.
    package static let version = Product.version
}
