import Glibc

/// An instant, and the offset of the zone it is written in.
///
/// Two are equal when the instant is, whatever the zone. Years are 1 to 9999; what lies outside is moved to the nearest end.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Whole seconds since 1970-01-01 00:00:00 UTC.
    public let secondsSinceEpoch: Int64
    /// The fraction of the second, 0 to 999,999.
    public let microseconds: Int32
    /// What the zone adds to UTC.
    public let utcOffsetSeconds: Int32

    /// Makes a timestamp; microseconds outside their range are carried into the seconds.
    public init(secondsSinceEpoch: Int64, microseconds: Int32 = 0, utcOffsetSeconds: Int32 = 0) {
        let carried = Int64(floorDivide(Int(microseconds), 1_000_000))
        // From 0001-01-02 to 9999-12-30, so that every offset still finds a year that can be written.
        let seconds = secondsSinceEpoch.addingReportingOverflow(carried)
        let bounded = seconds.overflow ? secondsSinceEpoch : seconds.partialValue
        self.secondsSinceEpoch = min(max(bounded, -62_135_510_400), 253_402_214_399)
        self.microseconds = Int32(floorModulo(Int(microseconds), 1_000_000))
        self.utcOffsetSeconds = min(max(utcOffsetSeconds, -86_340), 86_340)
    }

    /// Makes a timestamp in the zone of this host from seconds with a fraction; rounds to microseconds.
    public init(secondsSinceEpoch seconds: Double) {
        let bounded = seconds.isNaN ? 0 : min(max(seconds, -62_135_510_400), 253_402_214_399)
        let whole = bounded.rounded(.down)
        let fraction = Int32(((bounded - whole) * 1_000_000).rounded(.toNearestOrEven))
        self = Timestamp(secondsSinceEpoch: Int64(whole), microseconds: fraction).inLocalZone()
    }

    /// The time now, in the zone of this host.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(secondsSinceEpoch: Int64(time.tv_sec), microseconds: Int32(time.tv_nsec / 1_000))
            .inLocalZone()
    }

    /// The same instant, written in the zone of this host.
    public func inLocalZone() -> Timestamp {
        inZone(utcOffsetSeconds: LocalZone.offsetSeconds(at: secondsSinceEpoch))
    }

    /// The same instant, written in another zone.
    public func inZone(utcOffsetSeconds: Int32) -> Timestamp {
        Timestamp(
            secondsSinceEpoch: secondsSinceEpoch,
            microseconds: microseconds,
            utcOffsetSeconds: utcOffsetSeconds
        )
    }

    /// The instant a number of seconds later, in the same zone.
    public func adding(seconds: Int64) -> Timestamp {
        let sum = secondsSinceEpoch.addingReportingOverflow(seconds)
        return Timestamp(
            secondsSinceEpoch: sum.overflow ? (seconds < 0 ? .min : .max) : sum.partialValue,
            microseconds: microseconds,
            utcOffsetSeconds: utcOffsetSeconds
        )
    }

    /// Seconds from `earlier` to this instant, with the fraction.
    public func seconds(since earlier: Timestamp) -> Double {
        Double(secondsSinceEpoch - earlier.secondsSinceEpoch)
            + Double(microseconds - earlier.microseconds) / 1_000_000
    }

    /// Seconds since the epoch, with the fraction.
    public var secondsDouble: Double {
        Double(secondsSinceEpoch) + Double(microseconds) / 1_000_000
    }

    /// As in `backup.info`: `2026-03-01 02:00:01.123456+00:00`; the fraction is left out when it is zero.
    public var catalogText: String { dateText + " " + timeText + fractionText + offsetText }

    /// ISO 8601: `2026-03-01T02:00:01.123456+00:00`; the fraction is left out when it is zero.
    public var isoText: String { dateText + "T" + timeText + fractionText + offsetText }

    /// C's layout, without zone: `Tue Jan  2 10:00:05 2024`.
    public var ctimeText: String {
        let civil = civil
        let day = civil.day < 10 ? " \(civil.day)" : "\(civil.day)"
        let weekday = CivilTime.weekdayNames[civil.weekday]
        return "\(weekday) \(CivilTime.monthNames[civil.month - 1]) \(day) \(timeText) \(civil.year)"
    }

    /// Without zone: `2024-01-02 10:00:05.123456`; the fraction is left out when it is zero.
    public var naiveText: String { dateText + " " + timeText + fractionText }

    /// A backup id: `20240102T100005`.
    public var backupIDText: String { compactText }

    /// In UTC, as in names of files: `20240102T100005Z`.
    public var compactUTCText: String { inZone(utcOffsetSeconds: 0).compactText + "Z" }

    /// Whole seconds since the epoch.
    public var epochText: String { String(secondsSinceEpoch) }

    /// The same text as in `backup.info`.
    public var description: String { catalogText }

    /// Orders instants.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.secondsSinceEpoch, left.microseconds) < (right.secondsSinceEpoch, right.microseconds)
    }

    /// Compares instants; the zone does not matter.
    public static func == (left: Timestamp, right: Timestamp) -> Bool {
        (left.secondsSinceEpoch, left.microseconds) == (right.secondsSinceEpoch, right.microseconds)
    }

    /// Hashes the instant.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(secondsSinceEpoch)
        hasher.combine(microseconds)
    }

    /// Date and time in the zone of this timestamp.
    var civil: CivilTime { CivilTime(localSeconds: secondsSinceEpoch + Int64(utcOffsetSeconds)) }

    private var dateText: String {
        let civil = civil
        return "\(padded(String(civil.year), width: 4))-\(twoDigits(civil.month))-\(twoDigits(civil.day))"
    }

    private var timeText: String {
        let civil = civil
        return "\(twoDigits(civil.hour)):\(twoDigits(civil.minute)):\(twoDigits(civil.second))"
    }

    private var fractionText: String {
        microseconds == 0 ? "" : "." + padded(String(microseconds), width: 6)
    }

    private var offsetText: String {
        let magnitude = Int(utcOffsetSeconds.magnitude)
        let sign = utcOffsetSeconds < 0 ? "-" : "+"
        let seconds = magnitude % 60 == 0 ? "" : ":" + twoDigits(magnitude % 60)
        return "\(sign)\(twoDigits(magnitude / 3_600)):\(twoDigits(magnitude / 60 % 60))\(seconds)"
    }

    private var compactText: String {
        let civil = civil
        return padded(String(civil.year), width: 4) + twoDigits(civil.month) + twoDigits(civil.day) + "T"
            + twoDigits(civil.hour) + twoDigits(civil.minute) + twoDigits(civil.second)
    }
}

/// A number from 0 to 99 with two digits.
private func twoDigits(_ value: Int) -> String {
    value < 10 ? "0\(value)" : "\(value)"
}
