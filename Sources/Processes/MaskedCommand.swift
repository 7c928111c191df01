/// Command lines as messages and logs show them.
public enum MaskedCommand {
    /// The words as one line, quoted where needed, with passwords made unreadable.
    public static func text(_ words: [String]) -> String {
        words.map { ShellWords.quote(masked($0)) }.joined(separator: " ")
    }

    /// The text with the values of `password=` and the passwords in `postgresql://user:password@` made unreadable.
    public static func masked(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ":")) || text.utf8.contains(UInt8(ascii: "=")) else { return text }
        return maskURLs(maskAssignments(Array(text.utf8)))
    }

    private static let replacement = Array("*REDACTED*".utf8)

    private static func maskAssignments(_ bytes: [UInt8]) -> [UInt8] {
        let key = Array("password=".utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard matches(key, in: bytes, at: index, ignoringCase: true) else {
                result.append(bytes[index])
                index += 1
                continue
            }
            result.append(contentsOf: bytes[index..<(index + key.count)])
            result.append(contentsOf: replacement)
            index = endOfValue(in: bytes, from: index + key.count)
        }
        return result
    }

    /// Where a conninfo value ends: at its closing quote, or before the next blank or quote.
    private static func endOfValue(in bytes: [UInt8], from start: Int) -> Int {
        let quote = UInt8(ascii: "'")
        var index = start
        if index < bytes.count, bytes[index] == quote {
            index += 1
            while index < bytes.count, bytes[index] != quote {
                index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            return min(index + 1, bytes.count)
        }
        while index < bytes.count, ![UInt8(ascii: " "), quote, UInt8(ascii: "\"")].contains(bytes[index]) { index += 1 }
        return index
    }

    private static func maskURLs(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let schemes = ["postgresql://", "postgres://"].map { Array($0.utf8) }
            guard let scheme = schemes.first(where: { matches($0, in: bytes, at: index) }) else {
                result.append(bytes[index])
                index += 1
                continue
            }
            result.append(contentsOf: scheme)
            index += scheme.count
            let authority = bytes[index...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: " ") }
            guard let at = authority.lastIndex(of: UInt8(ascii: "@")),
                let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":"))
            else { continue }
            result.append(contentsOf: authority[...colon])
            result.append(contentsOf: replacement)
            index = at
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func matches(_ key: [UInt8], in bytes: [UInt8], at index: Int, ignoringCase: Bool = false) -> Bool {
        guard index + key.count <= bytes.count else { return false }
        return key.indices.allSatisfy { offset in
            let byte = bytes[index + offset]
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            return key[offset] == (ignoringCase && isUpper ? byte | 0x20 : byte)
        }
    }
}
