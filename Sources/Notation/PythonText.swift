import Glibc

/// How Python writes plain values; `backup.info`, `xlog.db` and JSON of the reference all carry this form.
public enum PythonText {
    /// A floating-point number in its shortest form that reads back as the same number: `0.1`, `1767225600.25`, `1e+16`.
    public static func double(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        let (digits, pointPosition) = shortestDigits(value.magnitude)
        let sign = value.sign == .minus ? "-" : ""
        return sign + layout(digits: digits, pointPosition: pointPosition)
    }

    /// A text between quotes, on one line: single quotes unless it contains `'` and no `"`.
    public static func quoted(_ text: String) -> String {
        // Nearly all texts are plain.
        let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x27 && $0 != 0x5C }
        if isPlain { return "'" + text + "'" }
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        var result = String.UnicodeScalarView()
        result.append(quote)
        for scalar in scalars {
            append(scalar, quote: quote, to: &result)
        }
        result.append(quote)
        return String(result)
    }

    /// A number with a fixed count of decimals, rounded half to even on the binary value.
    public static func fixed(_ value: Double, decimals: Int) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        // 309 digits before the point at most, and the decimals after it.
        let places = min(max(decimals, 0), 40)
        var buffer = [CChar](repeating: 0, count: 400)
        let written = withVaList([Int32(places), value]) { arguments in
            vsnprintf(&buffer, buffer.count, "%.*f", arguments)
        }
        return String(decoding: buffer.prefix(Int(max(written, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The significant digits of a number, and how many of them stand before the decimal point.
    private static func shortestDigits(_ value: Double) -> (digits: [UInt8], pointPosition: Int) {
        var digits: [UInt8] = []
        var pointPosition: Int?
        var exponent = 0
        let text = Array(value.description.utf8)
        for (index, byte) in text.enumerated() {
            if byte == UInt8(ascii: ".") {
                pointPosition = digits.count
            } else if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte)
            }
        }
        var position = (pointPosition ?? digits.count) + exponent
        let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leadingZeros)
        position -= leadingZeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return digits.isEmpty ? ([UInt8(ascii: "0")], 1) : (digits, position)
    }

    /// Sets the point, or an exponent when the number is 1e16 and more or smaller than 1e-4.
    private static func layout(digits: [UInt8], pointPosition: Int) -> String {
        let text = String(decoding: digits, as: UTF8.self)
        if pointPosition > 16 || pointPosition < -3 {
            let exponent = pointPosition - 1
            let fraction = digits.count > 1 ? "." + String(text.dropFirst()) : ""
            let magnitude = String(exponent.magnitude)
            let padded = magnitude.utf8.count < 2 ? "0" + magnitude : magnitude
            return String(text.prefix(1)) + fraction + "e" + (exponent < 0 ? "-" : "+") + padded
        }
        if pointPosition <= 0 {
            return "0." + String(repeating: "0", count: -pointPosition) + text
        }
        if digits.count <= pointPosition {
            return text + String(repeating: "0", count: pointPosition - digits.count) + ".0"
        }
        return String(text.prefix(pointPosition)) + "." + String(text.dropFirst(pointPosition))
    }

    /// Appends one character of a quoted text, escaped when it must be.
    private static func append(
        _ scalar: Unicode.Scalar,
        quote: Unicode.Scalar,
        to result: inout String.UnicodeScalarView
    ) {
        switch scalar {
        case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
        case "\n": result.append(contentsOf: "\\n".unicodeScalars)
        case "\r": result.append(contentsOf: "\\r".unicodeScalars)
        case "\t": result.append(contentsOf: "\\t".unicodeScalars)
        case quote:
            result.append("\\")
            result.append(scalar)
        case _ where isPrintable(scalar): result.append(scalar)
        case _ where scalar.value < 0x100:
            result.append(contentsOf: ("\\x" + hexadecimal(scalar.value, width: 2)).unicodeScalars)
        case _ where scalar.value < 0x10000:
            result.append(contentsOf: ("\\u" + hexadecimal(scalar.value, width: 4)).unicodeScalars)
        default: result.append(contentsOf: ("\\U" + hexadecimal(scalar.value, width: 8)).unicodeScalars)
        }
    }

    /// Whether Python shows a character as it is: no control, format, surrogate, private, unassigned character and no
    /// separator but the blank.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}

/// Lower-case hexadecimal digits, padded with zeros.
func hexadecimal(_ value: UInt32, width: Int) -> String {
    padded(String(value, radix: 16), width: width)
}

/// A text padded with zeros on the left.
func padded(_ text: String, width: Int) -> String {
    let missing = width - text.utf8.count
    return missing > 0 ? String(repeating: "0", count: missing) + text : text
}
