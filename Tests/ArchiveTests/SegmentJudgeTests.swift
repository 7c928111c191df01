import Catalog
import Codecs
import Failure
import Files
import Glibc
import SystemPackage
import TestHomes
import TestWorld
import Testing
import WAL

@testable import Archive

/// WAL that is not of this server, or not of the place that its name says.
struct SegmentJudgeTests {
    /// A name of what is wrong, the contents, and what is said of it.
    static let wrong: [(String, [UInt8], String)] = [
        ("another cluster", walBytes(5, systemIdentifier: 42), "it comes from the cluster with system identifier 42"),
        ("another place", walBytes(6), "its header says that it begins at 0/600000"),
        ("a later timeline", walBytes(5, timeline: 2), "its header says timeline 2"),
        ("no magic", segmentBytes(5), "it does not begin with the header of a WAL segment"),
        ("zeros", [UInt8](repeating: 0, count: 1 << 20), "it does not begin with the header of a WAL segment"),
    ]

    @Test(arguments: wrong.indices, [nil, CompressionFormat.gzip, .zstd])
    func `a segment of another server or place goes to the errors, compressed or not`(
        index: Int,
        format: CompressionFormat?
    ) throws {
        let (title, bytes, reason) = Self.wrong[index]
        try ArchiveFixture.with("compression = gzip") { fixture in
            try fixture.identify()
            try fixture.put(try packed(bytes, format), segment(5))
            try fixture.put(walBytes(7), segment(7))
            let (said, count) = try fixture.archive()
            #expect(count == 1, "\(title)")
            #expect(fixture.archived == [segment(7)], "\(title)")
            #expect(fixture.incoming.isEmpty)
            #expect(fixture.errors.count == 1)
            #expect(
                said.contains { $0.contains("\(segment(5)) is not a WAL segment of server pg: \(reason)") },
                "\(said)"
            )
            let rejected = fixture.home.errorsDirectory.appending(fixture.errors.first ?? "")
            #expect(try Shell.read(rejected.string) == packed(bytes, format), "\(title)")
            let judge = SegmentJudge(home: fixture.home, reporter: Recorder())
            let known = try judge.defect(ofRejected: rejected)
            #expect(known?.hasPrefix(reason) ?? reason.contains("does not begin"), "\(title): \(known ?? "")")
        }
    }

    @Test func `a segment of the right place is archived, the first of a timeline with its parent's header too`() throws
    {
        try ArchiveFixture.with("compression = zstd") { fixture in
            try fixture.identify()
            try fixture.put(walBytes(5), segment(5))
            try fixture.put(walBytes(6), segment(6, timeline: 2))
            try fixture.put(walBytes(7, timeline: 2), segment(7, timeline: 2))
            try fixture.put(try packed(walBytes(8, timeline: 2), .gzip), segment(8, timeline: 2))
            #expect(try fixture.archive().count == 4)
            #expect(fixture.errors.isEmpty)
        }
    }

    @Test func `as long as the cluster is not known, only a header that contradicts the name is refused`() throws {
        try ArchiveFixture.with { fixture in
            try fixture.put(segmentBytes(1), segment(1))
            try fixture.put(walBytes(2, systemIdentifier: 42), segment(2))
            try fixture.put(walBytes(4), segment(3))
            #expect(try fixture.archive().count == 2)
            #expect(fixture.archived == [segment(1), segment(2)])
        }
    }

    @Test func `an identity that cannot be read does not stop archiving`() throws {
        try ArchiveFixture.with { fixture in
            try Shell.write(Array("{".utf8), to: fixture.home.identityPath.string)
            try fixture.put(walBytes(2), segment(2))
            #expect(try fixture.archive().count == 1)
        }
    }

    private func packed(_ bytes: [UInt8], _ format: CompressionFormat?) throws -> [UInt8] {
        try format.map { try compressed(bytes, $0) } ?? bytes
    }
}
