/// A literal of Python's, the form of the structured values in `backup.info`.
public indirect enum PythonLiteral: Sendable {
    /// `None`.
    case none
    /// `True` or `False`.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction.
    case double(Double)
    /// A text.
    case string(String)
    /// `[a, b]`.
    case list([PythonLiteral])
    /// `(a, b)`.
    case tuple([PythonLiteral])
    /// `{'key': value}`, in the order in which it was made.
    case dictionary([(key: PythonLiteral, value: PythonLiteral)])

    /// The canonical rendering, on one line.
    public var text: String {
        switch self {
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): String(value)
        case .double(let value): PythonText.double(value)
        case .string(let value): PythonText.quoted(value)
        case .list(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
        case .tuple(let elements):
            "(" + elements.map(\.text).joined(separator: ", ") + (elements.count == 1 ? ",)" : ")")
        case .dictionary(let members):
            "{" + members.map { "\($0.key.text): \($0.value.text)" }.joined(separator: ", ") + "}"
        }
    }

    /// Whether Python takes the value for false: `None`, zero, empty.
    ///
    /// Such values are written as `None`.
    public var isEmpty: Bool {
        switch self {
        case .none: true
        case .bool(let value): !value
        case .integer(let value): value == 0
        case .double(let value): value == 0
        case .string(let value): value.isEmpty
        case .list(let elements), .tuple(let elements): elements.isEmpty
        case .dictionary(let members): members.isEmpty
        }
    }

    /// The value under a text key; the last one when the key is repeated.
    public subscript(key: String) -> PythonLiteral? {
        guard case .dictionary(let members) = self else { return nil }
        return members.last { $0.key == .string(key) }?.value
    }

    /// The elements of a list or tuple.
    public var elements: [PythonLiteral]? {
        switch self {
        case .list(let elements), .tuple(let elements): elements
        default: nil
        }
    }

    /// The text, when this is one.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The whole number, when this is one.
    public var integerValue: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The number as floating point, when this is a number.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The literal of a JSON value; lists stay lists.
    public init(_ value: JSONValue) {
        self =
            switch value {
            case .null: .none
            case .bool(let value): .bool(value)
            case .integer(let value): .integer(value)
            case .double(let value): .double(value)
            case .string(let value): .string(value)
            case .array(let elements): .list(elements.map { PythonLiteral($0) })
            case .object(let members): .dictionary(members.map { (.string($0.key), PythonLiteral($0.value)) })
            }
    }

    /// The same value in JSON; tuples become lists, keys become texts.
    public var jsonValue: JSONValue {
        switch self {
        case .none: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .list(let elements), .tuple(let elements): .array(elements.map(\.jsonValue))
        case .dictionary(let members):
            .object(members.map { (key: $0.key.stringValue ?? $0.key.text, value: $0.value.jsonValue) })
        }
    }
}

extension PythonLiteral: Equatable {
    /// Compares values; dictionaries in their order.
    public static func == (left: PythonLiteral, right: PythonLiteral) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): left == right
        case (.dictionary(let left), .dictionary(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }
}
