import Testing
import WAL

@Suite struct TimelinePathTests {
    private func timeline(_ id: UInt32) -> Timeline { Timeline(rawValue: id) }
    private func lsn(_ text: String) throws -> LSN { try #require(LSN(text)) }

    private func history() throws -> TimelineHistory {
        try TimelineHistory(parsing: "1\t0/5000060\twhy\n2\t0/7000000\twhy\n")
    }

    @Test func `the way leads over every ancestor from the start on`() throws {
        let path = try #require(TimelinePath(from: timeline(1), to: timeline(3), history: history()))
        #expect(path.legs.map(\.timeline) == [timeline(1), timeline(2), timeline(3)])
        #expect(path.legs.map(\.end) == [try lsn("0/5000060"), try lsn("0/7000000"), nil])
        #expect(path.target == timeline(3))
        #expect(path.timeline(at: try lsn("0/500005F")) == timeline(1))
        #expect(path.timeline(at: try lsn("0/5000060")) == timeline(2))
        #expect(path.timeline(at: try lsn("9/0")) == timeline(3))
        let short = try #require(TimelinePath(from: timeline(2), to: timeline(3), history: history()))
        #expect(short.legs.map(\.timeline) == [timeline(2), timeline(3)])
        #expect(short.end(of: timeline(1)) == nil)
        #expect(short.end(of: timeline(2)) == (try lsn("0/7000000")))
    }

    @Test func `a timeline that is no ancestor has no way`() throws {
        #expect(TimelinePath(from: timeline(4), to: timeline(5), history: try history()) == nil)
        #expect(TimelinePath(from: timeline(2), to: timeline(2), history: try history())?.legs.count == 1)
    }

    @Test func `a history that contradicts itself leads nowhere`() throws {
        for text in ["1\t0/7000000\tx\n2\t0/5000000\tx\n", "1\t0/5000000\tx\n1\t0/7000000\tx\n"] {
            let history = try TimelineHistory(parsing: text)
            #expect(TimelinePath(from: timeline(1), to: timeline(3), history: history) == nil, "\(text)")
        }
        #expect(TimelinePath(from: timeline(1), to: timeline(2), history: try history()) == nil)
    }

    @Test func `runs hold what they were made of and nothing else`() {
        let numbers: [UInt64] = [9, 3, 4, 5, 4, 7, .max]
        let runs = SegmentRuns(numbers)
        #expect(runs.runs == [3...5, 7...7, 9...9, UInt64.max...UInt64.max])
        for number in 0...12 as ClosedRange<UInt64> {
            #expect(runs.contains(number) == numbers.contains(number), "\(number)")
            #expect(runs.first(atOrAfter: number) == numbers.filter { $0 >= number }.min(), "\(number)")
        }
        #expect(runs.end(ofRunWith: 4) == 5)
        #expect(SegmentRuns([]).first(atOrAfter: 0) == nil)
        #expect(SegmentRuns([]).last == nil)
    }

    @Test func `numbers and names of segments agree at every size`() throws {
        for bytes in [1 << 20, 16 << 20, 1 << 30] as [Int64] {
            let size = try #require(WALSegmentSize(bytes: bytes))
            for number in [0, 1, UInt64(size.highestSegment), UInt64(size.highestSegment) + 1, 123_456] as [UInt64] {
                let name = try #require(WALSegmentName(timeline: timeline(2), number: number, size: size))
                #expect(name.number(size: size) == number)
                #expect(name.startLSN(size: size) == LSN(ofSegment: number, size: size))
                #expect(LSN(ofSegment: number, size: size).segmentNumber(size: size) == number)
            }
            #expect(WALSegmentName(timeline: timeline(1), number: .max, size: size) == nil)
        }
    }
}
