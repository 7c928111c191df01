import Archive
import Catalog
import Codecs
import Failure
import Files
import SystemPackage
import TestHomes
import TestWorld
import Testing

/// `put-wal`: good streams, hostile streams, and faults at every call.
struct WALReceptionTests {
    @Test func `several files of one stream are stored as they were sent`() throws {
        try ArchiveFixture.with { fixture in
            var stream = Stream()
            stream.add(segment(1), segmentBytes(1))
            stream.add("./" + segment(2), segmentBytes(2))
            stream.addList()
            try receive(stream.finished(), in: fixture)
            #expect(fixture.incoming == [segment(1), segment(2)])
            #expect(try contents(segment(2), in: fixture) == segmentBytes(2))
            let status = try FileSystem.status(of: fixture.home.incomingWALsDirectory.appending(segment(1)))
            #expect(status.modifiedSeconds == 1_700_000_000)
            #expect(status.modifiedNanoseconds == 123_456_789)
        }
    }

    @Test func `a repeat is dropped, a different file goes to the errors`() throws {
        try ArchiveFixture.with { fixture in
            try receive(Stream.of(segment(1), [1, 2, 3]), in: fixture)
            try receive(Stream.of(segment(1), [1, 2, 3]), in: fixture)
            #expect(fixture.incoming == [segment(1)])
            #expect(fixture.errors == [])
            let recorder = Recorder()
            try receive(Stream.of(segment(1), [4, 5, 6]), in: fixture, recorder)
            #expect(fixture.incoming == [segment(1)])
            #expect(try contents(segment(1), in: fixture) == [1, 2, 3])
            #expect(fixture.errors.count == 1)
            #expect(fixture.errors[0].hasPrefix(segment(1) + "."))
            #expect(fixture.errors[0].hasSuffix(".duplicate"))
            let old = Checksum.hexadecimal(of: [1, 2, 3])
            let new = Checksum.hexadecimal(of: [4, 5, 6])
            #expect(
                recorder.said.contains(
                    "info: \tError: Duplicate Files Detected with Mismatched Checksums. File \(segment(1)) already exists on "
                        + "server pg with checksum \(old), but the checksum of the incoming file is \(new). The file "
                        + "has been moved to the errors directory."
                )
            )
        }
    }

    @Test(arguments: ["/etc/passwd", "../x", "..", ".", "a/b", ".hidden", "", "x\0y"])
    func `a name that leads elsewhere is refused`(name: String) throws {
        try ArchiveFixture.with { fixture in
            var stream = Stream()
            stream.add(segment(1), [1])
            stream.addRaw(name, [2])
            stream.addList()
            expectRefusal(stream.finished(), "Unsupported filename", in: fixture)
        }
    }

    @Test(arguments: ["1", "2", "3", "4", "5", "6", "S"])
    func `what is no file is refused`(flag: String) throws {
        try ArchiveFixture.with { fixture in
            var stream = Stream()
            stream.add(segment(1), [1])
            stream.addList()
            stream.add(segment(2), [], flag: flag.utf8.first)
            expectRefusal(
                stream.finished(),
                "Unsupported file type 'b'\(flag)'' for file '\(segment(2))' in put-wal for server 'pg'",
                in: fixture
            )
        }
    }

    @Test func `a file that comes twice, or is too large, is refused`() throws {
        try ArchiveFixture.with { fixture in
            var twice = Stream()
            twice.add(segment(1), [1])
            twice.add(segment(1), [2])
            twice.addList()
            expectRefusal(twice.finished(), "Unsupported filename", in: fixture)
            var writer = TarWriter()
            let header = writer.header(of: TarMember(name: segment(1), sizeBytes: 2 << 30))
            expectRefusal(header, "Unsupported size 2147483648 for file", in: fixture)
        }
    }

    @Test func `wrong, missing and surplus checksums are refused`() throws {
        try ArchiveFixture.with { fixture in
            let right = Checksum.hexadecimal(of: [1])
            let zeros = String(repeating: "0", count: 64)
            for (list, text) in [
                ("\(zeros) *\(segment(1))\n", "Bad file checksum '\(right)' (should be \(zeros)) for file"),
                ("", "Missing checksum for file"), ("\(right) \(segment(1))\n", "Missing checksum for file"),
                ("\(right)  \(segment(1))\n\(right) *other\n", "Checksum without corresponding file 'other'"),
            ] {
                var stream = Stream()
                stream.add(segment(1), [1])
                stream.addRaw("SHA256SUMS", Array(list.utf8))
                let recorder = Recorder()
                #expect(throws: Failure.self) { try receive(stream.finished(), in: fixture, recorder) }
                let isSaid = recorder.said.contains { $0.contains(text) }
                #expect(isSaid, "\(text): \(recorder.said)")
                #expect(fixture.incoming == [])
            }
        }
    }

    @Test func `MD5 is taken from those who have nothing better`() throws {
        try ArchiveFixture.with { fixture in
            var stream = Stream()
            stream.add(segment(1), [1, 2])
            stream.addRaw("MD5SUMS", Array("\(Checksum.hexadecimal(of: [1, 2], .md5)) *\(segment(1))\n".utf8))
            try receive(stream.finished(), in: fixture)
            #expect(fixture.incoming == [segment(1)])
        }
    }

    @Test func `the offer of CRC-32C is taken, once, and any list that comes then is compared`() throws {
        try ArchiveFixture.with { fixture in
            for (algorithms, isRight) in [
                ([ChecksumAlgorithm.crc32c, .crc32c], true), ([.sha256, .crc32c], true), ([.sha256, .sha256], true),
                ([.md5, .crc32c], true), ([.crc32c, .crc32c], false), ([.sha256, .crc32c], false),
            ] {
                var stream = Stream()
                for (number, algorithm) in zip(UInt32(1)..., algorithms) {
                    let (name, contents) = (segment(number), segmentBytes(Int(number)))
                    stream.addRaw(name, contents, isOffering: true)
                    let checksum = Checksum.hexadecimal(of: isRight || number == 1 ? contents : [], algorithm)
                    stream.addRaw(algorithm.listName, Array("\(checksum) *\(name)\n".utf8))
                }
                try fixture.reset()
                var answers: [String] = []
                let recorder = Recorder()
                var isTaken = true
                do {
                    try receive(stream.finished(), in: fixture, recorder) { answers.append($0) }
                } catch is Failure {
                    isTaken = false
                }
                #expect(answers == ["CRC32CSUMS\n"])
                #expect(isTaken == isRight, "\(algorithms): \(recorder.told)")
                #expect(fixture.incoming == (isRight ? [segment(1), segment(2)] : []))
                #expect(recorder.said.isEmpty == isRight, "\(recorder.told)")
            }
            var answers: [String] = []
            try receive(Stream.of(segment(3), [1]), in: fixture) { answers.append($0) }
            #expect(answers == [], "nobody has asked")
        }
    }

    @Test func `a stream cut anywhere stores nothing`() throws {
        try ArchiveFixture.with { fixture in
            let whole = Stream.of(segment(1), [UInt8](repeating: 9, count: 600))
            // Header and its extension, contents, list; then comes the end mark.
            let mark = 512 * (3 + 2 + 1 + 1)
            for length in stride(from: 0, to: mark + 512, by: 61) {
                #expect(throws: Failure.self) { try receive(Array(whole[..<length]), in: fixture) }
                #expect(fixture.incoming == [], "cut after \(length) bytes")
            }
        }
    }

    #if DEBUG
    @Test func `after any fault nothing is acknowledged that is not there, and a repeat succeeds`() throws {
        try ArchiveFixture.with { fixture in
            var made = Stream()
            made.add(segment(1), segmentBytes(1))
            made.add(segment(2), segmentBytes(2))
            made.addList()
            let stream = made.finished()
            for kind in [FaultPlan.Kind.once(.noSpace), .crash] {
                for position in 1... {
                    try fixture.reset()
                    let plan = FaultPlan(kind, at: position)
                    let isAcknowledged = FaultPlan.$current.withValue(plan) {
                        do {
                            try receive(stream, in: fixture)
                            return true
                        } catch {
                            return false
                        }
                    }
                    let visible = fixture.incoming.filter { !$0.hasPrefix(".") }
                    for name in visible {
                        let number = name == segment(1) ? 1 : 2
                        #expect(try contents(name, in: fixture) == segmentBytes(number), "call \(position)")
                    }
                    if isAcknowledged { #expect(visible == [segment(1), segment(2)], "call \(position)") }
                    try receive(stream, in: fixture)
                    #expect(fixture.incoming.filter { !$0.hasPrefix(".") } == [segment(1), segment(2)])
                    #expect(fixture.errors == [])
                    if plan.callCount < position { break }
                }
            }
        }
    }
    #endif

    @Test func `what a killed run left behind is swept away`() throws {
        try ArchiveFixture.with { fixture in
            // No process has the highest number.
            try fixture.put([1], ".4194999-\(segment(7))")
            try fixture.put([1], ".notours")
            try receive(Stream.of(segment(1), [1]), in: fixture)
            #expect(fixture.incoming == [".notours", segment(1)])
        }
    }

    // MARK: Making and receiving

    private func receive(
        _ stream: [UInt8],
        in fixture: ArchiveFixture,
        _ recorder: Recorder = Recorder(),
        answer: @escaping (String) -> Void = { _ in }
    ) throws {
        let path = fixture.world.path("stream.tar")
        try Shell.write(stream, to: path)
        let input = try OwnedDescriptor(opening: FilePath(path))
        try WALReception(home: fixture.home, reporter: recorder, answer: answer).receive(from: input)
    }

    private func contents(_ name: String, in fixture: ArchiveFixture) throws -> [UInt8] {
        try Shell.read(fixture.home.incomingWALsDirectory.appending(name).string)
    }

    private func expectRefusal(
        _ stream: [UInt8],
        _ text: String,
        in fixture: ArchiveFixture,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        do {
            try receive(stream, in: fixture)
            Issue.record("it is accepted", sourceLocation: sourceLocation)
        } catch {
            #expect("\(error)".contains(text), "\(error)", sourceLocation: sourceLocation)
        }
        #expect(fixture.incoming == [], sourceLocation: sourceLocation)
    }
}

/// A tar stream in the making.
private struct Stream {
    private var writer = TarWriter()
    private var bytes: [UInt8] = []
    private var list = ""

    static func of(_ name: String, _ contents: [UInt8]) -> [UInt8] {
        var stream = Stream()
        stream.add(name, contents)
        stream.addList()
        return stream.finished()
    }

    mutating func add(_ name: String, _ contents: [UInt8], flag: UInt8? = nil) {
        let member = TarMember(
            name: name,
            sizeBytes: Int64(contents.count),
            modifiedSeconds: 1_700_000_000,
            modifiedNanoseconds: 123_456_789
        )
        var header = writer.header(of: member)
        if let flag {
            let start = header.count - 512
            header[start + 156] = flag
            header.replaceSubrange((start + 148)..<(start + 156), with: [UInt8](repeating: 0x20, count: 8))
            let sum = String(header[start...].reduce(0) { $0 + Int($1) }, radix: 8)
            let digits = String(repeating: "0", count: 6 - sum.utf8.count) + sum
            header.replaceSubrange((start + 148)..<(start + 154), with: digits.utf8)
            header[start + 154] = 0
        }
        bytes += header + contents + TarWriter.padding(after: member.sizeBytes)
        list += "\(Checksum.hexadecimal(of: contents)) *\(name)\n"
    }

    /// Adds a member that no list names, its name in an extended header if the plain one cannot hold it.
    mutating func addRaw(_ name: String, _ contents: [UInt8], isOffering: Bool = false) {
        var member = TarMember(name: name, sizeBytes: Int64(contents.count))
        if isOffering { ChecksumOffer.make(with: &member) }
        if name.utf8.contains(0) { member.name += [UInt8](repeating: UInt8(ascii: "x"), count: 120) }
        bytes += writer.header(of: member) + contents + TarWriter.padding(after: member.sizeBytes)
    }

    mutating func addList() { addRaw("SHA256SUMS", Array(list.utf8)) }

    mutating func finished() -> [UInt8] { bytes + writer.end() }
}
