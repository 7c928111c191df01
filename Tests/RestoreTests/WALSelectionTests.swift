import Archive
import Testing
import WAL

@testable import Restore

@Suite struct WALSelectionTests {
    private func segment(_ number: UInt32, timeline: UInt32 = 1) -> WALSegmentName {
        WALSegmentName(timeline: Timeline(rawValue: timeline), log: 0, segment: number)
    }

    private let catalog = [
        "000000010000000000000002", "000000010000000000000003", "000000010000000000000003.00000028.backup",
        "000000010000000000000004", "000000010000000000000005", "000000010000000000000006", "00000002.history",
    ]

    private func select(
        _ names: [String]? = nil,
        along timelines: TimelinePath = TimelinePath(along: Timeline(rawValue: 1)),
        immediate: Bool = false,
        lsn: String? = nil,
        partial: Bool = false
    ) -> [String] {
        let names = names ?? catalog
        var numbers: [Timeline: [UInt64]] = [:]
        for case .segment(let name)? in names.map({ WALFileName($0) }) {
            numbers[name.timeline, default: []].append(name.number(size: .standard))
        }
        let path = RecoveryPath(
            from: segment(3),
            along: timelines,
            in: WALInventory(segments: numbers.mapValues { SegmentRuns($0) }),
            segmentSize: .standard
        )
        var selection = WALSelection(
            begin: segment(3),
            end: segment(4),
            path: path,
            stopsAtConsistency: immediate,
            targetLSN: lsn.flatMap { LSN($0) },
            wantsPartial: partial
        )
        for name in names {
            guard let kind = WALFileName(name) else { continue }
            selection.consider(name, kind: kind)
        }
        return selection.items.map(\.name)
    }

    @Test func `without a limit everything from the start of the backup comes along`() {
        #expect(select() == Array(catalog.dropFirst()))
    }

    @Test func `a position ends the selection with the segment behind its own, but not the history`() {
        #expect(
            select(lsn: "0/4800000") == [
                "000000010000000000000003", "000000010000000000000003.00000028.backup", "000000010000000000000004",
                "000000010000000000000005", "00000002.history",
            ]
        )
    }

    @Test func `consistency needs nothing after the backup`() {
        #expect(select(immediate: true).last == "00000002.history")
        #expect(select(immediate: true).count == 4)
    }

    @Test func `what belongs to the last segment comes after it`() {
        let names = Array(catalog[1...1]) + ["000000010000000000000004", "000000010000000000000004.00000028.backup"]
        #expect(select(names, immediate: true) == Array(names.dropLast()))
        #expect(select(names) == names)
    }

    @Test func `segments beside the way are left out`() throws {
        let names = catalog + ["000000020000000000000005", "000000020000000000000006"]
        #expect(select(names) == Array(catalog.dropFirst()))
        let history = try TimelineHistory(parsing: "1\t0/5800000\tno recovery target specified\n")
        let branch = try #require(
            TimelinePath(from: Timeline(rawValue: 1), to: Timeline(rawValue: 2), history: history)
        )
        // The last segment before the branch is on both timelines; what the old one wrote after it is of no use.
        #expect(select(names, along: branch) == Array(names.dropFirst()).filter { $0 != "000000010000000000000006" })
    }

    @Test func `partial files come only on request`() {
        let names = catalog + ["000000010000000000000007.partial"]
        #expect(select(names) == Array(catalog.dropFirst()))
        #expect(select(names, partial: true) == Array(names.dropFirst()))
    }

    @Test func `a name that is listed twice is delivered once`() {
        #expect(select(catalog + ["000000010000000000000006"]) == Array(catalog.dropFirst()))
    }
}
