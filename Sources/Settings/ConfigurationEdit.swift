/// Sets one option in the text of a configuration file and leaves every other line as it is.
///
/// The file is read the way the parser reads it: comments, continuation lines, `key : value`, sections that appear twice.
enum ConfigurationEdit {
    /// The bytes of the file with the option set in the section, which is added when it is missing.
    ///
    /// The line that counts, which is the last one, is replaced together with its continuation lines. A new option follows
    /// the last one of the section.
    static func setting(_ option: String, to value: String, in section: String, of bytes: [UInt8]) -> [UInt8] {
        let lines = lines(of: bytes)
        let place = place(of: option, in: section, lines, bytes)
        let ending = lines.first.map { Array(bytes[$0.text.endIndex..<$0.end]) } ?? []
        let newline = ending.isEmpty ? [UInt8(ascii: "\n")] : ending
        let line = Array("\(option) = \(value)".utf8) + newline
        if let present = place.option {
            return Array(bytes[..<present.lowerBound]) + line + bytes[present.upperBound...]
        }
        var result = Array(bytes[..<(place.end ?? bytes.count)])
        if let last = result.last, last != UInt8(ascii: "\n"), last != UInt8(ascii: "\r") { result += newline }
        if place.end == nil { result += Array("[\(section)]".utf8) + newline }
        return result + line + bytes[(place.end ?? bytes.count)...]
    }

    private struct Line {
        /// Without its end.
        let text: ArraySlice<UInt8>
        /// Where the next line starts.
        let end: Int
    }

    private static func lines(of bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n"), bytes[end] != UInt8(ascii: "\r") { end += 1 }
            var next = min(end + 1, bytes.count)
            if end < bytes.count, bytes[end] == UInt8(ascii: "\r"), next < bytes.count,
                bytes[next] == UInt8(ascii: "\n")
            {
                next += 1
            }
            lines.append(Line(text: bytes[start..<end], end: next))
            start = next
        }
        return lines
    }

    /// The bytes of the option's lines, and the end of the section's last line with something in it.
    private static func place(
        of option: String,
        in section: String,
        _ lines: [Line],
        _ bytes: [UInt8]
    ) -> (option: Range<Int>?, end: Int?) {
        var present: Range<Int>?
        var end: Int?
        var isInside = false
        var isOfOption = false
        var indentation: Int?
        for line in lines {
            let text = Blanks.trim(line.text)
            guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { continue }
            let depth = Blanks.leadingCount(line.text)
            if let indentation, depth > indentation {
                // The line before goes on.
                if isInside { end = line.end }
                if isOfOption, let range = present { present = range.lowerBound..<line.end }
                continue
            }
            isOfOption = false
            if first == UInt8(ascii: "["), let close = text.lastIndex(of: UInt8(ascii: "]")),
                close > text.startIndex + 1
            {
                isInside = text[(text.startIndex + 1)..<close].elementsEqual(section.utf8)
                if isInside { end = line.end }
                indentation = nil
                continue
            }
            indentation = depth
            guard isInside else { continue }
            end = line.end
            let name = text.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ":") }
            if String(decoding: Blanks.trim(name), as: UTF8.self).lowercased() == option {
                present = line.text.startIndex..<line.end
                isOfOption = true
            }
        }
        return (present, end)
    }
}
