public import Notation

/// Takes passwords out of texts before anybody sees them.
public enum Secrets {
    private static let replacement = "*REDACTED*"

    /// The text with the values of `password=…` and the password part of `postgresql://user:…@` replaced.
    public static func masked(_ text: String) -> String {
        // The common case costs one look at the bytes.
        let bytes = Array(text.utf8)
        guard contains(bytes, "password=") || contains(bytes, "://") else { return text }
        return String(decoding: maskedURLs(maskedPairs(bytes)), as: UTF8.self)
    }

    /// The value with every text in it masked; keys stay.
    public static func masked(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(masked(text))
        case .array(let values): .array(values.map { masked($0) })
        case .object(let pairs): .object(pairs.map { (key: $0.key, value: masked($0.value)) })
        default: value
        }
    }

    private static func contains(_ bytes: [UInt8], _ word: String) -> Bool {
        find(Array(word.utf8), in: bytes[...]) != nil
    }

    private static func find(_ word: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= word.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - word.count)).first {
            bytes[$0..<($0 + word.count)].elementsEqual(word)
        }
    }

    /// Masks `password=VALUE`, where VALUE is quoted with `'` or `"`, or ends at white space, a quote or `&`.
    private static func maskedPairs(_ bytes: [UInt8]) -> [UInt8] {
        let word = Array("password=".utf8)
        var result: [UInt8] = []
        var rest = bytes[...]
        while let start = find(word, in: rest) {
            result += rest[..<start] + word
            rest = rest[(start + word.count)...]
            let valueEnd = endOfValue(in: rest)
            if valueEnd > rest.startIndex { result += Array(replacement.utf8) }
            rest = rest[valueEnd...]
        }
        return result + rest
    }

    private static func endOfValue(in bytes: ArraySlice<UInt8>) -> Int {
        guard let first = bytes.first else { return bytes.startIndex }
        if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
            var index = bytes.startIndex + 1
            while index < bytes.endIndex {
                if bytes[index] == UInt8(ascii: "\\") {
                    index += 1
                } else if bytes[index] == first {
                    return index + 1
                }
                index += 1
            }
            return bytes.endIndex
        }
        let ends = Set(" \t\r\n'\"&".utf8)
        // What has been masked is masked again where it stands in a document; a backslash behind it belongs to that.
        if bytes.starts(with: replacement.utf8) {
            let end = bytes.startIndex + replacement.utf8.count
            if end == bytes.endIndex || bytes[end] == UInt8(ascii: "\\") || ends.contains(bytes[end]) { return end }
        }
        var index = bytes.startIndex
        while index < bytes.endIndex, !ends.contains(bytes[index]) {
            // libpq lets a backslash carry the next byte into the value.
            index += bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.endIndex ? 2 : 1
        }
        return index
    }

    /// Masks the password of `postgres://user:VALUE@` and `postgresql://user:VALUE@`.
    private static func maskedURLs(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while let mark = find(Array("://".utf8), in: rest) {
            let authority = mark + 3
            let isPostgres = ["postgresql", "postgres"].contains {
                rest[..<mark].suffix($0.utf8.count).elementsEqual($0.utf8)
            }
            let stops = Set("/?# \t\r\n'\"".utf8)
            let end = rest[authority...].firstIndex { stops.contains($0) } ?? rest.endIndex
            result += rest[..<authority]
            rest = rest[authority...]
            guard isPostgres, let at = rest[..<end].lastIndex(of: UInt8(ascii: "@")),
                let colon = rest[..<at].firstIndex(of: UInt8(ascii: ":"))
            else { continue }
            result += rest[...colon] + Array(replacement.utf8)
            rest = rest[at...]
        }
        return result + rest
    }
}
