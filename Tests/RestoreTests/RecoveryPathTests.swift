import Archive
import SystemPackage
import Testing
import WAL

@testable import Restore

/// The way of a recovery through what WAL there is.
@Suite struct RecoveryPathTests {
    private func timeline(_ id: UInt32) -> Timeline { Timeline(rawValue: id) }

    private func path(
        _ segments: [UInt32: [UInt64]],
        partials: [UInt32: UInt64] = [:],
        branches: [(UInt32, String)] = [],
        from begin: UInt32 = 3,
        limit: UInt64? = nil
    ) throws -> RecoveryPath {
        var timelines = TimelinePath(along: timeline(1))
        if let last = branches.last {
            let text = branches.map { "\($0.0)\t\($0.1)\tx\n" }.joined()
            timelines = try #require(
                TimelinePath(
                    from: timeline(1),
                    to: timeline(last.0 + 1),
                    history: TimelineHistory(parsing: text)
                )
            )
        }
        let inventory = WALInventory(
            segments: Dictionary(uniqueKeysWithValues: segments.map { (timeline($0), SegmentRuns($1)) }),
            partials: Dictionary(
                uniqueKeysWithValues: partials.map { (timeline($0), [$1: FilePath("\($0)-\($1).partial")]) }
            )
        )
        return RecoveryPath(
            from: WALSegmentName(timeline: timeline(1), log: 0, segment: begin),
            along: timelines,
            limit: limit,
            in: inventory,
            segmentSize: .standard
        )
    }

    private func text(_ path: RecoveryPath) -> [String] {
        path.stretches.map { "\($0.timeline):\($0.numbers.lowerBound)-\($0.numbers.upperBound)" }
    }

    @Test func `one timeline is followed to its end and to the unfinished segment`() throws {
        let path = try path([1: [1, 2, 3, 4, 5]], partials: [1: 6])
        #expect(text(path) == ["1:3-5"])
        #expect(path.partial?.segment.description == "000000010000000000000006")
        #expect(path.end == LSN("0/6000000"))
        #expect(path.gap == nil)
        #expect(path.segments.map { String($0.description.last ?? "?") } == ["3", "4", "5"])
    }

    @Test func `a partial file that does not follow is of no use`() throws {
        #expect(try path([1: [3, 4]], partials: [1: 6]).partial == nil)
        #expect(try path([1: [3, 4, 5, 6]], partials: [1: 5]).partial == nil)
        #expect(try path([1: [3, 4, 5]], partials: [1: 6], limit: 4).partial == nil)
    }

    @Test func `a hole is a gap when something comes after it, and the end when nothing does`() throws {
        let holed = try path([1: [3, 4, 7]])
        #expect(
            holed.gap == RecoveryPath.Gap(first: WALSegmentName(timeline: timeline(1), log: 0, segment: 5), count: 2)
        )
        #expect(holed.gapText == "2 WAL files are missing, from 000000010000000000000005 to 000000010000000000000006")
        #expect(text(holed) == ["1:3-4"])
        #expect(try path([1: [3, 4]]).gap == nil)
        #expect(try path([1: [3, 4, 7]], limit: 4).gap == nil)
        #expect(try path([1: [4]]).gapText == "WAL file 000000010000000000000003 is missing")
        #expect(text(try path([:])).isEmpty)
    }

    @Test func `a branch inside a segment is read from both timelines`() throws {
        let path = try path([1: [3, 4, 5, 6], 2: [5, 6]], branches: [(1, "0/5800000")])
        #expect(text(path) == ["1:3-5", "2:5-6"])
    }

    @Test func `the new timeline stands in for the shared segment that the old one never finished`() throws {
        let whole = try path([1: [3, 4], 2: [5, 6]], branches: [(1, "0/5800000")])
        #expect(text(whole) == ["1:3-4", "2:5-6"])
        #expect(whole.gap == nil)
        let started = try path([1: [3, 4]], partials: [2: 5], branches: [(1, "0/5800000")])
        #expect(text(started) == ["1:3-4"])
        #expect(started.partial?.segment.timeline == timeline(2))
    }

    @Test func `a branch on a boundary shares nothing`() throws {
        #expect(text(try path([1: [3, 4], 2: [5]], branches: [(1, "0/5000000")])) == ["1:3-4", "2:5-5"])
        let gap = try path([1: [3], 2: [5]], branches: [(1, "0/5000000")])
        #expect(gap.gapText == "WAL file 000000010000000000000004 is missing")
    }

    @Test func `three timelines in a row, two of them in one segment`() throws {
        let path = try path(
            [1: [3, 4, 5], 2: [5], 3: [5, 6, 7]],
            branches: [(1, "0/5200000"), (2, "0/5800000")]
        )
        #expect(text(path) == ["1:3-5", "2:5-5", "3:5-7"])
        let skipping = try self.path([1: [3, 4], 3: [5, 6]], branches: [(1, "0/5200000"), (2, "0/5800000")])
        #expect(text(skipping) == ["1:3-4", "3:5-6"])
        #expect(skipping.gap == nil)
    }

    @Test func `a limit before the branch stays on the old timeline`() throws {
        let path = try path([1: [3, 4, 5], 2: [5, 6]], branches: [(1, "0/5800000")], limit: 4)
        #expect(text(path) == ["1:3-4"])
    }
}
