import Archive
import Catalog
import Failure
import Files
import SystemPackage
import TestWorld
import Testing
import WAL

struct WALReaderTests {
    @Test(arguments: ["", "compression = gzip", "compression = zstd", "compression = lz4"])
    func `a stored file is fetched as it was received`(options: String) throws {
        try ArchiveFixture.with(options) { fixture in
            let bytes = segmentBytes(1, mebibytes: 4)
            try fixture.put(bytes, segment(1))
            try fixture.archive()
            let source = WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(1))))
            let destination = FilePath(fixture.world.path("fetched"))
            try Shell.write([9, 9], to: destination.string)
            let size = try WALReader(home: fixture.home).fetch(source, to: destination, synchronizing: true)
            #expect(size == Int64(bytes.count))
            #expect(try Shell.read(destination.string) == bytes)
            #expect(try FileSystem.status(of: destination).permissions == FilePermissions(rawValue: 0o600))
        }
    }

    @Test func `a damaged file is an error that names it, and nothing is left`() throws {
        try ArchiveFixture.with("compression = gzip") { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.archive()
            let source = WALArchive(fixture.home).path(of: try #require(WALSegmentName(segment(1))))
            let whole = try Shell.read(source.string)
            try Shell.write(Array(whole.dropLast(100)), to: source.string)
            let destination = FilePath(fixture.world.path("fetched"))
            do {
                try WALReader(home: fixture.home).fetch(source, to: destination)
                Issue.record("no error")
            } catch let failure as Failure {
                #expect(failure.message.contains(source.string))
            }
            #expect(!fixture.world.exists("fetched"))
        }
    }

    @Test func `the newest segment is that of the last directory that holds any`() throws {
        try ArchiveFixture.with { fixture in
            let archive = WALArchive(fixture.home)
            #expect(try archive.newestSegments().isEmpty)
            for name in [segment(1), segment(7), segment(2, timeline: 3), "000000010000000500000002"] {
                try fixture.put(segmentBytes(1), name)
            }
            try fixture.archive()
            let empty = fixture.home.walsDirectory.appending("000000010000000F")
            try FileSystem.createDirectory(empty)
            #expect(
                try archive.newestSegments().mapValues(\.description) == [
                    Timeline(rawValue: 1): "000000010000000500000002",
                    Timeline(rawValue: 3): segment(2, timeline: 3),
                ]
            )
            #expect(try archive.newestTimeline() == Timeline(rawValue: 3))
        }
    }
}
