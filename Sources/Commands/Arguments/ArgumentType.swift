import Notation

/// What the text of an argument has to be, and the words when it is not.
enum ArgumentType: Sendable {
    /// Any text.
    case text
    /// Any integer.
    case integer
    /// An integer of at least 0.
    case nonNegativeInteger
    /// An integer of at least 1.
    case positiveInteger
    /// A position in the list of WAL: the words of a positive integer, and 0, which a passive node of 3.19.1 sends.
    case listPosition
    /// A timeline: a positive integer, `current` or `latest`.
    case targetTimeline
    /// `pause`, `shutdown` or `promote`.
    case targetAction
    /// A name for a backup that cannot be mistaken for an ID or a shortcut.
    case backupName
    /// How `pg_combinebackup` copies; case does not matter.
    case combineMode
    /// A number of bytes with an optional unit: `30Gi`.
    case byteSize
    /// An absolute path.
    case absolutePath

    /// The value, or the complaint about it.
    func value(of text: String) -> Result<ArgumentValue, ArgumentComplaint> {
        switch self {
        case .text: .success(.text(text))
        case .integer:
            Self.integer(text).map { .success(.integer($0)) } ?? .failure("invalid int value: \(quoted(text))")
        case .nonNegativeInteger:
            Self.integer(text).flatMap { $0 >= 0 ? .success(.integer($0)) : nil }
                ?? .failure("'\(text)' is not a valid non negative integer")
        case .positiveInteger: Self.positive(text)
        case .listPosition: Self.integer(text) == 0 ? .success(.integer(0)) : Self.positive(text)
        case .targetTimeline:
            text == "current" || text == "latest" ? .success(.text(text)) : Self.positive(text).map { _ in .text(text) }
        case .targetAction:
            ["pause", "shutdown", "promote"].contains(text)
                ? .success(.text(text)) : .failure("'\(text)' is not a valid recovery target action")
        case .backupName: Self.backupName(text)
        case .combineMode:
            ["copy", "link", "clone", "copy-file-range"].contains(text.lowercased())
                ? .success(.text(text.lowercased())) : .failure("invalid parse_combine_mode value: \(quoted(text))")
        case .byteSize:
            Self.byteSize(text).map { .success(.integer($0)) }
                ?? .failure("invalid parse_si_suffix value: \(quoted(text))")
        case .absolutePath:
            text.utf8.first == UInt8(ascii: "/")
                ? .success(.text(text)) : .failure("invalid parse_staging_path value: \(quoted(text))")
        }
    }

    private func quoted(_ text: String) -> String { PythonText.quoted(text) }

    /// Words that mean a backup by its place and are therefore no names.
    private static let reservedNames: Set<String> = [
        "latest", "last", "oldest", "first", "last-failed", "latest-full", "last-full", "auto",
    ]

    private static func backupName(_ text: String) -> Result<ArgumentValue, ArgumentComplaint> {
        if text.isEmpty { return .failure("Backup name cannot be empty") }
        if isBackupID(text) { return .failure("Backup name '\(text)' is not allowed: backup ID") }
        if reservedNames.contains(text) { return .failure("Backup name '\(text)' is not allowed: reserved word") }
        if text.contains(where: \.isNewline) {
            return .failure("Backup name \(PythonText.quoted(text)) is not allowed: line break")
        }
        return .success(.text(text))
    }

    /// Eight digits, `T`, six digits.
    private static func isBackupID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 15 else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            index == 8 ? byte == UInt8(ascii: "T") : (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
    }

    private static func positive(_ text: String) -> Result<ArgumentValue, ArgumentComplaint> {
        guard let number = integer(text) else { return .failure("'\(text)' is not a valid input") }
        return number >= 1 ? .success(.integer(number)) : .failure("'\(number)' is not a valid positive integer")
    }

    /// An integer as the reference's language reads it: blanks around it, a sign, `_` between digits.
    static func integer(_ text: String) -> Int? {
        let blanks = Set(" \t\n\r\u{0B}\u{0C}".utf8)
        var bytes = Array(text.utf8)[...]
        while let first = bytes.first, blanks.contains(first) { bytes.removeFirst() }
        while let last = bytes.last, blanks.contains(last) { bytes.removeLast() }
        var isNegative = false
        if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            bytes.removeFirst()
        }
        guard let first = bytes.first, let last = bytes.last, first != UInt8(ascii: "_"), last != UInt8(ascii: "_")
        else { return nil }
        var digits = ""
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == UInt8(ascii: "_") {
                if previous == byte { return nil }
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                digits.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                return nil
            }
            previous = byte
        }
        return Int((isNegative ? "-" : "") + digits)
    }

    private static let unitFactors: [String: Int] = [
        "": 1, "k": 1000, "Ki": 1 << 10, "M": 1_000_000, "Mi": 1 << 20, "G": 1_000_000_000, "Gi": 1 << 30,
        "T": 1_000_000_000_000, "Ti": 1 << 40,
    ]

    private static func byteSize(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let factor = unitFactors[String(text.dropFirst(digits.count))] else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : bytes
    }
}

/// Why a text is not the value an argument wants.
struct ArgumentComplaint: Error, ExpressibleByStringInterpolation {
    let text: String

    init(stringLiteral value: String) {
        text = value
    }
}

/// The value of one argument.
enum ArgumentValue: Sendable, Equatable {
    case flag(Bool)
    case integer(Int)
    case text(String)
    case list([String])
}
