import Catalog
import Files
import SystemPackage
import Testing
import WAL

@testable import Restore

/// What a recovery to the latest timeline is told when the way there is not archived.
@Suite struct LatestTimelineTests {
    /// Puts segments of a timeline into the archive, of which the backup has its own up to segment 6 of the first.
    private func archive(_ fixture: RestoreFixture, _ segments: ClosedRange<UInt32>, timeline: UInt32) throws {
        let directory = fixture.home.walsDirectory.appending("0000000\(timeline)00000000")
        try FileSystem.createDirectories(directory)
        let names = segments.map {
            WALSegmentName(timeline: Timeline(rawValue: timeline), log: 0, segment: $0).description
        }
        for name in names { try FileSystem.replaceDurably(directory.appending(name), contents: Array(name.utf8)) }
        try XlogDatabase(fixture.home).append(
            names.map { XlogRecord(name: $0, sizeBytes: 24, time: 1_770_000_000.5, compression: nil) }
        )
    }

    private func put(_ text: String, _ place: FilePath) throws {
        try FileSystem.replaceDurably(place, contents: Array(text.utf8))
    }

    /// The warnings of a restore, and the WAL that it brought.
    private func restore(
        _ fixture: RestoreFixture,
        timeline: String? = "latest"
    ) throws -> (warnings: [String], wal: [String]) {
        let before = fixture.recorder.said.count
        try fixture.run { $0.targetTimeline = timeline }
        let warnings = fixture.recorder.said.dropFirst(before).filter { $0.hasPrefix("WARNING") }
        let wal = fixture.destination.appending(timeline == nil ? "pg_wal" : "barman_wal")
        let names = try FileSystem.names(in: wal).filter { $0 != "archive_status" }
        for place in [fixture.destination, fixture.tablespace] { try FileSystem.removeTree(place) }
        return (Array(warnings), names)
    }

    @Test func `WAL of a timeline without its history is told, and what mends it`() throws {
        try RestoreFixture.with { fixture in
            #expect(try restore(fixture).warnings == [])
            try archive(fixture, 6...8, timeline: 2)
            let incoming = fixture.home.incomingWALsDirectory
            let remedy =
                "Copy 00000002.history from pg_wal of a server that is or was on timeline 2 into '\(incoming)', and restore again."
            let told = try restore(fixture)
            #expect(
                told.warnings == [
                    "WARNING: recovery will end on timeline 1, although there is WAL of timeline 2: the history file "
                        + "00000002.history is not in the archive\nHINT: \(remedy)"
                ]
            )
            #expect(told.wal.last == "000000010000000000000006")
            let refusal = #expect(throws: (any Error).self) { try restore(fixture, timeline: "2") }
            #expect("\(refusal as Any)".contains(remedy), "\(refusal as Any)")
            // Whoever asks for the timeline of the backup, or for no recovery, does not want another one.
            #expect(try restore(fixture, timeline: "current").warnings == [])
            #expect(try restore(fixture, timeline: nil).warnings == [])
            try put("1\t0/6000100\tno recovery target specified\n", incoming.appending("00000002.history"))
            let mended = try restore(fixture)
            #expect(mended.warnings == [] && mended.wal.last == "000000020000000000000008")
        }
    }

    @Test func `a timeline behind a missing history can be asked for by its number`() throws {
        try RestoreFixture.with { fixture in
            try archive(fixture, 6...7, timeline: 2)
            try archive(fixture, 7...8, timeline: 3)
            let history = fixture.home.walsDirectory.appending("00000003.history")
            try put("1\t0/6000100\tx\n2\t0/7000100\tx\n", history)
            let told = try restore(fixture)
            #expect(
                told.warnings == [
                    "WARNING: recovery will end on timeline 1, although there is WAL of timeline 3: the history file "
                        + "00000002.history is not in the archive\n"
                        + "HINT: Timeline 3 can be followed with '--target-tli 3'."
                ]
            )
            let asked = try restore(fixture, timeline: "3")
            #expect(asked.warnings == [])
            #expect(asked.wal.suffix(2) == ["000000030000000000000007", "000000030000000000000008"])
            // One that leads elsewhere, or says nothing, is none that could be taken.
            for text in ["1\t0/3000100\tx\n2\t0/7000100\tx\n", "damaged\n"] {
                try put(text, history)
                #expect(try restore(fixture).warnings.first?.contains("WAL of timeline 2:") == true)
            }
        }
    }

    @Test func `a timeline whose WAL ends before the backup does is nobody's business`() throws {
        try RestoreFixture.with { fixture in
            try archive(fixture, 2...3, timeline: 2)
            #expect(try restore(fixture).warnings == [])
        }
    }
}
