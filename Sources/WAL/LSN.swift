/// A log sequence number: a byte position in the stream of WAL (PostgreSQL manual, "WAL Internals").
public struct LSN: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// The byte position.
    public let rawValue: UInt64

    /// Makes an LSN from a byte position.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads the `X/X` form; `nil` when the text is something else.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, let high = hexadecimal(halves[0]), let low = hexadecimal(halves[1]) else { return nil }
        self.rawValue = UInt64(high) << 32 | UInt64(low)
    }

    /// The `X/X` form: upper-case hexadecimal without padding.
    public var description: String {
        String(rawValue >> 32, radix: 16, uppercase: true) + "/"
            + String(rawValue & 0xFFFF_FFFF, radix: 16, uppercase: true)
    }

    /// Orders positions.
    public static func < (left: LSN, right: LSN) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Reads 1 to 8 hexadecimal digits and nothing else.
func hexadecimal(_ text: some StringProtocol) -> UInt32? {
    var value: UInt32 = 0
    var digits = 0
    for byte in text.utf8 {
        guard let digit = hexadecimalDigit(byte), digits < 8 else { return nil }
        value = value << 4 | UInt32(digit)
        digits += 1
    }
    return digits > 0 ? value : nil
}

/// Reads the eight hexadecimal digits that stand at an offset, which must be within the bytes.
@inline(__always)
func hexadecimal(_ bytes: Span<UInt8>, at offset: Int) -> UInt32? {
    var value: UInt32 = 0
    for index in offset..<offset + 8 {
        guard let digit = hexadecimalDigit(bytes[index]) else { return nil }
        value = value << 4 | UInt32(digit)
    }
    return value
}

/// Calls `body` with the bytes of a short text.
func withBytes<Result>(of text: some StringProtocol, _ body: (Span<UInt8>) -> Result?) -> Result? {
    body(Array(text.utf8).span)
}

/// The value of one ASCII hexadecimal digit of either case.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}

/// Eight upper-case hexadecimal digits.
func paddedHexadecimal(_ value: UInt32) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: 8 - text.utf8.count) + text
}
