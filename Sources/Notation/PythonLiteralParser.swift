/// A text that is no literal of strings, numbers, tuples, lists, dictionaries, `None` and booleans.
public struct PythonLiteralError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The position of the byte that cannot be, from 0.
    public let offset: Int
    /// What was expected there.
    public let reason: String

    /// What was expected, and where.
    public var description: String { "\(reason) at byte \(offset)" }
}

extension PythonLiteral {
    /// Reads one literal; nothing but blanks may stand around it.
    public init(parsing text: String) throws(PythonLiteralError) {
        var parser = PythonLiteralParser(bytes: Array(text.utf8))
        self = try parser.document()
    }
}

/// Reads literals byte by byte; nesting is bounded so that no input can exhaust the stack.
private struct PythonLiteralParser {
    private let bytes: [UInt8]
    private var position = 0
    private static let deepestNesting = 100

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(PythonLiteralError) -> PythonLiteral {
        let value = try value(depth: 0)
        skipBlanks()
        guard position == bytes.count else { throw failure("end expected") }
        return value
    }

    private mutating func value(depth: Int) throws(PythonLiteralError) -> PythonLiteral {
        guard depth < PythonLiteralParser.deepestNesting else { throw failure("nesting is too deep") }
        skipBlanks()
        guard let byte = peek() else { throw failure("a value expected") }
        switch byte {
        case UInt8(ascii: "["):
            return .list(try elements(closing: "]", depth: depth).elements)
        case UInt8(ascii: "("):
            let (elements, hadComma) = try elements(closing: ")", depth: depth)
            return elements.count == 1 && !hadComma ? elements[0] : .tuple(elements)
        case UInt8(ascii: "{"):
            return try dictionary(depth: depth)
        case UInt8(ascii: "'"), UInt8(ascii: "\""):
            return .string(try strings())
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"):
            return try number()
        default:
            return try word()
        }
    }

    private mutating func elements(
        closing: Unicode.Scalar,
        depth: Int
    ) throws(PythonLiteralError) -> (elements: [PythonLiteral], hadComma: Bool) {
        var elements: [PythonLiteral] = []
        var hadComma = false
        position += 1
        while true {
            skipBlanks()
            if take(closing) { return (elements, hadComma) }
            guard elements.isEmpty || hadComma else { throw failure("',' expected") }
            elements.append(try value(depth: depth + 1))
            skipBlanks()
            hadComma = take(",")
        }
    }

    private mutating func dictionary(depth: Int) throws(PythonLiteralError) -> PythonLiteral {
        var members: [(key: PythonLiteral, value: PythonLiteral)] = []
        var hadComma = true
        position += 1
        while true {
            skipBlanks()
            if take("}") { return .dictionary(members) }
            guard hadComma else { throw failure("',' expected") }
            let key = try value(depth: depth + 1)
            skipBlanks()
            guard take(":") else { throw failure("':' expected") }
            let value = try value(depth: depth + 1)
            // A repeated key keeps its first place and its last value.
            if let index = members.firstIndex(where: { $0.key == key }) {
                members[index].value = value
            } else {
                members.append((key: key, value: value))
            }
            skipBlanks()
            hadComma = take(",")
        }
    }

    private mutating func number() throws(PythonLiteralError) -> PythonLiteral {
        let start = position
        while take("-") || take("+") { skipBlanks() }
        let isNegative = bytes[start..<position].filter { $0 == UInt8(ascii: "-") }.count % 2 == 1
        let digitsStart = position
        while let byte = peek(), isNumberByte(byte, after: position > digitsStart ? bytes[position - 1] : 0) {
            position += 1
        }
        let digits = bytes[digitsStart..<position].filter { $0 != UInt8(ascii: "_") }
        let text = (isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self)
        if let value = Int64(text) { return .integer(value) }
        guard digits.contains(where: { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let value = Double(text), value.isFinite
        else {
            position = start
            throw failure("a number expected")
        }
        return .double(value)
    }

    private func isNumberByte(_ byte: UInt8, after previous: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "e"),
            UInt8(ascii: "E"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "+"): previous | 0x20 == UInt8(ascii: "e")
        default: false
        }
    }

    private mutating func word() throws(PythonLiteralError) -> PythonLiteral {
        let start = position
        while let byte = peek(), byte | 0x20 >= UInt8(ascii: "a"), byte | 0x20 <= UInt8(ascii: "z") { position += 1 }
        switch String(decoding: bytes[start..<position], as: UTF8.self) {
        case "None": return .none
        case "True": return .bool(true)
        case "False": return .bool(false)
        case "u", "U":
            // Text literals of Python 2.
            guard let byte = peek(), byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") else { break }
            return .string(try strings())
        default: break
        }
        position = start
        throw failure("a value expected")
    }

    /// One text, or several that stand side by side and are one.
    private mutating func strings() throws(PythonLiteralError) -> String {
        var text = try string()
        while true {
            skipBlanks()
            guard let byte = peek(), byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") else { return text }
            text += try string()
        }
    }

    private mutating func string() throws(PythonLiteralError) -> String {
        let quote = bytes[position]
        let start = position
        position += 1
        var content: [UInt8] = []
        while let byte = peek() {
            position += 1
            if byte == quote {
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("UTF-8 expected") }
                return text
            }
            if byte == UInt8(ascii: "\\") {
                try escape(into: &content)
            } else {
                content.append(byte)
            }
        }
        position = start
        throw failure("the closing quote is missing: text")
    }

    private mutating func escape(into content: inout [UInt8]) throws(PythonLiteralError) {
        guard let byte = peek() else { throw failure("an escaped character expected") }
        position += 1
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): content.append(byte)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "a"): content.append(0x07)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "v"): content.append(0x0B)
        case UInt8(ascii: "x"): append(try digits(2, radix: 16), to: &content)
        case UInt8(ascii: "u"): append(try digits(4, radix: 16), to: &content)
        case UInt8(ascii: "U"): append(try digits(8, radix: 16), to: &content)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            position -= 1
            append(octal(), to: &content)
        default:
            // Python keeps an escape that it does not know.
            content.append(UInt8(ascii: "\\"))
            content.append(byte)
        }
    }

    private mutating func append(_ value: UInt32, to content: inout [UInt8]) {
        content.append(contentsOf: String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
    }

    private mutating func digits(_ count: Int, radix: UInt32) throws(PythonLiteralError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let byte = peek(), let digit = hexadecimalDigit(byte) else {
                throw failure("a hexadecimal digit expected")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func octal() -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<3 {
            guard let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "7") else { break }
            value = value << 3 | UInt32(byte - UInt8(ascii: "0"))
            position += 1
        }
        return value
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private func failure(_ reason: String) -> PythonLiteralError {
        PythonLiteralError(offset: position, reason: reason)
    }
}
