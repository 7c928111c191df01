import Notation

/// What the text of an option comes to.
enum ParsedOption: Equatable {
    /// A value.
    case value(OptionValue)
    /// Explicitly nothing: neither `[barman]` nor the default applies.
    case unset
    /// As if the option were not there.
    case absent
    /// Refused, with the reason in the words of the reference.
    case invalid(String)
}

/// Turns the text of an option into its value, by type.
enum OptionParser {
    /// Parses the text of one option; key and section serve only for reasons.
    static func parse(_ text: String, as type: OptionType, key: String, section: String) -> ParsedOption {
        switch type {
        case .string, .lateInteger, .tablespaceRates, .retentionPolicy:
            return plain(text)
        case .boolean:
            return boolean(text).map { .value(.boolean($0)) } ?? .invalid(booleanReason)
        case .integer:
            return integer(text).map { .value(.integer($0)) } ?? .invalid(integerReason(text))
        case .size:
            if text.isEmpty { return .absent }
            return size(text).map { .value(.size($0)) } ?? .invalid("Invalid value for a number \(text)")
        case .interval:
            if text.isEmpty { return .absent }
            return interval(text).map { .value(.interval(seconds: $0)) }
                ?? .invalid("Invalid value for a time interval \(text)")
        case .choice(let words, let isExact, let reason):
            return choice(text, key: key, words: words, isExact: isExact, reason: reason)
        case .compressionLevel:
            return compressionLevel(text)
        case .encryption:
            return encryption(text)
        case .words(let words, let conflicts, _):
            return set(text, words: words, conflicts: conflicts, key: key, section: section)
        case .slotName:
            return slotName(text)
        case .absolutePath:
            return text.utf8.first == UInt8(ascii: "/")
                ? .value(.string(text)) : .invalid("Invalid value : '\(text)' (must be an absolute path)")
        case .directoryOrURL:
            return directoryOrURL(text)
        case .disks:
            return disks(text)
        }
    }

    static let booleanReason =
        "Invalid boolean representation (must be one in: true|t|yes|1|on | false|f|no|0|off)"

    /// The two values of a switch, any case; nil for anything else.
    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "t", "yes", "1", "on": true
        case "false", "f", "no", "0", "off": false
        default: nil
        }
    }

    /// A decimal integer with optional sign, blanks around it and single underscores between digits.
    static func integer(_ text: String) -> Int64? {
        var rest = Blanks.trim(Array(withPlainDigits(text).utf8)[...])
        var digits: [UInt8] = []
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits.append(sign)
            rest = rest.dropFirst()
        }
        var mayUnderscore = false
        for byte in rest {
            if byte == UInt8(ascii: "_") {
                guard mayUnderscore else { return nil }
                mayUnderscore = false
            } else {
                digits.append(byte)
                mayUnderscore = true
            }
        }
        return mayUnderscore ? Int64(String(decoding: digits, as: UTF8.self)) : nil
    }

    /// A number of decimal digits alone, of any script; nil for anything else.
    static func count(_ text: String) -> Int64? {
        let plain = withPlainDigits(text)
        guard plain.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(plain)
    }

    /// The text with the decimal digits of all scripts as those of ASCII, as Python's `int` takes them.
    private static func withPlainDigits(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isDigit = scalar.properties.generalCategory == .decimalNumber
            let value = isDigit ? scalar.properties.numericValue.map { UInt8($0) } : nil
            plain.append(value.map { Unicode.Scalar(UInt8(ascii: "0") + $0) } ?? scalar)
        }
        return String(plain)
    }

    static func integerReason(_ text: String) -> String {
        "invalid literal for int() with base 10: \(PythonText.quoted(text))"
    }

    /// Bytes with an optional suffix, case-sensitive.
    static func size(_ text: String) -> Int64? {
        let bytes = Array(withPlainDigits(text).utf8)
        let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let number = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
        let factor: Int64
        switch String(decoding: Blanks.trim(bytes[digits.count...]), as: UTF8.self) {
        case "": factor = 1
        case "k": factor = 1000
        case "Ki": factor = 1 << 10
        case "M": factor = 1_000_000
        case "Mi": factor = 1 << 20
        case "G": factor = 1_000_000_000
        case "Gi": factor = 1 << 30
        case "T": factor = 1_000_000_000_000
        case "Ti": factor = 1 << 40
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    /// Seconds of `N hours`, `N days`, `N weeks` or `N months` of 31 days.
    static func interval(_ text: String) -> Int64? {
        let words = Blanks.words(text)
        guard words.count == 2, let number = count(words[0]) else { return nil }
        let unit: Int64
        // Both ways, as a letter such as `ſ` has no lower form but an upper one.
        switch words[1].uppercased().lowercased() {
        case "hour", "hours": unit = 3_600
        case "day", "days": unit = 86_400
        case "week", "weeks": unit = 7 * 86_400
        case "month", "months": unit = 31 * 86_400
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }

    /// Text as it is; nothing, and the word `None`, mean unset.
    private static func plain(_ text: String) -> ParsedOption {
        text.isEmpty || text == "None" ? .unset : .value(.string(text))
    }

    private static func choice(
        _ text: String,
        key: String,
        words: [String],
        isExact: Bool,
        reason: String
    ) -> ParsedOption {
        let word = isExact ? text : text.lowercased()
        if words.contains(word) { return .value(.string(word)) }
        if text.isEmpty, key == ServerOption.compression.name { return .unset }
        return .invalid(reason.filled(with: ["{value}": text, "{word}": text.lowercased()]))
    }

    private static func compressionLevel(_ text: String) -> ParsedOption {
        if text.isEmpty { return .unset }
        let word = text.lowercased()
        if ["low", "medium", "high"].contains(word) { return .value(.string(word)) }
        let digits = text.unicodeScalars.drop { $0 == "-" }
        guard !digits.isEmpty,
            digits.allSatisfy({ [.decimal, .digit].contains($0.properties.numericType) })
        else {
            return .invalid("Invalid value: '\(word)' (must be one in [low, medium, high] or an acceptable integer)")
        }
        return integer(text).map { .value(.integer($0)) } ?? .invalid(integerReason(text))
    }

    private static func encryption(_ text: String) -> ParsedOption {
        let word = text.lowercased()
        return switch word {
        case "none": .absent
        case "gpg": .value(.string("gpg"))
        default: .invalid("Invalid encryption value '\(word)'. Allowed values are: none, gpg.")
        }
    }

    private static func set(
        _ text: String,
        words: [String],
        conflicts: [[String]],
        key: String,
        section: String
    ) -> ParsedOption {
        if text.isEmpty { return .value(.words([])) }
        let items = text.split(separator: ",", omittingEmptySubsequences: false)
            .map { Blanks.trim(String($0)).lowercased() }
        let prefix = { (item: String) in
            "Invalid configuration value '\(item)' for key \(key) in [\(section)] section: "
        }
        for item in items {
            guard words.contains(item) else { return .invalid(prefix(item) + "Unknown option") }
            for group in conflicts where group.contains(item) {
                if let other = group.first(where: { $0 != item && items.contains($0) }) {
                    let clash = "cannot contain both '\(item)' and '\(other)'."
                    return .invalid(prefix(item) + clash + "Configuration directive ignored.")
                }
            }
        }
        return .value(.words(words.filter { items.contains($0) }))
    }

    private static func slotName(_ text: String) -> ParsedOption {
        let name = text.lowercased()
        let isSound =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
        guard isSound else {
            return .invalid(
                "Replication slot names may only contain lower case letters, numbers, and the underscore character."
            )
        }
        return .value(.string(name))
    }

    private static func directoryOrURL(_ text: String) -> ParsedOption {
        guard CloudURL.looksLikeURL(text) else { return plain(text) }
        return CloudURL.isSupported(text)
            ? .value(.string(text)) : .invalid("The URL is not compatible with any of the supported cloud providers")
    }

    private static func disks(_ text: String) -> ParsedOption {
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard items.contains(where: \.isEmpty) else { return .value(.list(items)) }
        return .invalid("[" + items.map(PythonText.quoted).joined(separator: ", ") + "]")
    }
}

extension String {
    /// The text with each placeholder replaced by its value.
    fileprivate func filled(with values: [String: String]) -> String {
        var result = ""
        var rest = utf8[...]
        while let brace = rest.firstIndex(of: UInt8(ascii: "{")) {
            result += String(Substring(rest[..<brace]))
            rest = rest[brace...]
            guard let match = values.first(where: { rest.starts(with: $0.key.utf8) }) else {
                result += "{"
                rest = rest.dropFirst()
                continue
            }
            result += match.value
            rest = rest.dropFirst(match.key.utf8.count)
        }
        return result + String(Substring(rest))
    }
}
