/// Reads one JSON object piece by piece: its members as they come, and one list among them element by element.
///
/// So a document of any length needs little memory, as long as its length is that list.
public struct JSONMemberReader {
    /// A piece that is complete.
    public enum Part {
        /// A member of the object, other than the list.
        case member(key: String, value: JSONValue)
        /// The next element of the list.
        case element(JSONValue)
    }

    /// No member and no element is longer.
    private static let longestPiece = 256 << 20

    private let listKey: String
    private var piece: [UInt8] = []
    private var key: String?
    private var depth = 0
    private var offset = 0
    private var isInString = false
    private var isEscaped = false
    private var isInList = false
    private var isEnded = false

    /// Prepares to read an object whose member of this name is the long list.
    public init(listKey: String) {
        self.listKey = listKey
    }

    /// Reads on; `body` gets every piece that these bytes complete.
    public mutating func take(_ bytes: UnsafeRawBufferPointer, _ body: (Part) throws -> Void) throws {
        for byte in bytes {
            try take(byte, body)
            offset += 1
        }
        guard piece.count <= Self.longestPiece else { throw failure("a member of less than 256 MiB expected") }
    }

    /// Says that there is no more; an object that is not complete is an error.
    public func finish() throws(JSONParseError) {
        guard isEnded else { throw failure("'}' expected") }
    }

    private mutating func take(_ byte: UInt8, _ body: (Part) throws -> Void) throws {
        if isInString {
            piece.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""):
            guard depth > 0 else { throw failure("'{' expected") }
            isInString = true
            piece.append(byte)
        case UInt8(ascii: "{"), UInt8(ascii: "["): try open(byte)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): try close(byte, body)
        case UInt8(ascii: ":") where depth == 1 && key == nil:
            guard let name = try value().stringValue else { throw failure("a name in quotes expected") }
            key = name
        case UInt8(ascii: ",") where depth == 1: try endMember(body)
        case UInt8(ascii: ",") where depth == 2 && isInList: try body(.element(try value()))
        case 0x20, 0x09, 0x0A, 0x0D: if !piece.isEmpty { piece.append(byte) }
        default:
            guard depth > 0 else { throw failure(isEnded ? "end expected" : "'{' expected") }
            piece.append(byte)
        }
    }

    private mutating func open(_ byte: UInt8) throws(JSONParseError) {
        guard !isEnded else { throw failure("end expected") }
        depth += 1
        switch depth {
        case 1:
            guard byte == UInt8(ascii: "{") else { throw failure("'{' expected") }
        case 2 where byte == UInt8(ascii: "[") && key == listKey && piece.isEmpty: isInList = true
        default: piece.append(byte)
        }
    }

    private mutating func close(_ byte: UInt8, _ body: (Part) throws -> Void) throws {
        depth -= 1
        switch depth {
        case 0:
            guard byte == UInt8(ascii: "}") else { throw failure("'}' expected") }
            if !piece.isEmpty || key != nil { try endMember(body) }
            isEnded = true
        case 1 where isInList:
            if !piece.isEmpty { try body(.element(try value())) }
            isInList = false
            key = nil
        case 1...: piece.append(byte)
        default: throw failure("'{' expected")
        }
    }

    private mutating func endMember(_ body: (Part) throws -> Void) throws {
        // After the list nothing is left to tell.
        if key == nil, piece.isEmpty { return }
        guard let name = key else { throw failure("':' expected") }
        key = nil
        try body(.member(key: name, value: try value()))
    }

    /// What was gathered, as a value.
    private mutating func value() throws(JSONParseError) -> JSONValue {
        let bytes = piece
        piece.removeAll(keepingCapacity: bytes.count < 1 << 16)
        do throws(JSONParseError) {
            return try JSONValue(parsing: bytes)
        } catch {
            throw JSONParseError(offset: offset - bytes.count + error.offset, reason: error.reason)
        }
    }

    private func failure(_ reason: String) -> JSONParseError { JSONParseError(offset: offset, reason: reason) }
}
