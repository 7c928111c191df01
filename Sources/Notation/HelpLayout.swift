/// How usage blocks and help texts are wrapped at a number of columns.
public struct HelpLayout: Sendable {
    /// One line of a list: a name at the left, what it means at the right.
    public typealias Row = (name: String, help: String)

    /// The widest line.
    private let width: Int

    /// Lays out for a terminal of so many columns.
    public init(columns: Int) {
        width = max(columns - 2, 11)
    }

    /// `usage: program [options] positionals`, over as many lines as it takes, with its newline.
    public func usage(_ program: String, options optionParts: [String], positionals: [String]) -> String {
        let prefix = "usage: "
        let whole = ([program] + optionParts + positionals).joined(separator: " ")
        guard prefix.count + whole.count > width else { return prefix + whole + "\n" }
        let lines: [String]
        if Double(prefix.count + program.count) <= 0.75 * Double(width) {
            let indent = String(repeating: " ", count: prefix.count + program.count + 1)
            if optionParts.isEmpty {
                lines = fold([program] + positionals, indent: indent, prefix: prefix)
            } else {
                lines =
                    fold([program] + optionParts, indent: indent, prefix: prefix) + fold(positionals, indent: indent)
            }
        } else {
            let indent = String(repeating: " ", count: prefix.count)
            var folded = fold(optionParts + positionals, indent: indent)
            if folded.count > 1 { folded = fold(optionParts, indent: indent) + fold(positionals, indent: indent) }
            lines = [program] + folded
        }
        return prefix + lines.joined(separator: "\n") + "\n"
    }

    /// A paragraph from the left margin, with its newline.
    public func paragraph(_ text: String) -> String {
        Self.wrap(text, width: width).joined(separator: "\n") + "\n"
    }

    /// A titled list: names at the left, what they mean at the right; nothing at all without rows.
    public func section(_ title: String, _ rows: [Row], indent: Int = 2) -> String {
        guard !rows.isEmpty else { return "" }
        let longest = rows.map { $0.name.count + indent + 2 }.max() ?? 0
        let column = min(longest, min(24, max(width - 20, indent * 2)))
        let margin = String(repeating: " ", count: column)
        var text = title + ":\n"
        for row in rows {
            let name = String(repeating: " ", count: indent) + row.name
            let help = Self.wrap(row.help, width: max(width - column, 11))
            guard let first = help.first else {
                text += name + "\n"
                continue
            }
            if name.count + 2 <= column {
                text += name + String(repeating: " ", count: column - name.count) + first + "\n"
            } else {
                text += name + "\n" + margin + first + "\n"
            }
            for line in help.dropFirst() { text += margin + line + "\n" }
        }
        return text
    }

    /// The lines of a text, broken at blanks so that none is wider than `width` unless a single word is.
    public static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }

    private func fold(_ parts: [String], indent: String, prefix: String? = nil) -> [String] {
        var lines: [String] = []
        var line: [String] = []
        var length = (prefix?.count ?? indent.count) - 1
        for part in parts {
            if length + 1 + part.count > width, !line.isEmpty {
                lines.append(indent + line.joined(separator: " "))
                line = []
                length = indent.count - 1
            }
            line.append(part)
            length += part.count + 1
        }
        if !line.isEmpty { lines.append(indent + line.joined(separator: " ")) }
        if prefix != nil, let first = lines.first { lines[0] = String(first.dropFirst(indent.count)) }
        return lines
    }
}
