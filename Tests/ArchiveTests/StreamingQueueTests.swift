import Catalog
import Files
import Pipeline
import Synchronization
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@testable import Archive
@testable import Replication

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

    @Test func `of partial files on several timelines the last by name and the last by number stay`() throws {
        let partials = [segment(4), segment(6), segment(5, timeline: 2), segment(1, timeline: 3)].map {
            "\($0).partial"
        }
        let result = try archive(partials)
        #expect(result.archived == [partials[0], partials[2]])
        #expect(result.left == [partials[1], partials[3]])
    }

    @Test func `a partial file that a receiver has open stays, whatever its name`() throws {
        try ArchiveFixture.with("streaming_archiver = on\ncompression = gzip") { fixture in
            let directory = fixture.home.streamingWALsDirectory
            let files = try StreamingDirectory(directory, segmentSize: #require(WALSegmentSize(bytes: 1 << 20)))
            let open = segment(4, timeline: 2)
            let partials = [segment(3), open, segment(9), segment(1, timeline: 3)].map { "\($0).partial" }
            for name in partials { try fixture.put(segmentBytes(1), name, in: directory) }
            do {
                var writer = SegmentWriter(files, spare: SpareSegment(in: files, isZeroed: { false }))
                try writer.open(#require(WALSegmentName(open)))
                try fixture.archive()
                #expect(fixture.world.names(in: directory.string) == partials.dropFirst().sorted())
                // What has waited since it was listed is looked at again.
                let decision = try stage(partials[1], fixture)
                guard case .unfinished = decision.verdict else { return #expect(Bool(false), "\(decision.verdict)") }
                try writer.finish(#require(WALSegmentName(open)))
            }
            #expect(fixture.world.names(in: directory.string).contains(open))
        }
    }

    @Test func `a receiver waits for the partial file that is being archived, and makes it anew`() throws {
        try ArchiveFixture.with("streaming_archiver = on") { fixture in
            let directory = fixture.home.streamingWALsDirectory
            let files = try StreamingDirectory(directory, segmentSize: #require(WALSegmentSize(bytes: 1 << 20)))
            let name = "\(segment(3)).partial"
            try fixture.put(segmentBytes(1), name, in: directory)
            let decision = Mutex<IntakeDecision?>(try stage(name, fixture))
            let isOpening = Mutex(false)
            let archiver = OnDemandWorker {
                while !isOpening.withLock({ $0 }) { _ = Interruption.pause(seconds: 0.01) }
                decision.withLock {
                    // What the archiver does with a file that it has stored.
                    _ = try? FileSystem.unlink(directory.appending(name))
                    $0 = nil
                }
            }
            archiver.wake()
            var writer = SegmentWriter(files, spare: SpareSegment(in: files, isZeroed: { false }))
            isOpening.withLock { $0 = true }
            try writer.open(#require(WALSegmentName(segment(3))))
            archiver.end()
            let bytes = try Shell.read(directory.appending(name).string)
            #expect(bytes.count == 1 << 20 && bytes.allSatisfy { $0 == 0 })
        }
    }

    private func stage(_ name: String, _ fixture: ArchiveFixture) throws -> IntakeDecision {
        let home = fixture.home
        let judge = SegmentJudge(home: home, reporter: Recorder())
        let entry = IntakeQueue.Entry(
            text: name,
            name: try #require(WALFileName(name)),
            directory: home.streamingWALsDirectory
        )
        try FileSystem.createDirectories(WALArchive(home).directory(of: entry.name))
        let listed = ListedNames(among: [entry], home: home)
        let form = try StoredForm(home.settings)
        return try WALStager(home: home, judge: judge, form: form, arrivals: ArrivalWatch(), listed: listed)
            .stage(entry)
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
