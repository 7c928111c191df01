/// A text that is no JSON.
public struct JSONParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The position of the byte that cannot be, from 0.
    public let offset: Int
    /// What was expected there.
    public let reason: String

    /// What was expected, and where.
    public var description: String { "\(reason) at byte \(offset)" }
}

extension JSONValue {
    /// Reads one JSON value in UTF-8; whole numbers that do not fit into 64 bits become floating-point numbers.
    public init(parsing bytes: [UInt8]) throws(JSONParseError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }

    /// Reads one JSON value.
    public init(parsing text: String) throws(JSONParseError) {
        try self.init(parsing: Array(text.utf8))
    }
}

/// Reads JSON byte by byte; nesting is bounded so that no input can exhaust the stack.
private struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private static let deepestNesting = 200

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONParseError) -> JSONValue {
        let value = try value(depth: 0)
        skipBlanks()
        guard position == bytes.count else { throw failure("end expected") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONParseError) -> JSONValue {
        guard depth < JSONParser.deepestNesting else { throw failure("nesting is too deep") }
        skipBlanks()
        switch peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N"): return try word("NaN", .double(.nan))
        case UInt8(ascii: "I"): return try word("Infinity", .double(.infinity))
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONParseError) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = []
        position += 1
        skipBlanks()
        if take("}") { return .object(members) }
        while true {
            skipBlanks()
            guard peek() == UInt8(ascii: "\"") else { throw failure("a name in quotes expected") }
            let key = try string()
            skipBlanks()
            guard take(":") else { throw failure("':' expected") }
            members.append((key: key, value: try value(depth: depth + 1)))
            skipBlanks()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("',' or '}' expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONParseError) -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipBlanks()
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return .array(elements) }
            guard take(",") else { throw failure("',' or ']' expected") }
        }
    }

    private mutating func number() throws(JSONParseError) -> JSONValue {
        let start = position
        if take("-"), peek() == UInt8(ascii: "I") { return try word("Infinity", .double(-.infinity)) }
        let integerStart = position
        takeDigits()
        guard position > integerStart, bytes[integerStart] != UInt8(ascii: "0") || position == integerStart + 1 else {
            position = start
            throw failure("a value expected")
        }
        var isInteger = true
        if take(".") {
            isInteger = false
            let fractionStart = position
            takeDigits()
            guard position > fractionStart else { throw failure("a digit expected") }
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            let exponentStart = position
            takeDigits()
            guard position > exponentStart else { throw failure("a digit expected") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text) else { throw failure("a number expected") }
        return .double(value)
    }

    private mutating func string() throws(JSONParseError) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = peek() {
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("UTF-8 expected") }
                return text
            }
            guard byte >= 0x20 else { throw failure("a control character within a text") }
            position += 1
            if byte == UInt8(ascii: "\\") {
                try escape(into: &content)
            } else {
                content.append(byte)
            }
        }
        throw failure("'\"' expected")
    }

    private mutating func escape(into content: inout [UInt8]) throws(JSONParseError) {
        guard let byte = peek() else { throw failure("an escaped character expected") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "u"): content.append(contentsOf: String(Character(try unicodeEscape())).utf8)
        default: throw failure("unknown escape")
        }
    }

    /// The character of `\uXXXX`, of two of them for a surrogate pair; half a pair becomes the replacement character.
    private mutating func unicodeEscape() throws(JSONParseError) -> Unicode.Scalar {
        let first = try fourDigits()
        if first >= 0xD800, first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        {
            let beforeSecond = position
            position += 2
            let second = try fourDigits()
            if second >= 0xDC00, second < 0xE000 {
                return Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)) ?? "\u{FFFD}"
            }
            position = beforeSecond
        }
        return Unicode.Scalar(first) ?? "\u{FFFD}"
    }

    private mutating func fourDigits() throws(JSONParseError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = hexadecimalDigit(byte) else {
                throw failure("a hexadecimal digit expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONParseError) -> JSONValue {
        guard bytes[position...].starts(with: text.utf8) else { throw failure("a value expected") }
        position += text.utf8.count
        return value
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takeDigits() {
        while let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    }

    private mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B && byte != 0x0C) {
            position += 1
        }
    }

    private func failure(_ reason: String) -> JSONParseError {
        JSONParseError(offset: position, reason: reason)
    }
}

/// The value of one hexadecimal digit of either case.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}
