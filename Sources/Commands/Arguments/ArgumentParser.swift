import Notation

/// Reads a command line against a table of options and positionals.
///
/// The behaviour is that of the parser DBAs' scripts were written for: options and positionals in any order, `--opt=value`, `-j4`,
/// `-qd`, unambiguous prefixes of long options, `--` as the end of options, and its words for what is wrong.
struct ArgumentParser {
    /// How reading ended early.
    enum Outcome: Error, Equatable {
        case help
        case version
        /// A usage error, in words.
        case complaint(String)
    }

    /// What was understood and what was left over.
    struct Reading {
        var arguments = ParsedArguments()
        var leftovers: [String] = []
        /// The command and all that follows it, when the table has a positional for one.
        var command: [String] = []
    }

    private let options: [OptionArgument]
    private let positionals: [PositionalArgument]

    init(options: [OptionArgument], positionals: [PositionalArgument]) {
        self.options = options
        self.positionals = positionals
    }

    /// Reads the words; `check` sees each positional value as it is taken.
    func read(_ words: [String], check: (Reading) throws(Outcome) -> Void = { _ in }) throws(Outcome) -> Reading {
        var run = Run(parser: self, words: words)
        try run.classify()
        try run.read(check)
        return run.reading
    }

    // MARK: What a word is

    /// An option as it stands in a word; no option when the word looks like one that does not exist.
    fileprivate struct Match {
        let option: OptionArgument?
        let flag: String
        let explicitValue: String?
    }

    /// The option a word names; nil if the word is a value.
    fileprivate func match(_ word: String) throws(Outcome) -> Match? {
        guard word.utf8.first == UInt8(ascii: "-") else { return nil }
        if let option = option(word) { return Match(option: option, flag: word, explicitValue: nil) }
        guard word.utf8.count > 1 else { return nil }
        let (head, value) = Self.split(word)
        if let value, let option = option(head) { return Match(option: option, flag: head, explicitValue: value) }
        let candidates = candidates(for: word)
        if candidates.count > 1 {
            let flags = candidates.map(\.flag).joined(separator: ", ")
            throw .complaint("ambiguous option: \(word) could match \(flags)")
        }
        if let candidate = candidates.first { return candidate }
        if Self.looksLikeNegativeNumber(word) || word.contains(" ") { return nil }
        return Match(option: nil, flag: word, explicitValue: nil)
    }

    fileprivate func option(_ flag: String) -> OptionArgument? {
        options.first { $0.flags.contains(flag) }
    }

    /// Every option the word could be short for.
    private func candidates(for word: String) -> [Match] {
        let isLong = word.hasPrefix("--")
        let (prefix, value) = isLong ? Self.split(word) : (word, nil)
        let shortFlag = String(word.prefix(2))
        let rest = String(word.dropFirst(2))
        var matches: [Match] = []
        for option in options {
            for flag in option.flags {
                if !isLong && flag == shortFlag {
                    matches.append(Match(option: option, flag: flag, explicitValue: rest))
                } else if flag.hasPrefix(prefix) {
                    matches.append(Match(option: option, flag: flag, explicitValue: value))
                }
            }
        }
        return matches
    }

    private static func split(_ word: String) -> (head: String, value: String?) {
        guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (word, nil) }
        return (String(word[..<equals]), String(word[word.utf8.index(after: equals)...]))
    }

    /// `-5`, `-1.5`, `-.5`.
    private static func looksLikeNegativeNumber(_ word: String) -> Bool {
        let body = word.dropFirst()
        let parts = body.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.allSatisfy { $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }
        return digits && !(parts.last?.isEmpty ?? true)
    }

    // MARK: One reading

    private struct Run {
        let parser: ArgumentParser
        let words: [String]
        var reading = Reading()
        /// The options among the words, by position.
        var matches: [Int: Match] = [:]
        /// For each word whether it is an option, a value, or the end of options.
        var kinds: [Kind] = []
        var openPositionals: [PositionalArgument]

        enum Kind {
            case option, value, terminator
        }

        init(parser: ArgumentParser, words: [String]) {
            self.parser = parser
            self.words = words
            openPositionals = parser.positionals
        }

        mutating func classify() throws(Outcome) {
            var optionsEnded = false
            for (index, word) in words.enumerated() {
                if optionsEnded {
                    kinds.append(.value)
                } else if word == "--" {
                    kinds.append(.terminator)
                    optionsEnded = true
                } else if let match = try parser.match(word) {
                    matches[index] = match
                    kinds.append(.option)
                } else {
                    kinds.append(.value)
                }
            }
        }

        mutating func read(_ check: (Reading) throws(Outcome) -> Void) throws(Outcome) {
            let lastOption = matches.keys.max() ?? -1
            var index = 0
            while index <= lastOption {
                let nextOption = (index...lastOption).first { matches[$0] != nil } ?? lastOption
                if index != nextOption {
                    let end = try takePositionals(from: index, check)
                    if end > index {
                        index = end
                        continue
                    }
                }
                if matches[index] == nil {
                    reading.leftovers += words[index..<nextOption]
                    index = nextOption
                }
                index = try takeOption(at: index)
            }
            let end = try takePositionals(from: index, check)
            reading.leftovers += words[end...]
            let missing = openPositionals.filter { $0.count == .one || $0.count == .oneOrMore }
            if !missing.isEmpty {
                let names = missing.map(\.name).joined(separator: ", ")
                throw .complaint("the following arguments are required: \(names)")
            }
        }

        // MARK: Positionals

        /// Gives the values from `start` on to as many positionals as they satisfy; returns where it stopped.
        private mutating func takePositionals(
            from start: Int,
            _ check: (Reading) throws(Outcome) -> Void
        ) throws(Outcome) -> Int {
            var index = start
            var slices: [Range<Int>] = []
            for positional in openPositionals {
                guard let slice = slice(for: positional, from: index) else { break }
                slices.append(slice)
                index = slice.upperBound
            }
            for slice in slices {
                try take(openPositionals.removeFirst(), slice, check)
            }
            return index
        }

        /// The words one positional takes, terminators around them included; nil if it is not satisfied.
        private func slice(for positional: PositionalArgument, from start: Int) -> Range<Int>? {
            var end = start
            func skipTerminators() {
                while end < kinds.count, kinds[end] == .terminator { end += 1 }
            }
            skipTerminators()
            let hasValue = end < kinds.count && kinds[end] == .value
            switch positional.count {
            case .one:
                guard hasValue else { return nil }
                end += 1
                skipTerminators()
            case .optional:
                if hasValue { end += 1 }
                skipTerminators()
            case .oneOrMore:
                guard hasValue else { return nil }
                while end < kinds.count, kinds[end] != .option { end += 1 }
            case .command:
                guard hasValue else { return nil }
                end = kinds.count
            }
            return start..<end
        }

        private mutating func take(
            _ positional: PositionalArgument,
            _ slice: Range<Int>,
            _ check: (Reading) throws(Outcome) -> Void
        ) throws(Outcome) {
            var taken = Array(words[slice])
            if positional.count == .command {
                reading.command = taken
                try check(reading)
                return
            }
            if let terminator = taken.firstIndex(of: "--") { taken.remove(at: terminator) }
            switch positional.count {
            case .oneOrMore:
                reading.arguments.keep(.list(taken), as: positional.name, adding: false)
            default:
                guard let text = taken.first else { return }
                let value = try converted(text, positional.type, positional.name)
                reading.arguments.keep(value, as: positional.name, adding: false)
            }
        }

        // MARK: Options

        /// Takes the option at a position, the short ones bundled with it, and its value; returns where to go on.
        private mutating func takeOption(at index: Int) throws(Outcome) -> Int {
            guard let match = matches[index], var option = match.option else {
                reading.leftovers.append(words[index])
                return index + 1
            }
            guard var explicit = match.explicitValue else {
                let value = try followingValue(of: option, at: index)
                try perform(option, value)
                return index + (value == nil ? 1 : 2)
            }
            var isBundle = !match.flag.hasPrefix("--")
            var bundle: [OptionArgument] = []
            while case .none = option.arity {
                guard isBundle, let letter = explicit.first, let next = parser.option("-\(letter)") else {
                    throw .complaint(
                        "argument \(option.label): ignored explicit argument \(PythonText.quoted(explicit))"
                    )
                }
                bundle.append(option)
                option = next
                explicit.removeFirst()
                isBundle = true
                if explicit.isEmpty { break }
            }
            for earlier in bundle { try perform(earlier, nil) }
            if explicit.isEmpty && !bundle.isEmpty {
                let value = try followingValue(of: option, at: index)
                try perform(option, value)
                return index + (value == nil ? 1 : 2)
            }
            try perform(option, explicit)
            return index + 1
        }

        /// The value in the next word; nil for an option that takes none there.
        private func followingValue(of option: OptionArgument, at index: Int) throws(Outcome) -> String? {
            let follows = index + 1 < kinds.count && kinds[index + 1] == .value
            switch option.arity {
            case .none: return nil
            case .optional: return follows ? words[index + 1] : nil
            case .one, .repeated:
                guard follows else { throw .complaint("argument \(option.label): expected one argument") }
                return words[index + 1]
            }
        }

        private mutating func perform(_ option: OptionArgument, _ text: String?) throws(Outcome) {
            switch option.action {
            case .help: throw .help
            case .version: throw .version
            case .keep: break
            }
            switch option.arity {
            case .none(let value): reading.arguments.keep(value, as: option.destination, adding: false)
            case .optional(let standard) where text == nil:
                reading.arguments.keep(.text(standard), as: option.destination, adding: false)
            case .one, .optional, .repeated:
                let text = text ?? ""
                let value = try converted(text, option.type, option.label)
                if !option.choices.isEmpty, !option.choices.contains(text) {
                    throw .complaint(
                        "argument \(option.label): "
                            + ArgumentParser.invalidChoice(text, of: option.choices)
                    )
                }
                var adds = false
                if case .repeated = option.arity { adds = true }
                reading.arguments.keep(value, as: option.destination, adding: adds)
            }
        }

        private func converted(_ text: String, _ type: ArgumentType, _ label: String) throws(Outcome) -> ArgumentValue {
            switch type.value(of: text) {
            case .success(let value): return value
            case .failure(let complaint): throw .complaint("argument \(label): \(complaint.text)")
            }
        }
    }

    /// `invalid choice: 'x' (choose from 'a', 'b')`.
    static func invalidChoice(_ text: String, of choices: [String]) -> String {
        let list = choices.map(PythonText.quoted).joined(separator: ", ")
        return "invalid choice: \(PythonText.quoted(text)) (choose from \(list))"
    }
}

extension OptionArgument {
    /// The name of the option in complaints: `--jobs/-j`.
    var label: String { flags.joined(separator: "/") }
}
