import Notation

/// The options of one program: how its command line is read, as Python's argparse reads it, and its help.
struct ArgumentTable: Sendable {
    /// What an option does.
    enum Kind: Sendable {
        /// Keeps a word; the option takes no value.
        case flag(String)
        case text
        case integer
        case positiveInteger
        case compressionLevel
        case help
        case version
    }

    struct Option: Sendable {
        let flags: [String]
        let key: String
        let kind: Kind
        /// What stands for the value in help texts; nil for an option without one.
        let placeholder: String?
        let help: String
        /// Options of one such group exclude each other.
        let group: String?

        init(
            _ flags: String...,
            key: String,
            _ kind: Kind,
            _ placeholder: String? = nil,
            group: String? = nil,
            help: String
        ) {
            self.flags = flags
            self.key = key
            self.kind = kind
            self.placeholder = placeholder
            self.group = group
            self.help = help
        }
    }

    struct Positional: Sendable {
        let name: String
        let help: String
    }

    let program: String
    /// What the program is for, in a sentence or two.
    let summary: String
    let options: [Option]
    let positionals: [Positional]

    /// The options that every program has first.
    static let common: [Option] = [
        Option("-h", "--help", key: "help", .help, help: "print this help and end"),
        Option("-V", "--version", key: "version", .version, help: "print the version and end"),
        Option("-U", "--user", key: "user", .text, "USER", help: "ssh user on the backup host; default barman"),
        Option("--port", key: "port", .text, "PORT", help: "ssh port of the backup host"),
    ]

    /// What a command line says.
    struct Values {
        var texts: [String: String] = [:]
        var positionals: [String] = []

        func text(_ key: String) -> String? { texts[key] }
        func flag(_ key: String) -> Bool { texts[key] != nil }
        func integer(_ key: String) -> Int { texts[key].flatMap { Int($0) } ?? 0 }
    }

    /// The command line ends the program: with a text on standard output and status 0, or with a usage error.
    enum Ending: Error, Equatable {
        case shown(String)
        case refused(String)
    }

    /// Reads the words after the program's name.
    func parse(_ words: [String]) throws(Ending) -> Values {
        var values = Values()
        var extras: [String] = []
        var chosen: [String: String] = [:]
        var index = 0
        var isEnded = false
        while index < words.count {
            let word = words[index]
            index += 1
            if isEnded || !isOption(word) {
                if values.positionals.count < positionals.count {
                    values.positionals.append(word)
                } else {
                    extras.append(word)
                }
                continue
            }
            if word == "--" {
                isEnded = true
                continue
            }
            var rest: String? = word
            while let current = rest {
                rest = nil
                guard let found = try find(current) else {
                    extras.append(current)
                    break
                }
                let option = found.option
                try exclude(option, &chosen)
                if let value = Self.fixedValue(option.kind) {
                    if let explicit = found.explicit {
                        // `-tP`: what follows a short flag are more of them.
                        guard !current.hasPrefix("--") else {
                            throw refusal(option, "ignored explicit argument '\(explicit)'")
                        }
                        rest = "-" + explicit
                    }
                    try end(option)
                    values.texts[option.key] = value
                    continue
                }
                var value = found.explicit
                if value == nil, index < words.count, !isOption(words[index]) {
                    value = words[index]
                    index += 1
                }
                guard let value else { throw refusal(option, "expected one argument") }
                values.texts[option.key] = try checked(value, option)
            }
        }
        let missing = positionals.dropFirst(values.positionals.count).map(\.name)
        guard missing.isEmpty else {
            throw refusal("the following arguments are required: \(missing.joined(separator: ", "))")
        }
        guard extras.isEmpty else { throw refusal("unrecognized arguments: \(extras.joined(separator: " "))") }
        return values
    }

    /// A word that begins with a dash, unless it is a dash alone or a negative number.
    private func isOption(_ word: String) -> Bool {
        guard word.hasPrefix("-"), word != "-" else { return false }
        return Double(word) == nil
    }

    private func find(_ word: String) throws(Ending) -> (option: Option, explicit: String?)? {
        if let option = options.first(where: { $0.flags.contains(word) }) { return (option, nil) }
        if word.hasPrefix("--") {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let explicit = parts.count == 2 ? parts[1] : nil
            if let option = options.first(where: { $0.flags.contains(parts[0]) }) { return (option, explicit) }
            let matches = options.flatMap { option in
                option.flags.filter { $0.hasPrefix("--") && $0.hasPrefix(parts[0]) }.map { (option, $0) }
            }
            guard matches.count < 2 else {
                let names = matches.map(\.1).joined(separator: ", ")
                throw refusal("ambiguous option: \(word) could match \(names)")
            }
            return matches.first.map { ($0.0, explicit) }
        }
        let short = String(word.prefix(2))
        guard let option = options.first(where: { $0.flags.contains(short) }) else { return nil }
        return (option, String(word.dropFirst(2)))
    }

    private static func fixedValue(_ kind: Kind) -> String? {
        switch kind {
        case .flag(let value): value
        case .help, .version: ""
        case .text, .integer, .positiveInteger, .compressionLevel: nil
        }
    }

    private func end(_ option: Option) throws(Ending) {
        switch option.kind {
        case .help: throw .shown(help)
        case .version: throw .shown("\(program) \(WALClient.referenceVersion)\n")
        default: break
        }
    }

    private func exclude(_ option: Option, _ chosen: inout [String: String]) throws(Ending) {
        guard let group = option.group else { return }
        let name = option.flags.joined(separator: "/")
        if let other = chosen[group], other != name { throw refusal(option, "not allowed with argument \(other)") }
        chosen[group] = name
    }

    private func checked(_ value: String, _ option: Option) throws(Ending) -> String {
        switch option.kind {
        case .integer:
            guard Int(value) != nil else { throw refusal(option, "invalid int value: '\(value)'") }
        case .positiveInteger:
            guard let number = Int(value), number > 0 else {
                throw refusal(option, "'\(value)' is not a valid positive integer")
            }
        case .compressionLevel:
            guard ["low", "medium", "high"].contains(value) || Int(value) != nil else {
                throw refusal(option, "invalid parse_compression_level value: '\(value)'")
            }
        default: break
        }
        return value
    }

    private func refusal(_ option: Option, _ text: String) -> Ending {
        refusal("argument \(option.flags.joined(separator: "/")): \(text)")
    }

    private func refusal(_ text: String) -> Ending { .refused("\(usage)\(program): error: \(text)\n") }
}

// MARK: - Help

extension ArgumentTable {
    private static let layout = HelpLayout(columns: 80)

    /// The usage block.
    var usage: String {
        var parts: [String] = []
        var shown: Set<String> = []
        for option in options {
            guard let group = option.group else {
                parts.append("[\(Self.usagePart(option))]")
                continue
            }
            guard shown.insert(group).inserted else { continue }
            let members = options.filter { $0.group == group }.map(Self.usagePart)
            parts.append("[\(members.joined(separator: " | "))]")
        }
        return Self.layout.usage(program, options: parts, positionals: positionals.map(\.name))
    }

    /// The text of `--help`.
    var help: String {
        let rows = options.map { option in
            (name: option.forms.joined(separator: ", "), help: option.help)
        }
        return usage + "\n" + Self.layout.paragraph(summary)
            + "\n" + Self.layout.section("positional arguments", positionals.map { ($0.name, $0.help) })
            + "\n" + Self.layout.section("options", rows)
    }

    private static func usagePart(_ option: Option) -> String { option.forms.first ?? "" }
}

extension ArgumentTable.Option {
    /// Each way to write it, with what stands for its value: `-U USER`, `--user USER`.
    var forms: [String] { flags.map { flag in placeholder.map { "\(flag) \($0)" } ?? flag } }
}

// MARK: - Manual

/// One of the two programs as its manual sees it.
package struct ProgramEntry: Sendable {
    /// An option or positional: the ways to write it, and what it means.
    package struct Argument: Sendable {
        /// `-U USER`, `--user USER`.
        package let forms: [String]
        /// What it means.
        package let help: String
    }

    /// The name.
    package let name: String
    /// What it is for.
    package let summary: String
    /// Its options.
    package let options: [Argument]
    /// Its positional arguments, in order.
    package let positionals: [Argument]

    /// Both programs.
    package static let all = [ArchiveArguments.table, RestoreArguments.table].map(ProgramEntry.init)

    private init(_ table: ArgumentTable) {
        name = table.program
        summary = table.summary
        options = table.options.map { Argument(forms: $0.forms, help: $0.help) }
        positionals = table.positionals.map { Argument(forms: [$0.name], help: $0.help) }
    }
}
