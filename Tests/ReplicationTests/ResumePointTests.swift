import Replication
import Testing
import WAL

/// Where a receiver goes on, from the names of the files that are there.
@Suite struct ResumePointTests {
    private static let size = WALSegmentSize.standard

    private func point(_ names: String...) -> String? {
        points(names).first
    }

    private func points(_ names: [String]) -> [String] {
        ResumePoint.newest(after: names.compactMap { WALFileName($0) }, size: Self.size).map {
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

    @Test func `the highest position counts, then the highest timeline`() {
        #expect(point("000000010000000000000007.partial", "000000020000000000000005.partial") == "1 0/7000000")
        #expect(point("000000010000000000000005.partial", "000000020000000000000005.partial") == "2 0/5000000")
        #expect(
            points(["000000010000000000000005", "000000020000000000000005.partial", "000000010000000000000003.partial"])
                == ["1 0/6000000", "2 0/5000000"]
        )
    }

    @Test func `a point off the way of the server is moved to where the two parted`() throws {
        let history = try TimelineHistory(parsing: "1\t0/5123456\tno reason\n2\t0/9000028\tno reason\n")
        let path = TimelinePath(to: Timeline(rawValue: 3), history: history)
        func moved(_ timeline: UInt32, _ position: UInt64, from text: String? = nil) throws -> String? {
            let timeline = Timeline(rawValue: timeline)
            let theirs = try text.map { TimelinePath(to: timeline, history: try TimelineHistory(parsing: $0)) }
            let ours = try #require(theirs ?? path.prefix(to: timeline))
            return ResumePoint(timeline: timeline, containing: LSN(rawValue: position), size: Self.size)
                .moved(to: path, from: ours, size: Self.size)
                .map { "\($0.timeline) \($0.position)" }
        }
        // The server left our timeline before us.
        #expect(try moved(1, 0x0500_0000) == "1 0/5000000")
        #expect(try moved(1, 0x0600_0000) == "2 0/5000000")
        #expect(try moved(2, 0x0A00_0000) == "3 0/9000000")
        #expect(try moved(2, 0x0900_0000) == "2 0/9000000")
        #expect(try moved(3, 0x0A00_0000) == "3 0/A000000")
        // Our timeline had not begun yet.
        #expect(try moved(3, 0x0800_0000) == "2 0/8000000")
        #expect(try moved(3, 0x0400_0000) == "1 0/4000000")
        // The server was never on our timeline: it left the common one earlier, or later.
        #expect(try moved(4, 0x0C00_0000, from: "1\t0/7000000\twhy\n") == "2 0/5000000")
        #expect(try moved(4, 0x0C00_0000, from: "1\t0/3000100\twhy\n") == "1 0/3000000")
        #expect(try moved(5, 0x0C00_0000, from: "1\t0/5123456\twhy\n2\t0/A000000\twhy\n") == "3 0/9000000")
        #expect(try moved(4, 0x0100_0000, from: "1\t0/7000000\twhy\n") == "1 0/1000000")
        #expect(try moved(9, 0x0C00_0000, from: "8\t0/7000000\twhy\n") == nil)
    }
}
