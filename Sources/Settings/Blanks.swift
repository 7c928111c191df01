/// White space as the reference's parser understands it, on UTF-8 bytes.
enum Blanks {
    /// The bytes without white space at either end.
    static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = trimEnd(bytes)
        while let width = width(atStartOf: rest) { rest = rest.dropFirst(width) }
        return rest
    }

    /// The bytes without white space at the end.
    static func trimEnd(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let width = width(atEndOf: rest) { rest = rest.dropLast(width) }
        return rest
    }

    /// The text without white space at either end.
    static func trim(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return String(decoding: trim(bytes[...]), as: UTF8.self)
    }

    /// How many characters of white space the line starts with.
    static func leadingCount(_ line: ArraySlice<UInt8>) -> Int {
        var rest = line
        var count = 0
        while let width = width(atStartOf: rest) {
            rest = rest.dropFirst(width)
            count += 1
        }
        return count
    }

    /// The words between runs of white space.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var rest = trim(Array(text.utf8)[...])
        while !rest.isEmpty {
            var end = rest.startIndex
            while end < rest.endIndex, width(atStartOf: rest[end...]) == nil { end += 1 }
            words.append(String(decoding: rest[..<end], as: UTF8.self))
            rest = rest[end...]
            while let width = width(atStartOf: rest) { rest = rest.dropFirst(width) }
        }
        return words
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte) || (0x1C...0x1F).contains(byte)
    }

    private static func width(atStartOf bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        if first < 0x80 { return isBlank(first) ? 1 : nil }
        if first == 0xC2, bytes.count >= 2 { return isWide(bytes.prefix(2)) ? 2 : nil }
        if first >= 0xE1, first <= 0xE3, bytes.count >= 3 { return isWide(bytes.prefix(3)) ? 3 : nil }
        return nil
    }

    private static func width(atEndOf bytes: ArraySlice<UInt8>) -> Int? {
        guard let last = bytes.last else { return nil }
        if last < 0x80 { return isBlank(last) ? 1 : nil }
        if bytes.count >= 2, isWide(bytes.suffix(2)) { return 2 }
        if bytes.count >= 3, isWide(bytes.suffix(3)) { return 3 }
        return nil
    }

    /// Next line, no-break space, ogham space, the spaces of U+2000..., line and paragraph separator, ideographic space.
    private static func isWide(_ bytes: ArraySlice<UInt8>) -> Bool {
        let b = Array(bytes)
        if b.count == 2 { return b[0] == 0xC2 && (b[1] == 0x85 || b[1] == 0xA0) }
        switch (b[0], b[1], b[2]) {
        case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9),
            (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
            return true
        default:
            return false
        }
    }
}
