import Failure
import Notation
import Testing

@testable import Console

struct LogFormatTests {
    private let record = LogFormat.Record(
        level: .warning,
        logger: "barman.server",
        message: "50% full",
        process: 42,
        time: Timestamp(secondsSinceEpoch: 1_704_189_605, microseconds: 7_999, utcOffsetSeconds: 3600),
        startedAt: Timestamp(secondsSinceEpoch: 1_704_189_604)
    )

    @Test func `the standard line has time, process, logger, level and message`() {
        #expect(
            LogFormat.standard.line(record) == "2024-01-02 11:00:05,007 [42] barman.server WARNING: 50% full"
        )
    }

    @Test func `widths, flags and literal percent signs are honoured`() throws {
        let format = try LogFormat(parsing: "%% %(levelname)-9s|%(process)06d|%(name).6s|%(levelno)4d|")
        #expect(format.line(record) == "% WARNING  |000042|barman|  30|")
    }

    @Test(arguments: ["%", "%x", "%(nosuch)s", "%(name)", "%(name", "%(name)q", "100%"])
    func `a format that cannot be read is refused`(text: String) {
        #expect(throws: LogFormat.Problem.self) { try LogFormat(parsing: text) }
    }
}
