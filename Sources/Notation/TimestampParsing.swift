/// A text that is no date and time, or one that could mean several.
public struct TimestampParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text as it was given.
    public let text: String
    /// What is wrong with it.
    public let reason: String

    /// The text and what is wrong with it.
    public var description: String { "\(reason): \(PythonText.quoted(text))" }
}

extension Timestamp {
    /// Reads a time of `backup.info`; any text with a date is taken, and one without zone is in the zone of this host.
    public init?(catalogText: String) {
        guard let parsed = try? Timestamp.parse(userText: catalogText) else {
            return nil  // The caller names file and line, which says more than the error does.
        }
        self = parsed.timestamp
    }

    /// Reads what a user may write: ISO 8601 and its variants, C's layout, names of months; without zone: this host's.
    public init(userText: String) throws(TimestampParseError) {
        self = try Timestamp.parse(userText: userText).timestamp
    }

    /// Reads what a user may write, and tells whether it named a zone.
    ///
    /// What is missing of the date is taken from today; of the time, it is zero.
    public static func parse(
        userText: String
    ) throws(TimestampParseError) -> (timestamp: Timestamp, hadZone: Bool) {
        var parser = DateTextParser(text: userText)
        return try parser.parse()
    }
}

/// Reads a date text: a list of words, numbers and separators, each of which fills one field.
private struct DateTextParser {
    private enum Zone {
        case offset(Int)
        case local
    }

    private let text: String
    private let bytes: [UInt8]
    private var position = 0
    private var year: Int?
    private var month: Int?
    private var day: Int?
    private var hour: Int?
    private var minute = 0
    private var second = 0
    private var microseconds: Int32 = 0
    private var isAfternoon: Bool?
    private var zone: Zone?
    private var sawField = false

    init(text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    mutating func parse() throws(TimestampParseError) -> (timestamp: Timestamp, hadZone: Bool) {
        while let byte = peek() {
            if isDigit(byte) {
                try parseNumber()
            } else if isLetter(byte) {
                try parseWord()
            } else if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"), hour != nil, zone == nil {
                try parseOffset()
            } else if isSeparator(byte) {
                position += 1
            } else {
                throw failure("Unknown string format")
            }
        }
        return try result()
    }

    // MARK: Fields

    private mutating func parseNumber() throws(TimestampParseError) {
        let digits = takeDigits()
        switch peek() {
        case UInt8(ascii: ":") where digits.count <= 2:
            try parseClock(hourDigits: digits)
        case UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "."):
            try hour == nil || !hasDate ? parseDate(first: digits) : parseBareNumber(digits)
        default:
            try parseBareNumber(digits)
        }
    }

    private var hasDate: Bool { day != nil && month != nil && year != nil }

    /// `HH:MM[:SS[.ffffff]]`, the hour already taken.
    private mutating func parseClock(hourDigits: ArraySlice<UInt8>) throws(TimestampParseError) {
        guard hour == nil else { throw failure("Two times of day") }
        hour = number(hourDigits)
        position += 1
        minute = number(try expectDigits(upTo: 2))
        if peek() == UInt8(ascii: ":") {
            position += 1
            second = number(try expectDigits(upTo: 2))
            takeFraction()
        }
        sawField = true
        takeHalfOfDay()
    }

    /// `2026-01-31`, `2026/01/31`, `2026.01.31`, `2026-01`, `01/31/2026`, `31.01.2026`, `2-Jan-2026`.
    private mutating func parseDate(first: ArraySlice<UInt8>) throws(TimestampParseError) {
        guard year == nil, month == nil, day == nil, let separator = peek() else {
            return try parseBareNumber(first)
        }
        position += 1
        if let byte = peek(), isLetter(byte) {
            day = number(first)
            sawField = true
            return
        }
        let second = try expectDigits(upTo: 4)
        var third: ArraySlice<UInt8>?
        if peek() == separator, position + 1 < bytes.count, isDigit(bytes[position + 1]) {
            position += 1
            third = takeDigits()
        }
        sawField = true
        try assignDate(first, second, third)
        takeTimeMarker()
    }

    private mutating func assignDate(
        _ first: ArraySlice<UInt8>,
        _ second: ArraySlice<UInt8>,
        _ third: ArraySlice<UInt8>?
    ) throws(TimestampParseError) {
        if first.count == 4 {
            year = number(first)
            month = number(second)
            if let third {
                guard third.count <= 2 else { throw failure("Unknown string format") }
                day = number(third)
            }
        } else if let third, third.count == 4, first.count <= 2, second.count <= 2 {
            year = number(third)
            // Month first, as in the United States, unless that cannot be.
            (month, day) = number(first) > 12 ? (number(second), number(first)) : (number(first), number(second))
        } else {
            throw failure("The year needs four digits")
        }
    }

    /// Digits that stand alone: `20260131`, `20260131T120000`, `100005`, a day or a year.
    private mutating func parseBareNumber(_ digits: ArraySlice<UInt8>) throws(TimestampParseError) {
        sawField = true
        let expectsClock = hasDate && hour == nil
        switch digits.count {
        case 8 where !hasDate, 12 where !hasDate, 14 where !hasDate:
            let start = digits.startIndex
            year = number(digits[start..<start + 4])
            month = number(digits[start + 4..<start + 6])
            day = number(digits[start + 6..<start + 8])
            if digits.count > 8 { takeClock(digits[(start + 8)...]) }
            takeTimeMarker()
        case 6 where expectsClock, 4 where expectsClock, 2 where expectsClock:
            takeClock(digits)
            takeHalfOfDay()
        case 4 where year == nil:
            year = number(digits)
        case 1, 2:
            if hour == nil, takeHalfOfDay() {
                hour = number(digits)
            } else if day == nil {
                day = number(digits)
                takeOrdinalSuffix()
            } else {
                throw failure("The year needs four digits")
            }
        default:
            throw failure("Unknown string format")
        }
    }

    private mutating func takeClock(_ digits: ArraySlice<UInt8>) {
        let start = digits.startIndex
        hour = number(digits[start..<start + 2])
        if digits.count >= 4 { minute = number(digits[start + 2..<start + 4]) }
        if digits.count >= 6 {
            second = number(digits[start + 4..<start + 6])
            takeFraction()
        }
    }

    private mutating func parseWord() throws(TimestampParseError) {
        let start = position
        while let byte = peek(), isLetter(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        let lower = word.lowercased()
        if let index = DateTextParser.monthIndex(lower) {
            guard month == nil else { throw failure("Two months") }
            month = index
            sawField = true
        } else if DateTextParser.isWeekday(lower) || ["at", "on", "and", "of", "t"].contains(lower) {
            return
        } else if lower == "am" || lower == "pm" {
            guard hour != nil, isAfternoon == nil else { throw failure("Unknown string format") }
            isAfternoon = lower == "pm"
        } else if ["z", "utc", "gmt"].contains(lower), hour != nil, zone == nil {
            zone = .offset(0)
            // POSIX reads `UTC+3` as three hours behind UTC, most people as three hours ahead.
            if let byte = peek(), byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
                throw failure("Ambiguous time zone")
            }
        } else if hour != nil, zone == nil, LocalZone.isNamed(word) {
            zone = .local
        } else {
            throw failure(hour == nil ? "Unknown string format" : "Unknown time zone")
        }
    }

    /// `+02`, `+0200`, `+02:00`, `+02:00:30`.
    private mutating func parseOffset() throws(TimestampParseError) {
        let sign = bytes[position] == UInt8(ascii: "-") ? -1 : 1
        position += 1
        let digits = try expectDigits(upTo: 6)
        let start = digits.startIndex
        var parts: [Int]
        switch digits.count {
        case 1, 2: parts = [number(digits)]
        case 4, 6: parts = stride(from: start, to: digits.endIndex, by: 2).map { number(digits[$0..<$0 + 2]) }
        default: throw failure("Unknown time zone")
        }
        while parts.count < 3, digits.count <= 2, peek() == UInt8(ascii: ":") {
            position += 1
            parts.append(number(try expectDigits(upTo: 2)))
        }
        let seconds = zip(parts, [3_600, 60, 1]).reduce(0) { $0 + $1.0 * $1.1 }
        guard seconds < 86_400, parts.dropFirst().allSatisfy({ $0 < 60 }) else { throw failure("Unknown time zone") }
        zone = .offset(sign * seconds)
    }

    // MARK: Result

    private mutating func result() throws(TimestampParseError) -> (timestamp: Timestamp, hadZone: Bool) {
        guard sawField else { throw failure("String does not contain a date") }
        var civil = Timestamp.now().civil
        if let isAfternoon {
            guard let given = hour, (1...12).contains(given) else { throw failure("Invalid hour") }
            hour = given % 12 + (isAfternoon ? 12 : 0)
        }
        civil.year = year ?? civil.year
        civil.month = month ?? civil.month
        if let day {
            civil.day = day
        } else if (1...12).contains(civil.month) {
            civil.day = min(civil.day, CivilTime.days(inMonth: civil.month, year: civil.year))
        }
        (civil.hour, civil.minute, civil.second) = (hour ?? 0, minute, second)
        guard civil.isValid else { throw failure("A field is out of its range") }
        switch zone {
        case .offset(let offset):
            let instant = civil.localSeconds - Int64(offset)
            return (timestamp(instant, offset: Int32(offset)), true)
        case .local, nil:
            let (instant, offset) = LocalZone.instant(of: civil)
            return (timestamp(instant, offset: offset), zone != nil)
        }
    }

    private func timestamp(_ instant: Int64, offset: Int32) -> Timestamp {
        Timestamp(secondsSinceEpoch: instant, microseconds: microseconds, utcOffsetSeconds: offset)
    }

    // MARK: Tokens

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func takeDigits() -> ArraySlice<UInt8> {
        let start = position
        while let byte = peek(), isDigit(byte) { position += 1 }
        return bytes[start..<position]
    }

    private mutating func expectDigits(upTo limit: Int) throws(TimestampParseError) -> ArraySlice<UInt8> {
        let digits = takeDigits()
        guard (1...limit).contains(digits.count) else { throw failure("Unknown string format") }
        return digits
    }

    /// The fraction of a second behind a point or a comma; digits after the sixth are dropped.
    private mutating func takeFraction() {
        guard let byte = peek(), byte == UInt8(ascii: ".") || byte == UInt8(ascii: ","),
            position + 1 < bytes.count, isDigit(bytes[position + 1])
        else { return }
        position += 1
        let digits = takeDigits().prefix(6)
        var value = Int32(number(digits))
        for _ in digits.count..<6 { value *= 10 }
        microseconds = value
    }

    /// The `T` between date and time.
    private mutating func takeTimeMarker() {
        guard let byte = peek(), byte | 0x20 == UInt8(ascii: "t"), position + 1 < bytes.count,
            isDigit(bytes[position + 1])
        else { return }
        position += 1
    }

    /// `am` or `pm` behind an hour.
    @discardableResult
    private mutating func takeHalfOfDay() -> Bool {
        var next = position
        while next < bytes.count, bytes[next] == UInt8(ascii: " ") { next += 1 }
        guard next + 1 < bytes.count, bytes[next + 1] | 0x20 == UInt8(ascii: "m"),
            next + 2 == bytes.count || !isLetter(bytes[next + 2])
        else { return false }
        switch bytes[next] | 0x20 {
        case UInt8(ascii: "a"): isAfternoon = false
        case UInt8(ascii: "p"): isAfternoon = true
        default: return false
        }
        position = next + 2
        return true
    }

    /// The `st` of `1st`.
    private mutating func takeOrdinalSuffix() {
        guard position + 1 < bytes.count else { return }
        let suffix = String(decoding: bytes[position...position + 1], as: UTF8.self).lowercased()
        if ["st", "nd", "rd", "th"].contains(suffix) { position += 2 }
    }

    private func failure(_ reason: String) -> TimestampParseError {
        TimestampParseError(text: text, reason: reason)
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
    }

    private func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: ",")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: ";")
    }

    /// The value of at most nine digits; more saturate, which no field accepts.
    private func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.prefix(9).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    private static func monthIndex(_ word: String) -> Int? {
        let names = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ]
        guard word.utf8.count >= 3 else { return nil }
        if word == "sept" { return 9 }
        return names.firstIndex { $0 == word || $0.prefix(3) == word }.map { $0 + 1 }
    }

    private static func isWeekday(_ word: String) -> Bool {
        let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        return names.contains { $0 == word || $0.prefix(3) == word }
    }
}
