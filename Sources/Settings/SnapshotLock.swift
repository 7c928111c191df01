/// The lock of snapshots of EBS volumes, as configured (configuration.md §9.2).
struct SnapshotLock {
    let mode: String
    let durationDays: Int64?
    let coolOffHours: Int64?
    let expirationDate: String?

    /// What is wrong with it, or nil.
    var problem: String? {
        if durationDays == nil, expirationDate == nil {
            return "'aws_snapshot_lock_mode' is set, you must specify 'aws_snapshot_lock_duration' "
                + "or 'aws_snapshot_lock_expiration_date'."
        }
        if durationDays != nil, expirationDate != nil {
            return "You must specify either 'aws_snapshot_lock_duration' or 'aws_snapshot_lock_expiration_date' "
                + "in the configuration, but not both."
        }
        switch mode.lowercased() {
        case "governance" where coolOffHours != nil:
            return "'aws_snapshot_lock_cool_off_period' cannot be used with 'aws_snapshot_lock_mode' = 'governance'."
        case "governance", "compliance": break
        default:
            return "Invalid AWS snapshot lock mode. Please specify either 'governance' or 'compliance'. "
                + "Ensure that the mode you choose aligns with your snapshot locking requirements."
        }
        if let days = durationDays, !(1...36_500).contains(days) {
            return "aws_snapshot_lock_duration must be between 1 and 36,500 days."
        }
        if let hours = coolOffHours, !(1...72).contains(hours) {
            return "aws_snapshot_lock_cool_off_period must be between 1 and 72 hours."
        }
        if let date = expirationDate, !Self.isDate(date) {
            return "Invalid date: '\(date)'. Expected format is '%Y-%m-%dT%H:%M:%S.%fZ'."
        }
        return nil
    }

    /// Whether a text reads `2026-03-01T02:00:01.123456Z`.
    private static func isDate(_ text: String) -> Bool {
        let separators = Array("--T::.Z".utf8)
        let ranges: [ClosedRange<Int64>] = [1...9999, 1...12, 1...31, 0...23, 0...59, 0...61, 0...999_999]
        let widths = [4, 2, 2, 2, 2, 2, 6]
        var rest = Array(text.utf8)[...]
        for (index, range) in ranges.enumerated() {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard (1...widths[index]).contains(digits.count),
                let number = Int64(String(decoding: digits, as: UTF8.self)),
                range.contains(number)
            else { return false }
            rest = rest.dropFirst(digits.count)
            guard rest.first == separators[index] else { return false }
            rest = rest.dropFirst()
        }
        return rest.isEmpty
    }
}
