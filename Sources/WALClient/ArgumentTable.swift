/// The options of one program and how its command line is read, as Python's argparse reads it.
struct ArgumentTable {
    /// What an option does.
    enum Kind {
        /// Keeps a word; the option takes no value.
        case flag(String)
        case text
        case integer
        case positiveInteger
        case compressionLevel
        case help
        case version
    }

    struct Option {
        let flags: [String]
        let key: String
        let kind: Kind
        /// Options of one such group exclude each other.
        var group: String?
    }

    let program: String
    let usage: String
    let help: String
    let options: [Option]
    let positionals: [String]

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
        let missing = positionals.dropFirst(values.positionals.count)
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
