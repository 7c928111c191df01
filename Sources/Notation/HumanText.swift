/// Sizes, durations and percentages in the words of the reference.
public enum HumanText {
    private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]

    /// A number of bytes: `1023 B`, `1.5 KiB`.
    public static func size(_ bytes: Int64) -> String {
        bytes.magnitude < 1024 ? "\(bytes) B" : size(Double(bytes))
    }

    /// A number of bytes that may have a fraction; whole bytes are truncated, larger units have one decimal.
    public static func size(_ bytes: Double) -> String {
        var value = bytes
        var unit = 0
        while value.magnitude >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0, value.isFinite {
            return "\(Int64(value)) B"
        }
        return "\(PythonText.fixed(value, decimals: 1)) \(units[unit])"
    }

    /// A length of time: `1 day, 2 hours, 3 minutes, 4 seconds`, `less than one second`, `10 seconds ago` when negative.
    public static func duration(seconds: Double) -> String {
        if seconds < 0 { return duration(seconds: -seconds) + " ago" }
        // The reference's longest duration has 999999999 days; a value that is no number counts as nothing.
        let total = seconds.isNaN ? 0 : Int64(min(seconds, 86_400_000_000_000))
        let parts = [
            (total / 86_400, "day"), (total / 3_600 % 24, "hour"), (total / 60 % 60, "minute"), (total % 60, "second"),
        ]
        let text = parts.filter { $0.0 != 0 }
            .map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
            .joined(separator: ", ")
        return text.isEmpty ? "less than one second" : text
    }

    /// A share with two decimals: 0.8387 is `83.87%`.
    public static func percentage(_ ratio: Double) -> String {
        PythonText.fixed(ratio * 100, decimals: 2) + "%"
    }

    /// A number of things an hour, from a number a second: `9.00/hour`.
    public static func hourlyRate(perSecond: Double) -> String {
        PythonText.fixed(perSecond * 3600, decimals: 2) + "/hour"
    }
}
