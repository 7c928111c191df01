import Archive
import Codecs
import Files
import Notation
import SystemPackage
import Testing
import WAL

@testable import Restore

/// What is said of a target from the records of the WAL, over segments of one commit each.
@Suite struct StopSearchTests {
    private static let timeline = Timeline(rawValue: 1)
    /// When each segment's commit was, in minutes since 2000.
    private static func target(minute: Double) -> RecoveryTarget {
        var target = RecoveryTarget()
        target.time = Timestamp(secondsSinceEpoch: WALStop.epochOffsetSeconds + Int64(minute * 60))
        return target
    }

    /// Stores a segment for each time, and looks from the first one on.
    private func search(
        _ minutes: [Int],
        limit: Int = .max,
        _ body: (StopSearch) throws -> Void
    ) throws {
        try RestoreFixture.with { fixture in
            for (number, minute) in minutes.enumerated() {
                let name = WALSegmentName(timeline: Self.timeline, log: 0, segment: UInt32(3 + number))
                let file = WALArchive(fixture.home).path(of: name)
                try FileSystem.replaceDurably(file, contents: segment(name, minute: minute, id: 1000 + number))
            }
            let path = RecoveryPath(
                from: WALSegmentName(timeline: Self.timeline, log: 0, segment: 3),
                along: TimelinePath(along: Self.timeline),
                in: WALInventory(segments: [Self.timeline: SegmentRuns((0..<minutes.count).map { UInt64(3 + $0) })]),
                segmentSize: .standard
            )
            let limitBytes = UInt64(clamping: limit.multipliedReportingOverflow(by: 16 << 20).partialValue)
            let bytes = limit == .max ? StopSearch.limitBytes : limitBytes
            try body(StopSearch(home: fixture.home, path: path, from: LSN(rawValue: 3 << 24), limitBytes: bytes))
        }
    }

    /// The first page of a segment, with one commit on it (PostgreSQL's access/xlogrecord.h, release 15).
    private func segment(_ name: WALSegmentName, minute: Int, id: Int) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        let start = Int(name.startLSN(size: .standard).rawValue)
        var page = number(0xD110, 2) + number(2, 2) + number(1, 4) + number(start, 8) + number(0, 8)
        page += number(77, 8) + number(16 << 20, 4) + number(8192, 4)
        let body = [255, 8] + number(minute * 60_000_000, 8)
        let header = number(24 + body.count, 4) + number(id, 4) + number(start - 8, 8) + [0, 1, 0, 0]
        var checksum = CRC32C()
        (body + header).withUnsafeBytes { checksum.update($0) }
        page += header + number(Int(checksum.value), 4) + body
        return page + [UInt8](repeating: 0, count: 8192 - page.count)
    }

    @Test func `a time is found in its segment`() throws {
        try search(Array(0..<40)) { search in
            guard case .found(let stop) = try search.stop(for: Self.target(minute: 20.5)) else {
                Issue.record("not found")
                return
            }
            #expect(stop.transactionID == 1021)
        }
    }

    @Test func `a time that only WAL before a clock went back holds is found`() throws {
        // An hour and a half in which the clock was three hours ahead, and then a hundred segments of the right time.
        try search((0..<30).map { 180 + $0 } + (0..<100).map { $0 }) { search in
            guard case .found(let stop) = try search.stop(for: Self.target(minute: 190.5)) else {
                Issue.record("not found")
                return
            }
            // Recovery stops at the first such record, which is not behind this one.
            #expect((1011...1029).contains(stop.transactionID))
        }
    }

    @Test func `a time is missing when all was read, and unknown when not`() throws {
        try search(Array(0..<40)) { search in
            guard case .missing(let evidence) = try search.stop(for: Self.target(minute: 39.5)) else {
                Issue.record("not missing")
                return
            }
            #expect(evidence.newest?.transactionID == 1039)
        }
        try search(Array(0..<40), limit: 39) { search in
            let late = try search.stop(for: Self.target(minute: 39.5))
            #expect(late == .unknown)
            var target = RecoveryTarget()
            target.xid = "5"
            let strange = try search.stop(for: target)
            #expect(strange == .unknown)
        }
    }
}
