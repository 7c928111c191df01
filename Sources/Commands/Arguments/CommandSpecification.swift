/// One option of a command line.
struct OptionArgument: Sendable {
    /// Whether a value follows.
    enum Arity: Sendable {
        /// No value; the option stands for this one.
        case none(ArgumentValue)
        /// One value.
        case one
        /// A value or none; without one the option stands for the given text.
        case optional(String)
        /// One value; each use adds one more.
        case repeated
    }

    /// What happens beside keeping a value.
    enum Action: Sendable {
        case keep
        case help
        case version
    }

    /// How it is written, first the way used in the usage line: `--jobs`, `-j`.
    let flags: [String]
    /// The name under which the value is kept: `jobs`.
    let destination: String
    let arity: Arity
    let type: ArgumentType
    /// What stands for the value in help texts; the choices if there are any.
    let metavar: String
    let choices: [String]
    let help: String
    let action: Action

    /// The words for the value in help texts; nil for an option without one.
    var placeholder: String? {
        let word = choices.isEmpty ? metavar : "{\(choices.joined(separator: ","))}"
        return switch arity {
        case .none: nil
        case .one, .repeated: word
        case .optional: "[\(word)]"
        }
    }

    /// An option without a value.
    static func flag(
        _ flags: String...,
        keeping destination: String? = nil,
        as value: ArgumentValue = .flag(true),
        help: String
    ) -> OptionArgument {
        OptionArgument(
            flags: flags,
            destination: destination ?? name(of: flags),
            arity: .none(value),
            type: .text,
            metavar: "",
            choices: [],
            help: help,
            action: .keep
        )
    }

    /// An option with a value.
    static func value(
        _ flags: String...,
        keeping destination: String? = nil,
        type: ArgumentType = .text,
        metavar: String? = nil,
        choices: [String] = [],
        arity: Arity = .one,
        help: String
    ) -> OptionArgument {
        let destination = destination ?? name(of: flags)
        return OptionArgument(
            flags: flags,
            destination: destination,
            arity: arity,
            type: type,
            metavar: metavar ?? destination.uppercased(),
            choices: choices,
            help: help,
            action: .keep
        )
    }

    /// The option that prints the help text.
    static let help = OptionArgument(
        flags: ["-h", "--help"],
        destination: "help",
        arity: .none(.flag(true)),
        type: .text,
        metavar: "",
        choices: [],
        help: "print this help and end",
        action: .help
    )

    /// The option that prints the version.
    static let version = OptionArgument(
        flags: ["-v", "--version"],
        destination: "version",
        arity: .none(.flag(true)),
        type: .text,
        metavar: "",
        choices: [],
        help: "print the version and end",
        action: .version
    )

    /// The first long flag without its dashes, `-` as `_`.
    private static func name(of flags: [String]) -> String {
        let flag = flags.first { $0.hasPrefix("--") } ?? flags.first ?? ""
        return String(flag.drop { $0 == "-" }.map { $0 == "-" ? "_" : $0 })
    }
}

/// One positional argument of a command line.
struct PositionalArgument: Sendable {
    /// How many values it takes.
    enum Count: Sendable {
        case one
        case optional
        case oneOrMore
        /// This one and everything after it: a command with its arguments.
        case command
    }

    let name: String
    let count: Count
    let type: ArgumentType
    let help: String

    init(_ name: String, _ count: Count = .one, type: ArgumentType = .text, help: String) {
        self.name = name
        self.count = count
        self.type = type
        self.help = help
    }
}

/// One command: its names, its arguments, its help and what it does.
struct CommandSpecification: Sendable {
    let name: String
    var aliases: [String] = []
    /// One or two sentences in our own words, for the list of commands and the top of its help.
    let summary: String
    var options: [OptionArgument] = []
    var positionals: [PositionalArgument] = []
    /// What the command does; nil while the feature is not there yet.
    var run: (@Sendable (Context, ParsedArguments) throws -> Void)?
}

extension PositionalArgument {
    /// The one server of a command.
    static let server = PositionalArgument("server_name", help: "the server")
    /// The servers of a command.
    static let servers = PositionalArgument("server_name", .oneOrMore, help: "the servers; 'all' means every one")
    /// The backup of a command.
    static let backup = PositionalArgument(
        "backup_id",
        help: "ID, name or shortcut ('latest', 'oldest', ...) of the backup"
    )
}
