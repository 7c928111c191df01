import Glibc

/// The time zone of this host.
enum LocalZone {
    /// What is added to UTC at an instant.
    static func offsetSeconds(at secondsSinceEpoch: Int64) -> Int32 {
        var seconds = time_t(secondsSinceEpoch)
        var fields = tm()
        guard localtime_r(&seconds, &fields) != nil else { return 0 }
        return Int32(clamping: fields.tm_gmtoff)
    }

    /// The instant of a local civil time; of two, when the clock was set back, the earlier one.
    static func instant(of civil: CivilTime) -> (secondsSinceEpoch: Int64, offsetSeconds: Int32) {
        let local = civil.localSeconds
        // Offsets change by a few hours at most, and at most once within two days: look on both sides of the time.
        let before = offsetSeconds(at: local - 86_400)
        let after = offsetSeconds(at: local + 86_400)
        for offset in [max(before, after), min(before, after)] {
            let candidate = local - Int64(offset)
            if offsetSeconds(at: candidate) == offset { return (candidate, offset) }
        }
        // The time does not exist: the clock was set forward over it. Count on from before the change.
        let instant = local - Int64(before)
        return (instant, offsetSeconds(at: instant))
    }

    /// Whether a text is one of the names of the zone here, `CET` or `CEST` for example.
    static func isNamed(_ name: String) -> Bool {
        for month in [1, 7] {
            var seconds = time_t(CivilTime(year: 2026, month: month, day: 1).localSeconds)
            var fields = tm()
            if localtime_r(&seconds, &fields) != nil, let zone = fields.tm_zone, String(cString: zone) == name {
                return true
            }
        }
        return false
    }
}
