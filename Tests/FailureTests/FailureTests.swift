import Failure
import Testing

@Suite struct FailureTests {
    @Test func `a hint stands on a line of its own`() {
        #expect(
            Failure("No such tablespace", hint: "Use another").description == "No such tablespace\nHINT: Use another"
        )
        #expect(Failure("No such tablespace").description == "No such tablespace")
    }

    @Test func `levels order by gravity`() {
        #expect(LogLevel.allCases.sorted() == [.debug, .info, .warning, .error, .critical])
    }
}
