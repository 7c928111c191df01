import Notation

/// `%(name)s` and `%%` in values, as the reference's parser has them.
struct Interpolation {
    /// The texts that names stand for.
    let lookUp: (String) -> String?
    let section: String

    private static let depthLimit = 10

    /// The text with every reference resolved; the error is the user's text.
    func resolve(_ text: String, of option: String) throws(InterpolationError) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return text }
        var result: [UInt8] = []
        try append(bytes[...], of: option, depth: 1, to: &result)
        return String(decoding: result, as: UTF8.self)
    }

    /// Refuses a `%` that is neither `%%` nor part of `%(name)s`.
    static func check(_ text: String) throws(InterpolationError) {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return }
        var rest: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "%") {
                index += 2
            } else {
                rest.append(bytes[index])
                index += 1
            }
        }
        var kept: [UInt8] = []
        index = 0
        while index < rest.count {
            if let reference = Self.reference(rest[index...]) {
                index = reference.end
            } else {
                kept.append(rest[index])
                index += 1
            }
        }
        guard let position = kept.firstIndex(of: UInt8(ascii: "%")) else { return }
        let characters = kept[..<position].count { $0 & 0xC0 != 0x80 }
        throw InterpolationError(
            "invalid interpolation syntax in \(PythonText.quoted(text)) at position \(characters)"
        )
    }

    private func append(
        _ text: ArraySlice<UInt8>,
        of option: String,
        depth: Int,
        to result: inout [UInt8]
    ) throws(InterpolationError) {
        if depth > Self.depthLimit {
            throw InterpolationError(
                "Recursion limit exceeded in value substitution: option \(PythonText.quoted(option)) in section "
                    + "\(PythonText.quoted(section)) contains an interpolation key which cannot be substituted in "
                    + "\(Self.depthLimit) steps. Raw value: \(rawText(of: option))"
            )
        }
        var rest = text
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            result.append(contentsOf: rest[..<percent])
            rest = rest[percent...]
            let next = rest.dropFirst().first
            if next == UInt8(ascii: "%") {
                result.append(UInt8(ascii: "%"))
                rest = rest.dropFirst(2)
                continue
            }
            let found = PythonText.quoted(String(decoding: rest, as: UTF8.self))
            guard next == UInt8(ascii: "(") else {
                throw InterpolationError("'%' must be followed by '%' or '(', found: \(found)")
            }
            guard let (name, end) = Self.reference(rest) else {
                throw InterpolationError("bad interpolation variable reference \(found)")
            }
            rest = rest[end...]
            let key = name.lowercased()
            guard let value = lookUp(key) else {
                throw InterpolationError(
                    "Bad value substitution: option \(PythonText.quoted(option)) in section "
                        + "\(PythonText.quoted(section)) contains an interpolation key \(PythonText.quoted(key)) "
                        + "which is not a valid option name. Raw value: \(rawText(of: option))"
                )
            }
            let bytes = Array(value.utf8)
            if bytes.contains(UInt8(ascii: "%")) {
                try append(bytes[...], of: option, depth: depth + 1, to: &result)
            } else {
                result.append(contentsOf: bytes)
            }
        }
        result.append(contentsOf: rest)
    }

    private func rawText(of option: String) -> String {
        PythonText.quoted(lookUp(option) ?? "")
    }

    /// The name of a `%(name)s` that the bytes start with, and where it ends.
    private static func reference(_ bytes: ArraySlice<UInt8>) -> (name: String, end: Int)? {
        guard bytes.count >= 5, bytes[bytes.startIndex] == UInt8(ascii: "%"),
            bytes[bytes.startIndex + 1] == UInt8(ascii: "("),
            let close = bytes.firstIndex(of: UInt8(ascii: ")")), close > bytes.startIndex + 2,
            close + 1 < bytes.endIndex, bytes[close + 1] == UInt8(ascii: "s")
        else { return nil }
        return (String(decoding: bytes[(bytes.startIndex + 2)..<close], as: UTF8.self), close + 2)
    }
}

/// A `%` that can not be resolved; the text is the user's.
struct InterpolationError: Error {
    let text: String

    init(_ text: String) {
        self.text = text
    }
}
