/// The content of a history file: where a timeline branched off, and from what (PostgreSQL manual, "Timelines").
public struct TimelineHistory: Sendable, Equatable {
    /// One line: an ancestor and where it was left.
    public struct Entry: Sendable, Equatable {
        /// The ancestor.
        public let parent: Timeline
        /// Where the branch happened.
        public let switchpoint: LSN
        /// Why, in PostgreSQL's words.
        public let reason: String
    }

    /// The line that cannot be read; 1-based.
    public struct ParseError: Error, Sendable, Equatable {
        /// The number of the line, from 1; 0 when there is no line at all.
        public let line: Int
    }

    /// The ancestors, oldest first.
    public let entries: [Entry]

    /// Reads lines of parent, switchpoint and reason separated by tabs; `#` comments and blank lines are skipped.
    public init(parsing text: String) throws(ParseError) {
        var entries: [Entry] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
            if content.isEmpty || content.first == "#" { continue }
            let fields = content.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let parent = UInt32(fields[0]), let switchpoint = LSN(fields[1]) else {
                throw ParseError(line: index + 1)
            }
            entries.append(
                Entry(parent: Timeline(rawValue: parent), switchpoint: switchpoint, reason: String(fields[2]))
            )
        }
        guard !entries.isEmpty else { throw ParseError(line: 0) }
        self.entries = entries
    }
}
