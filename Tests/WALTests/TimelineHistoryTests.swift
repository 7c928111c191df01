import Testing
import WAL

@Suite struct TimelineHistoryTests {
    @Test func `ancestors are read and comments skipped`() throws {
        let history = try TimelineHistory(
            parsing:
                "# a comment\n\n1\t0/3000110\tno recovery target specified\n2\tA/0\tbefore 2026-01-01 00:00:00+00\n"
        )
        #expect(history.entries.map(\.parent.rawValue) == [1, 2])
        #expect(history.entries.map(\.switchpoint.description) == ["0/3000110", "A/0"])
        #expect(history.entries.last?.reason == "before 2026-01-01 00:00:00+00")
    }

    @Test func `a line that cannot be read is named`() {
        #expect(throws: TimelineHistory.ParseError.self) {
            try TimelineHistory(parsing: "1\t0/3000110\treason\n2 A/0 x\n")
        }
        #expect { try TimelineHistory(parsing: "1\t0/30\tok\nbad\n") } throws: {
            ($0 as? TimelineHistory.ParseError)?.line == 2
        }
        #expect { try TimelineHistory(parsing: "# nothing\n") } throws: {
            ($0 as? TimelineHistory.ParseError)?.line == 0
        }
    }
}
