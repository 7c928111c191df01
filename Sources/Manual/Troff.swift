/// A manual page as it grows, in the man macros of troff.
struct Troff {
    private(set) var text: String

    /// Begins a page; `section` is 1 for programs, 5 for files.
    init(_ title: String, section: Int, version: String) {
        text = ".\\\" Made from the tables of commands and options by barman-pages; do not edit.\n"
        text += ".TH \(Self.quoted(title.uppercased())) \(section) \"\(Self.date)\" \"\(version)\" \"Barman\"\n"
    }

    /// The date of the pages; fixed, so that the same tables give the same bytes.
    private static let date = "November 25, 2026"

    /// `NAME`, in the one form that indexers understand.
    mutating func name(_ name: String, _ summary: String) {
        section("NAME")
        line("\(Self.escaped(name)) \\- \(Self.escaped(Self.phrase(summary)))")
    }

    /// A heading.
    mutating func section(_ title: String) {
        text += ".SH \(Self.quoted(title))\n"
    }

    /// A heading below a heading.
    mutating func subsection(_ title: String) {
        text += ".SS \(Self.quoted(title))\n"
    }

    /// A paragraph.
    mutating func paragraph(_ words: String) {
        text += ".PP\n"
        line(Self.escaped(words))
    }

    /// The first paragraph of a section, which needs no space before it.
    mutating func opening(_ words: String) {
        line(Self.escaped(words))
    }

    /// An entry of a list: a tag, and what it means in one or more lines.
    mutating func entry(_ tag: String, _ lines: [String]) {
        text += ".TP\n\(tag)\n"
        for (index, words) in lines.enumerated() {
            if index > 0 { text += ".br\n" }
            line(Self.escaped(words))
        }
    }

    /// A block that stays as it is written.
    mutating func verbatim(_ lines: [String]) {
        text += ".PP\n.RS 4\n.nf\n"
        for words in lines { line(Self.escaped(words)) }
        text += ".fi\n.RE\n"
    }

    /// A line that already is troff; one that would be taken for a request is protected.
    mutating func line(_ troff: String) {
        let isRequest = troff.hasPrefix(".") || troff.hasPrefix("'")
        text += (isRequest ? "\\&" : "") + troff + "\n"
    }

    /// A synopsis: the program in bold, the rest wrapped by the formatter.
    mutating func synopsis(_ program: String, _ parts: [String]) {
        section("SYNOPSIS")
        text += ".nh\n.B \(Self.escaped(program))\n"
        for part in parts { line(part) }
        text += ".hy\n"
    }

    /// References to other pages: `barman(1)`.
    mutating func seeAlso(_ pages: [(name: String, section: Int)]) {
        section("SEE ALSO")
        for (index, page) in pages.enumerated() {
            let comma = index + 1 < pages.count ? "," : ""
            text += ".BR \(Self.escaped(page.name)) (\(page.section))\(comma)\n"
        }
    }

    // MARK: Characters

    /// In bold.
    static func bold(_ words: String) -> String { "\\fB\(escaped(words))\\fR" }

    /// In italics.
    static func italic(_ words: String) -> String { "\\fI\(escaped(words))\\fR" }

    /// Text with the characters written so that they come out as typed.
    static func escaped(_ words: String) -> String {
        var result = ""
        for character in words {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            default: result.append(character)
            }
        }
        return result
    }

    private static func quoted(_ words: String) -> String { "\"\(escaped(words))\"" }

    /// A sentence as the phrase behind a name: no capital, no stop.
    private static func phrase(_ words: String) -> String {
        let isWord = words.dropFirst().first?.isLowercase ?? false
        let text = isWord ? words.prefix(1).lowercased() + words.dropFirst() : words
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}
