import Notation
import Testing

@Suite struct HumanTextTests {
    @Test(arguments: [
        (0.0, "0 B"), (999.9, "999 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"),
        (1_048_575, "1024.0 KiB"), (1_048_576, "1.0 MiB"), (1_342_177_280, "1.2 GiB"), (-256, "-256 B"),
        (-16_777_216, "-16.0 MiB"), (1280, "1.2 KiB"), (1382.4, "1.4 KiB"), (1e30, "827180.6 YiB"),
    ])
    func `a size has one decimal and the right unit`(bytes: Double, expected: String) {
        #expect(HumanText.size(bytes) == expected)
    }

    @Test func `whole numbers of bytes need no fraction`() {
        #expect(HumanText.size(Int64(1023)) == "1023 B")
        #expect(HumanText.size(Int64(-1024)) == "-1.0 KiB")
        #expect(HumanText.size(Int64.max) == "8.0 EiB")
        #expect(HumanText.size(Int64.min) == "-8.0 EiB")
    }

    @Test(arguments: [
        (0, "less than one second"), (0.5, "less than one second"), (-0.5, "less than one second ago"),
        (1, "1 second"), (59.9, "59 seconds"), (60, "1 minute"), (3600, "1 hour"), (86_400, "1 day"),
        (90_061, "1 day, 1 hour, 1 minute, 1 second"), (-10, "10 seconds ago"), (1_209_600, "14 days"),
        (259_199, "2 days, 23 hours, 59 minutes, 59 seconds"), (.nan, "less than one second"),
    ])
    func `a duration names only the parts that are there`(seconds: Double, expected: String) {
        #expect(HumanText.duration(seconds: seconds) == expected)
    }

    @Test func `no duration is too long`() {
        #expect(HumanText.duration(seconds: .infinity) == "1000000000 days")
    }

    @Test func `shares and rates have two decimals`() {
        #expect(HumanText.percentage(0.8387) == "83.87%")
        #expect(HumanText.percentage(0) == "0.00%")
        #expect(HumanText.hourlyRate(perSecond: 0.0025) == "9.00/hour")
    }
}
