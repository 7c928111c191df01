public import SystemPackage

extension FilePath {
    /// The path as text between quotes, as Python's `repr` writes it: control characters and undecodable bytes escaped.
    public var quoted: String {
        let bytes = withPlatformString {
            Array(UnsafeBufferPointer(start: $0, count: length)).map(UInt8.init(bitPattern:))
        }
        let quote: Unicode.Scalar = bytes.contains(0x27) && !bytes.contains(0x22) ? "\"" : "'"
        var text = String.UnicodeScalarView()
        text.append(quote)
        var rest = bytes[...]
        while let first = rest.first {
            guard let (scalar, width) = Self.decodeScalar(rest) else {
                text.append(contentsOf: "\\udc\(Self.hexadecimal(first))".unicodeScalars)
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(width)
            Self.append(scalar, quote: quote, to: &text)
        }
        text.append(quote)
        return String(text)
    }

    private static func append(
        _ scalar: Unicode.Scalar,
        quote: Unicode.Scalar,
        to text: inout String.UnicodeScalarView
    ) {
        switch scalar {
        case "\\", quote:
            text.append("\\")
            text.append(scalar)
        case "\n": text.append(contentsOf: "\\n".unicodeScalars)
        case "\r": text.append(contentsOf: "\\r".unicodeScalars)
        case "\t": text.append(contentsOf: "\\t".unicodeScalars)
        default:
            if scalar.value < 0x20 || (0x7F..<0xA1).contains(scalar.value) {
                text.append(contentsOf: "\\x\(hexadecimal(UInt8(truncatingIfNeeded: scalar.value)))".unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
    }

    /// The first scalar of UTF-8 text and its width; nil when the first byte begins none.
    private static func decodeScalar(_ bytes: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, width: Int)? {
        var decoder = UTF8()
        var iterator = bytes.prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return (scalar, UTF8.width(scalar))
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.utf8.count < 2 ? "0" + digits : digits
    }
}
