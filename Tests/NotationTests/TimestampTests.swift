import Glibc
import Notation
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        "2026-03-01 02:00:01.123456+00:00", "2026-03-01 02:00:01+00:00", "2024-02-29 23:59:59.000001-03:30",
        "0001-02-03 04:05:06+14:00", "9999-11-30 00:00:00-12:00", "1969-12-31 23:59:59.999999+00:00",
    ])
    func `the text of the catalog reads back as it was`(text: String) throws {
        let timestamp = try #require(Timestamp(catalogText: text))
        #expect(timestamp.catalogText == text)
    }

    @Test func `each layout is that of the reference`() throws {
        let timestamp = try #require(Timestamp(catalogText: "2024-01-02 10:00:05.123456+02:00"))
        #expect(timestamp.isoText == "2024-01-02T10:00:05.123456+02:00")
        #expect(timestamp.ctimeText == "Tue Jan  2 10:00:05 2024")
        #expect(timestamp.naiveText == "2024-01-02 10:00:05.123456")
        #expect(timestamp.backupIDText == "20240102T100005")
        #expect(timestamp.compactUTCText == "20240102T080005Z")
        #expect(timestamp.epochText == "1704182405")
        #expect(timestamp.secondsDouble == 1_704_182_405.123456)
    }

    @Test func `two zones can name the same instant`() throws {
        let east = try #require(Timestamp(catalogText: "2024-01-02 12:00:00+02:00"))
        let west = try #require(Timestamp(catalogText: "2024-01-02 05:00:00-05:00"))
        #expect(east == west)
        #expect(east.hashValue == west.hashValue)
        #expect(east.adding(seconds: 1) > west)
        #expect(east.adding(seconds: -1).seconds(since: west) == -1)
    }

    @Test(arguments: [
        ("2026-01-01 12:00+02", "2026-01-01 12:00:00+02:00"),
        ("2026-01-01 12:00 +0200", "2026-01-01 12:00:00+02:00"),
        ("2026-01-01 12:00 -5", "2026-01-01 12:00:00-05:00"),
        ("2026-01-01T12:00:00.123456789Z", "2026-01-01 12:00:00.123456+00:00"),
        ("2026-01-01 12:00:00,5 UTC", "2026-01-01 12:00:00.500000+00:00"),
        ("Jan 2 2026 10:00:05 GMT", "2026-01-02 10:00:05+00:00"),
        ("20260101T120000Z", "2026-01-01 12:00:00+00:00"),
        ("202601011200Z", "2026-01-01 12:00:00+00:00"),
        ("2026-01-01 1200Z", "2026-01-01 12:00:00+00:00"),
        ("12/31/2025 10:00 pm UTC", "2025-12-31 22:00:00+00:00"),
        ("31.12.2025 12:00am UTC", "2025-12-31 00:00:00+00:00"),
        ("10 January 2026 3pm UTC", "2026-01-10 15:00:00+00:00"),
        ("2-Jan-2026 00:00Z", "2026-01-02 00:00:00+00:00"),
        ("Friday, January 2nd, 2026 at 00:30 UTC", "2026-01-02 00:30:00+00:00"),
        ("Tue Jan  2 10:00:05 2024 +00:00", "2024-01-02 10:00:05+00:00"),
        ("2026/02/03 4:5Z", "2026-02-03 04:05:00+00:00"),
        ("2026-01-01-12:00Z", "2026-01-01 12:00:00+00:00"),
    ])
    func `many ways of writing a time are read`(text: String, expected: String) throws {
        let (timestamp, hadZone) = try Timestamp.parse(userText: text)
        #expect(timestamp.catalogText == expected)
        #expect(hadZone)
    }

    @Test(arguments: [
        "2026-01-01 12:00", "Jan 2 2026 10:00:05", "20260101T120000", "12/31/2025", "2026-01-01", "Jan 2026",
    ])
    func `a time without zone is one of this host`(text: String) throws {
        let (timestamp, hadZone) = try Timestamp.parse(userText: text)
        #expect(!hadZone)
        #expect(timestamp.utcOffsetSeconds == timestamp.inLocalZone().utcOffsetSeconds)
    }

    @Test func `what is missing of a date is taken from today`() throws {
        let today = Timestamp.now().naiveText.prefix(10)
        #expect(try Timestamp(userText: "12:34").naiveText == "\(today) 12:34:00")
    }

    @Test(arguments: [
        "", " ", "yesterday", "2026-02-30", "2026-13-01", "2026-01-01 24:00", "2026-01-01 12:60", "1767225600",
        "2026-01-01 13:00 pm", "2026-01-01 12:00 Europe/Rome", "2026-01-01 12:00 XYZ", "2026-01-01 12:00 UTC+3",
        "1/2/26", "2026-W01-1", "2026-01-01 12:00:00 13:00", "2026-01-01 12:00+25", "+", "::", "-:-",
        "2026-01-01 é", "99999999999999999999999", "2026-99999999999999999999-1", "am", "0000-01-01",
        "2026-01-01 12:00:", "Jan Feb 2026",
    ])
    func `a text that is no time, or not one time, is refused`(text: String) {
        #expect(throws: TimestampParseError.self) { try Timestamp(userText: text) }
    }

    @Test func `no text of printable characters makes the parser fail otherwise`() {
        let pieces = [
            "2026", "01", "1", "-", "/", ":", ".", ",", "T", "Z", "+", " ", "Jan", "am", "12", "999999999999", "UTC",
            "é",
            "20260101", "120000", "\0",
        ]
        var seed: UInt64 = 42
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<8 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(seed >> 33) % pieces.count]
            }
            _ = try? Timestamp(userText: text)  // Either outcome is good; a trap is not.
        }
    }

    @Test func `times outside the calendar move to its ends`() {
        let first = Timestamp(secondsSinceEpoch: .min, microseconds: .min, utcOffsetSeconds: .min)
        let last = Timestamp(secondsSinceEpoch: .max, microseconds: .max, utcOffsetSeconds: .max)
        #expect(first.catalogText.hasPrefix("0001-"))
        #expect(last.catalogText.hasPrefix("9999-"))
        #expect(Timestamp(secondsSinceEpoch: .nan) == Timestamp(secondsSinceEpoch: 0.0))
        #expect(Timestamp(secondsSinceEpoch: .infinity) > Timestamp.now())
    }

    @Test func `every day of four centuries has its place`() {
        // The C library is the judge.
        var day: Int64 = -60_000
        while day < 90_000 {
            var seconds = time_t(day * 86_400)
            var fields = tm()
            gmtime_r(&seconds, &fields)
            let expected = (Int(fields.tm_year) + 1900, Int(fields.tm_mon) + 1, Int(fields.tm_mday))
            let text = Timestamp(secondsSinceEpoch: day * 86_400).naiveText
            let parts = text.prefix(10).split(separator: "-").compactMap { Int($0) }
            #expect(parts == [expected.0, expected.1, expected.2])
            day += 97
        }
    }
}

private func isZoneSet() -> Bool {
    getenv("TZ").map { String(cString: $0) } == "CET-1CEST,M3.5.0,M10.5.0/3"
}

/// Times in a zone with summer time.
///
/// The zone belongs to the whole process, so `scripts/run-tests` gives them a run of their own.
@Suite(.enabled("needs TZ=CET-1CEST,M3.5.0,M10.5.0/3: scripts/run-tests sets it") { isZoneSet() })
struct LocalZoneTests {
    @Test func `summer and winter time have their offsets and names`() throws {
        let winter = try Timestamp(userText: "2026-01-15 12:00")
        let summer = try Timestamp(userText: "2026-07-15 12:00")
        #expect(winter.catalogText == "2026-01-15 12:00:00+01:00")
        #expect(summer.catalogText == "2026-07-15 12:00:00+02:00")
        let (named, hadZone) = try Timestamp.parse(userText: "2026-07-15 12:00 CEST")
        #expect(named.catalogText == "2026-07-15 12:00:00+02:00")
        #expect(hadZone)
    }

    @Test func `an hour that comes twice is the first one, an hour that is left out goes on from before`() throws {
        let twice = try Timestamp(userText: "2026-10-25 02:30")
        let never = try Timestamp(userText: "2026-03-29 02:30")
        #expect(twice.catalogText == "2026-10-25 02:30:00+02:00")
        #expect(never.catalogText == "2026-03-29 03:30:00+02:00")
    }
}
