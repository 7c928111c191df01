/// The values of one command line, by the names of the table.
struct ParsedArguments: Sendable, Equatable {
    private(set) var values: [String: ArgumentValue] = [:]

    /// Keeps a value; a repeated option adds to its list.
    mutating func keep(_ value: ArgumentValue, as name: String, adding: Bool) {
        guard adding, case .text(let text) = value else {
            values[name] = value
            return
        }
        values[name] = .list(list(name) + [text])
    }

    /// True if the option was given.
    func flag(_ name: String) -> Bool { optionalFlag(name) ?? false }

    /// What an on/off pair of options says last; nil when neither was given.
    func optionalFlag(_ name: String) -> Bool? {
        guard case .flag(let value) = values[name] else { return nil }
        return value
    }

    /// The text of an option or positional, if given.
    func text(_ name: String) -> String? {
        guard case .text(let value) = values[name] else { return nil }
        return value
    }

    /// The number of an option or positional, if given.
    func integer(_ name: String) -> Int? {
        guard case .integer(let value) = values[name] else { return nil }
        return value
    }

    /// The values of a repeated option or of a positional that takes several.
    func list(_ name: String) -> [String] {
        guard case .list(let value) = values[name] else { return [] }
        return value
    }

    /// The text of a positional that the parser made sure of.
    func required(_ name: String) -> String { text(name) ?? "" }
}
