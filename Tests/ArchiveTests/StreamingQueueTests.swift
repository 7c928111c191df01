import Archive
import Catalog
import Files
import SystemPackage
import TestWorld
import Testing

struct StreamingQueueTests {
    private func archive(
        _ names: [String],
        options: String = ""
    ) throws -> (said: [String], archived: [String], left: [String]) {
        var result: (said: [String], archived: [String], left: [String]) = ([], [], [])
        try ArchiveFixture.with("streaming_archiver = on\n\(options)") { fixture in
            for name in names { try fixture.put(segmentBytes(1), name, in: fixture.home.streamingWALsDirectory) }
            let said = try fixture.archive().said
            let left = fixture.world.names(in: fixture.home.streamingWALsDirectory.string)
            result = (said, try fixture.records.map(\.name), left)
        }
        return result
    }

    @Test func `the partial file stays`() throws {
        let result = try archive([segment(1), segment(2), "\(segment(3)).partial"])
        #expect(result.archived == [segment(1), segment(2)])
        #expect(result.left == ["\(segment(3)).partial"])
        #expect(
            result.said == [
                "show: Processing xlog segments from streaming for pg (batch size: 2)",
                "show: \t\(segment(1))",
                "show: \t\(segment(2))",
                "show: Processing xlog segments from file archival for pg",
                "show: \tno file found",
            ]
        )
    }

    @Test func `without a partial file the last one stays`() throws {
        let result = try archive([segment(1), segment(2)])
        #expect(result.archived == [segment(1)])
        #expect(result.left == [segment(2)])
    }

    @Test func `older partial files are archived after everything else`() throws {
        let partials = (1...3).map { "\(segment(UInt32($0))).partial" }
        let result = try archive(partials + [segment(5)])
        #expect(result.archived == [segment(5), partials[0], partials[1]])
        #expect(result.left == [partials[2]])
    }

    @Test func `a batch of one makes progress`() throws {
        let result = try archive(
            [segment(1), segment(2), "\(segment(3)).partial"],
            options: "streaming_archiver_batch_size = 1"
        )
        #expect(result.archived == [segment(1)])
    }

    @Test func `the second copy of each file is dropped and its line is not doubled`() throws {
        try ArchiveFixture.with("streaming_archiver = on\ncompression = zstd") { fixture in
            for number in 1...3 {
                try fixture.put(segmentBytes(number), segment(UInt32(number)), in: fixture.home.streamingWALsDirectory)
                try fixture.put(segmentBytes(number), segment(UInt32(number)))
            }
            try fixture.archive()
            #expect(fixture.incoming.isEmpty)
            #expect(try fixture.records.map(\.name) == [segment(1), segment(2), segment(3)])
            #expect(fixture.errors.isEmpty)
        }
    }
}
