/// Text made of words: split as the reference splits it, quoted for a shell.
public enum ShellWords {
    /// Why text cannot be split.
    public enum SplitError: Error, Sendable, Equatable, CustomStringConvertible {
        /// A quote is not closed.
        case noClosingQuotation
        /// A backslash is the last character.
        case noEscapedCharacter

        /// The reference's words.
        public var description: String {
            switch self {
            case .noClosingQuotation: "No closing quotation"
            case .noEscapedCharacter: "No escaped character"
            }
        }
    }

    /// The words between blanks, tabs and line ends; quotes mean nothing.
    public static func splitAtBlanks(_ text: String) -> [String] {
        text.utf8.split { $0 == 0x20 || (0x09...0x0D).contains($0) }.map {
            String($0) ?? String(decoding: $0, as: UTF8.self)
        }
    }

    /// The words that a shell would see: quotes and backslashes taken out, nothing expanded.
    public static func split(_ text: String) throws(SplitError) -> [String] {
        var splitter = Splitter()
        for byte in text.utf8 { splitter.take(byte) }
        return try splitter.finish()
    }

    /// The word such that a shell takes it for one word, whatever is in it; plain words stay as they are.
    public static func quote(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "@%+=:,./_-".utf8.contains(byte)
            }
        }
        return isPlain && !word.isEmpty ? word : singleQuote(word)
    }

    /// The word between single quotes, those inside written `'\''`.
    public static func singleQuote(_ word: String) -> String {
        singleQuote(word, writingQuotesAs: #"'\''"#)
    }

    static func singleQuote(_ word: String, writingQuotesAs replacement: String) -> String {
        let quote = UInt8(ascii: "'")
        var bytes = [quote]
        for byte in word.utf8 {
            if byte == quote {
                bytes.append(contentsOf: replacement.utf8)
            } else {
                bytes.append(byte)
            }
        }
        bytes.append(quote)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The words as one line for a shell, each quoted where it must be.
    public static func join(_ words: [String]) -> String {
        words.map(quote).joined(separator: " ")
    }

    private struct Splitter {
        private enum State {
            case plain
            case singleQuoted
            case doubleQuoted
            case escaped
            case escapedInQuotes
        }

        private var state = State.plain
        private var word: [UInt8]?
        private var words: [String] = []

        mutating func take(_ byte: UInt8) {
            switch state {
            case .plain: takePlain(byte)
            case .singleQuoted:
                if byte == UInt8(ascii: "'") { state = .plain } else { append(byte) }
            case .doubleQuoted:
                switch byte {
                case UInt8(ascii: "\""): state = .plain
                case UInt8(ascii: "\\"): state = .escapedInQuotes
                default: append(byte)
                }
            case .escaped:
                append(byte)
                state = .plain
            case .escapedInQuotes:
                // Between double quotes a backslash escapes only itself and the quote.
                if byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { append(UInt8(ascii: "\\")) }
                append(byte)
                state = .doubleQuoted
            }
        }

        private mutating func takePlain(_ byte: UInt8) {
            switch byte {
            case UInt8(ascii: "'"):
                word = word ?? []
                state = .singleQuoted
            case UInt8(ascii: "\""):
                word = word ?? []
                state = .doubleQuoted
            case UInt8(ascii: "\\"):
                word = word ?? []
                state = .escaped
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): endWord()
            default: append(byte)
            }
        }

        private mutating func append(_ byte: UInt8) {
            word = word ?? []
            word?.append(byte)
        }

        private mutating func endWord() {
            guard let finished = word else { return }
            words.append(String(decoding: finished, as: UTF8.self))
            word = nil
        }

        mutating func finish() throws(SplitError) -> [String] {
            switch state {
            case .plain: break
            case .escaped, .escapedInQuotes: throw .noEscapedCharacter
            case .singleQuoted, .doubleQuoted: throw .noClosingQuotation
            }
            endWord()
            return words
        }
    }
}
