/// A JSON value.
///
/// Objects keep the order in which they were made; two are equal when the same keys hold equal values.
public indirect enum JSONValue: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction.
    case double(Double)
    /// A text.
    case string(String)
    /// A list.
    case array([JSONValue])
    /// Members in order; a repeated key is written twice.
    case object([(key: String, value: JSONValue)])

    /// The text as Python's `json.dumps` makes it: ASCII, `", "` and `": "`, one line unless there is an indent.
    public func text(sortedKeys: Bool = true, indent: Int? = nil) -> String {
        var writer = JSONWriter(sortedKeys: sortedKeys, indent: indent)
        writer.write(self, depth: 0)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The value of a member, the last one when the key is repeated; `nil` when this is no object or has no such key.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The text, when this is one.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The whole number, when this is one.
    public var integerValue: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The elements, when this is a list.
    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, when this is an object.
    public var objectValue: [(key: String, value: JSONValue)]? {
        if case .object(let value) = self { value } else { nil }
    }

    /// A text, or `null`.
    public static func optional(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    /// A whole number, or `null`.
    public static func optional(_ value: Int64?) -> JSONValue { value.map(JSONValue.integer) ?? .null }

    /// Members sorted by key in the order of their bytes, which is that of code points.
    static func sorted(_ members: [(key: String, value: JSONValue)]) -> [(key: String, value: JSONValue)] {
        members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
}

extension JSONValue: Equatable {
    /// Compares values; the order of members does not matter.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)):
            left.count == right.count
                && zip(sorted(left), sorted(right)).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A number with a fraction.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A list.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object in the order of the literal.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
}

/// Writes JSON into bytes.
private struct JSONWriter {
    let sortedKeys: Bool
    let indent: Int?
    var bytes: [UInt8] = []

    init(sortedKeys: Bool, indent: Int?) {
        self.sortedKeys = sortedKeys
        self.indent = indent
    }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .integer(let value): append(String(value))
        case .double(let value): append(number(value))
        case .string(let value): writeString(value)
        case .array(let elements):
            bracketed("[", "]", isEmpty: elements.isEmpty, depth: depth) { writer in
                for (index, element) in elements.enumerated() {
                    writer.separate(index: index, depth: depth + 1)
                    writer.write(element, depth: depth + 1)
                }
            }
        case .object(let members):
            bracketed("{", "}", isEmpty: members.isEmpty, depth: depth) { writer in
                let ordered = writer.sortedKeys ? JSONValue.sorted(members) : members
                for (index, member) in ordered.enumerated() {
                    writer.separate(index: index, depth: depth + 1)
                    writer.writeString(member.key)
                    writer.append(": ")
                    writer.write(member.value, depth: depth + 1)
                }
            }
        }
    }

    private mutating func bracketed(
        _ opening: String,
        _ closing: String,
        isEmpty: Bool,
        depth: Int,
        body: (inout JSONWriter) -> Void
    ) {
        append(opening)
        if !isEmpty {
            body(&self)
            breakLine(depth: depth)
        }
        append(closing)
    }

    private mutating func separate(index: Int, depth: Int) {
        if index > 0 { append(indent == nil ? ", " : ",") }
        breakLine(depth: depth)
    }

    private mutating func breakLine(depth: Int) {
        guard let indent else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(0, indent * depth)))
    }

    private mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return PythonText.double(value)
    }

    private mutating func writeString(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for unit in text.utf16 {
            switch unit {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0x0C: append("\\f")
            case 0x08: append("\\b")
            case 0x20..<0x7F: bytes.append(UInt8(truncatingIfNeeded: unit))
            default: append("\\u" + hexadecimal(UInt32(unit), width: 4))
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
