import TestWorld

/// A page of the documentation, as far as it shows what one types.
///
/// A fenced block says in its first line where it belongs: `sh barman@malcolm` and `sh postgres@angus` are run, `sql angus` goes
/// to the superuser's psql, `ini HOST:FILE` into that file. `<!-- a new world -->` begins again on fresh hosts,
/// `<!-- a new world: backed up -->` on hosts where angus is archived and has a backup. An indented block is not run: the comment
/// before it, `<!-- not run: REASON -->`, says why.
struct DocPage {
    /// Blocks that share one world.
    struct Chapter {
        let isBackedUp: Bool
        var blocks: [Block] = []
    }

    /// One fenced block.
    struct Block {
        let language: Substring
        let place: Substring
        let text: String
        let line: Int
    }

    /// One indented block, and why it is not run; nil when the page does not tell.
    struct Exception {
        let line: Int
        let reason: Substring?
    }

    /// The path in the repository.
    let path: String
    private(set) var chapters: [Chapter] = []
    private(set) var exceptions: [Exception] = []
    /// What stands between back-ticks in a line, with the number of that line.
    private(set) var words: [(line: Int, text: String)] = []
    /// The cells of tables, row by row, with the heading above the table.
    private(set) var rows: [(heading: Substring, cells: [String])] = []

    init(_ path: String) throws {
        self.path = path
        let text = String(decoding: try Shell.read("\(World.repository)/\(path)"), as: UTF8.self)
        var open: (language: Substring, place: Substring, line: Int, lines: [Substring])?
        var heading: Substring = ""
        /// The last line that was not empty.
        var before: Substring = ""
        var isIndented = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let block = open {
                guard line == "```" else {
                    open?.lines.append(line)
                    continue
                }
                try close(block)
                open = nil
            } else if line.hasPrefix("```") {
                let words = line.dropFirst(3).split(separator: " ")
                guard words.count == 2 else {
                    throw WorldError("\(path):\(index + 1): the block does not say where it belongs")
                }
                open = (words[0], words[1], index + 1, [])
            } else if line.hasPrefix("    ") {
                if !isIndented { exceptions.append(Exception(line: index + 1, reason: Self.reason(before))) }
                isIndented = true
            } else {
                if !line.isEmpty { isIndented = false }
                if line.hasPrefix("#") { heading = line.drop { $0 == "#" || $0 == " " } }
                if line == "<!-- a new world -->" { chapters.append(Chapter(isBackedUp: false)) }
                if line == "<!-- a new world: backed up -->" { chapters.append(Chapter(isBackedUp: true)) }
                words += Self.words(line).map { (index + 1, $0) }
                if line.hasPrefix("| ") {
                    rows.append((heading, line.split(separator: "|").map { $0.trimmed }))
                }
            }
            if !line.isEmpty { before = line }
        }
    }

    private mutating func close(_ block: (language: Substring, place: Substring, line: Int, lines: [Substring])) throws
    {
        guard !chapters.isEmpty else { throw WorldError("\(path):\(block.line): a block before the first world") }
        chapters[chapters.count - 1].blocks.append(
            Block(
                language: block.language,
                place: block.place,
                text: block.lines.joined(separator: "\n") + "\n",
                line: block.line
            )
        )
    }

    private static func reason(_ line: Substring) -> Substring? {
        let (start, end) = ("<!-- not run: ", " -->")
        guard line.hasPrefix(start), line.hasSuffix(end) else { return nil }
        return line.dropFirst(start.count).dropLast(end.count)
    }

    private static func words(_ line: Substring) -> [String] {
        let parts = line.split(separator: "`", omittingEmptySubsequences: false)
        return parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}

extension StringProtocol {
    /// Without blanks around it.
    fileprivate var trimmed: String {
        let start = drop { $0 == " " }
        return String(String(start.reversed().drop { $0 == " " }).reversed())
    }
}
