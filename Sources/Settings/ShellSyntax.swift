/// Just enough of shell quoting to tell whether a command line can be split into words.
enum ShellSyntax {
    /// How many words a command line has, or nil when a quote or escape is left open.
    static func wordCount(_ text: String) -> Int? {
        var count = 0
        var isInWord = false
        var quote: UInt8?
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
                if !isInWord { count += 1 }
                isInWord = true
            } else if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
                if !isInWord { count += 1 }
                isInWord = true
            } else if byte == 0x20 || (0x09...0x0D).contains(byte) {
                isInWord = false
            } else {
                if !isInWord { count += 1 }
                isInWord = true
            }
        }
        return quote == nil && !isEscaped ? count : nil
    }
}
