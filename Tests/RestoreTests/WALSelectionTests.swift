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
        targetTimeline: UInt32 = 1,
        immediate: Bool = false,
        lsn: String? = nil,
        partial: Bool = false
    ) -> (names: [String], next: WALSegmentName?) {
        var selection = WALSelection(
            begin: segment(3),
            end: segment(4),
            targetTimeline: Timeline(rawValue: targetTimeline),
            stopsAtConsistency: immediate,
            targetLSN: lsn.flatMap { LSN($0) },
            segmentSize: .standard,
            wantsPartial: partial
        )
        for name in names ?? catalog {
            guard let kind = WALFileName(name) else { continue }
            selection.consider(name, kind: kind, compression: nil, isEncrypted: false)
        }
        return (selection.items.map(\.name), selection.nextPartial(segmentSize: .standard))
    }

    @Test func `without a limit everything from the start of the backup comes along`() {
        #expect(select().names == Array(catalog.dropFirst()))
    }

    @Test func `a position ends the selection with its segment, but not the history`() {
        #expect(
            select(lsn: "0/4800000").names == [
                "000000010000000000000003", "000000010000000000000003.00000028.backup", "000000010000000000000004",
                "00000002.history",
            ]
        )
    }

    @Test func `consistency needs nothing after the backup`() {
        #expect(select(immediate: true).names.last == "00000002.history")
        #expect(select(immediate: true).names.count == 4)
    }

    @Test func `what belongs to the last segment comes after it`() {
        let names = ["000000010000000000000004", "000000010000000000000004.00000028.backup"]
        #expect(select(names, immediate: true).names == ["000000010000000000000004"])
        #expect(select(names, lsn: "0/4800000").names == ["000000010000000000000004"])
        #expect(select(names).names == names)
    }

    @Test func `higher timelines are left out`() {
        let names = catalog + ["000000020000000000000005", "000000020000000000000006"]
        #expect(select(names).names == Array(catalog.dropFirst()))
        #expect(select(names, targetTimeline: 2).names == Array(names.dropFirst()))
    }

    @Test func `partial files come only on request`() {
        let names = catalog + ["000000010000000000000007.partial"]
        #expect(select(names).names == Array(catalog.dropFirst()))
        #expect(select(names, partial: true).names == Array(names.dropFirst()))
    }

    @Test func `the segment being received follows the last one`() {
        #expect(select(partial: true).next == segment(7))
        #expect(select(lsn: "0/5000000", partial: true).next == nil)
        #expect(select().next == nil)
        #expect(select(immediate: true, partial: true).next == nil)
    }

    @Test func `a name that is listed twice is delivered once`() {
        #expect(select(catalog + ["000000010000000000000006"]).names == Array(catalog.dropFirst()))
    }
}
