/// Which backups are worth keeping (configuration.md §13).
public enum RetentionPolicy: Sendable, Hashable {
    /// The newest so many backups.
    case redundancy(Int64)
    /// What is needed to go back to any moment of a span that ends now.
    case recoveryWindow(Int64, Unit)

    /// The unit of a recovery window.
    public enum Unit: String, Sendable, CaseIterable {
        case day = "DAY"
        case week = "WEEK"
        case month = "MONTH"

        /// The length in days; a month has 31.
        public var days: Int64 {
            switch self {
            case .day: 1
            case .week: 7
            case .month: 31
            }
        }
    }

    /// Reads `REDUNDANCY n` or `RECOVERY WINDOW OF n DAYS|WEEKS|MONTHS`, any case; nil for anything else.
    public init?(parsing text: String) {
        let words = Blanks.words(text).map { $0.uppercased() }
        if words.count == 2, words[0] == "REDUNDANCY", let count = OptionParser.count(words[1]) {
            self = .redundancy(count)
        } else if words.count == 5, words[0] == "RECOVERY", words[1] == "WINDOW", words[2] == "OF",
            let count = OptionParser.count(words[3]), let unit = Self.unit(words[4])
        {
            self = .recoveryWindow(count, unit)
        } else {
            return nil
        }
    }

    /// The text of reports: `REDUNDANCY 2`, `RECOVERY WINDOW OF 7 DAYS`.
    public var canonicalText: String {
        switch self {
        case .redundancy(let count): "REDUNDANCY \(count)"
        case .recoveryWindow(let count, let unit): "RECOVERY WINDOW OF \(count) \(unit.rawValue)S"
        }
    }

    /// The length of a recovery window; nil for a redundancy.
    public var windowSeconds: Int64? {
        guard case .recoveryWindow(let count, let unit) = self else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit.days * 86_400)
        return overflow ? .max : seconds
    }

    private static func unit(_ text: String) -> Unit? {
        Unit(rawValue: text) ?? (text.hasSuffix("S") ? Unit(rawValue: String(text.dropLast())) : nil)
    }
}
