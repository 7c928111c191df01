import Replication
import Testing
import WAL

/// Where a receiver goes on, from the names of the files that are there.
@Suite struct ResumePointTests {
    private static let size = WALSegmentSize.standard

    private func point(_ names: String...) -> String? {
        ResumePoint(after: names.compactMap { WALFileName($0) }, size: Self.size).map {
            "\($0.timeline) \($0.position)"
        }
    }

    @Test func `behind a complete segment, at the start of a partial one`() {
        #expect(point() == nil)
        #expect(point("00000002.history") == nil)
        #expect(point("000000010000000000000005") == "1 0/6000000")
        #expect(point("000000010000000000000005.partial") == "1 0/5000000")
        #expect(point("000000010000000000000005", "000000010000000000000005.partial") == "1 0/6000000")
        #expect(point("0000000100000000000000FF") == "1 1/0")
        #expect(point("00000001FFFFFFFF000000FF") == nil)
        #expect(point("0000000100000000FFFFFFFF") == nil)
    }

    @Test func `the highest number counts, then the highest timeline`() {
        #expect(point("000000010000000000000007.partial", "000000020000000000000005.partial") == "1 0/7000000")
        #expect(point("000000010000000000000005.partial", "000000020000000000000005.partial") == "2 0/5000000")
        #expect(point("000000010000000000000005", "000000020000000000000005.partial") == "2 0/5000000")
    }

    @Test func `a server that left the timeline before us is followed from the segment of the branch`() throws {
        let history = try TimelineHistory(parsing: "1\t0/5123456\tno reason\n2\t0/9000028\tno reason\n")
        let three = Timeline(rawValue: 3)
        func corrected(_ timeline: UInt32, _ position: UInt64) -> String? {
            ResumePoint(timeline: Timeline(rawValue: timeline), containing: LSN(rawValue: position), size: Self.size)
                .corrected(by: history, of: three, size: Self.size)
                .map { "\($0.timeline) \($0.position)" }
        }
        #expect(corrected(1, 0x0500_0000) == nil)
        #expect(corrected(1, 0x0600_0000) == "2 0/5000000")
        #expect(corrected(2, 0x0A00_0000) == "3 0/9000000")
        #expect(corrected(2, 0x0900_0000) == nil)
        #expect(corrected(7, 0x0900_0000) == nil)
    }
}
