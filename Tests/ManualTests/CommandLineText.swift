@testable import Commands

/// A command line of barman in a text, read as a shell and the program would.
enum CommandLineText {
    /// What the program says against a command line; a command that is named without its arguments is fine.
    static func complaint(about line: String) -> String? {
        let words = words(of: line)
        if words.count == 2, CommandTable.command(named: words[1]) != nil { return nil }
        do {
            _ = try Invocation(parsing: Array(words.dropFirst()), columns: 80)
            return nil
        } catch {
            return error.exitStatus == 0 ? nil : error.errorOutput
        }
    }

    /// The words of a line as a shell takes it apart, up to a redirection.
    private static func words(of line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for letter in line {
            switch letter {
            case quote: quote = nil
            case "'" where quote == nil, "\"" where quote == nil:
                quote = letter
                word = word ?? ""
            case " " where quote == nil:
                if let finished = word { words.append(finished) }
                word = nil
            default: word = (word ?? "") + String(letter)
            }
        }
        if let word { words.append(word) }
        return Array(words.prefix { $0 != ">" && $0 != "|" })
    }
}
