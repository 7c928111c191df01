import Testing

@testable import Settings

@Suite struct RetentionPolicyTests {
    @Test(arguments: [
        ("REDUNDANCY 2", "REDUNDANCY 2"), ("redundancy\t02 ", "REDUNDANCY 2"),
        ("recovery window of 7 days", "RECOVERY WINDOW OF 7 DAYS"),
        ("Recovery  Window OF 1 month", "RECOVERY WINDOW OF 1 MONTHS"),
        ("RECOVERY WINDOW OF 0 WEEKS", "RECOVERY WINDOW OF 0 WEEKS"), ("REDUNDANCY １٢", "REDUNDANCY 12"),
    ])
    func `a policy has one canonical text`(text: String, canonical: String) {
        #expect(RetentionPolicy(parsing: text)?.canonicalText == canonical)
    }

    @Test(arguments: [
        "", "main", "REDUNDANCY", "REDUNDANCY -1", "REDUNDANCY 2 3", "REDUNDANCY x", "RECOVERY WINDOW OF 1 YEAR",
        "RECOVERY WINDOW OF 1 DAYSS", "RECOVERY WINDOW 1 DAY", "REDUNDANCY 99999999999999999999",
    ])
    func `anything else is no policy`(text: String) {
        #expect(RetentionPolicy(parsing: text) == nil)
    }

    @Test func `a month has 31 days, and no window overflows`() {
        #expect(RetentionPolicy.recoveryWindow(2, .month).windowSeconds == 5_356_800)
        #expect(RetentionPolicy.recoveryWindow(.max, .week).windowSeconds == .max)
        #expect(RetentionPolicy.redundancy(3).windowSeconds == nil)
    }
}
