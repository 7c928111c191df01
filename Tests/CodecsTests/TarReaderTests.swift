import Codecs
import Testing

/// Tar streams: good ones, cut ones, damaged ones, hostile ones.
@Suite struct TarReaderTests {
    @Test func `what the writer wrote comes back`() throws {
        let stream = try Self.stream([
            (
                TarMember(name: "first", sizeBytes: 3, modifiedSeconds: 1_700_000_000, modifiedNanoseconds: 250),
                [1, 2, 3]
            ),
            (TarMember(name: String(repeating: "n", count: 180), sizeBytes: 0), []),
            (TarMember(name: "last", sizeBytes: 512), [UInt8](repeating: 7, count: 512)),
        ])
        #expect(stream.count % TarWriter.recordBytes == 0)
        let members = try Self.read(stream)
        #expect(members.map(\.0.text) == ["first", String(repeating: "n", count: 180), "last"])
        #expect(members.map(\.1.count) == [3, 0, 512])
        #expect(members[0].0.modifiedSeconds == 1_700_000_000)
        #expect(members[0].0.modifiedNanoseconds == 250)
        #expect(members[0].0.kind == .regular)
    }

    @Test func `names are bytes, long ones too`() throws {
        for count in [50, 150] {
            var file = TarMember(name: "", sizeBytes: 0)
            file.name = [UInt8](repeating: UInt8(ascii: "n"), count: count) + [0xFF, 0xC3, 0xBC, 0x80]
            var link = TarMember.symbolicLink("link", to: "")
            link.linkTarget = file.name
            let members = try Self.read(Self.stream([(file, []), (link, [])])).map(\.0)
            #expect(members.map(\.name) == [file.name, Array("link".utf8)])
            #expect(members[1].linkTarget == file.name)
        }
    }

    @Test func `an offer in a vendor's record is for those who look for it`() throws {
        var offering = TarMember(name: "first", sizeBytes: 1)
        ChecksumOffer.make(with: &offering)
        offering.vendorRecords["VENDOR.other"] = "a = b"
        let members = try Self.read(Self.stream([(offering, [1]), (TarMember(name: "last", sizeBytes: 1), [2])]))
        #expect(members.map(\.0.text) == ["first", "last"] && members.map(\.1) == [[1], [2]])
        #expect(members.map { ChecksumOffer.isMade(with: $0.0) } == [true, false])
        #expect(members[0].0.vendorRecords == offering.vendorRecords)
    }

    @Test func `a size beyond the plain header goes into an extended one`() throws {
        var writer = TarWriter()
        let header = writer.header(of: TarMember(name: "large", sizeBytes: 9 << 30))
        let reader = Self.reader(header)
        #expect(try reader.next()?.sizeBytes == 9 << 30)
        #expect(throws: TarError.unexpectedEnd) { try reader.next() }
    }

    @Test func `every truncation before the end mark is an error`() throws {
        let stream = try Self.stream([
            (TarMember(name: "a", sizeBytes: 700, modifiedNanoseconds: 5), [UInt8](repeating: 1, count: 700)),
            (TarMember(name: "b", sizeBytes: 1), [2]),
        ])
        let mark = 512 * (3 + 2 + 2)
        for length in 0..<mark + 512 {
            #expect(throws: TarError.self) { try Self.read(Array(stream[..<length])) }
        }
        #expect(try Self.read(Array(stream[..<(mark + 512)])).count == 2)
    }

    @Test func `every flipped bit of a header is an error or changes nothing but what it says`() throws {
        let whole = try Self.stream([(TarMember(name: "a", sizeBytes: 4), [1, 2, 3, 4])])
        let stream = Array(whole[..<(512 * 3)])
        for position in 0..<512 {
            for bit in 0..<8 {
                var damaged = stream
                damaged[position] ^= 1 << UInt8(bit)
                // The sum catches each single bit; only its own field has bits that do not count.
                if let members = try? Self.read(damaged) {
                    #expect((148..<156).contains(position))
                    #expect(members.map(\.0.text) == ["a"])
                }
            }
        }
    }

    @Test func `no random stream traps`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var bytes = (0..<2048).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if Bool.random() { bytes.replaceSubrange(257..<265, with: Array("ustar\u{0}00".utf8)) }
            Self.fixSum(&bytes)
            _ = try? Self.read(bytes)
        }
    }

    @Test(arguments: [
        "5 path=", "99 path=abc\n", "8 path=a", "x path=a\n", "10 mtime=x\n", "0 a=b\n", "11 size=-12\n",
        "30 size=99999999999999999999999\n", "7 path\n",
    ])
    func `a damaged extended header is an error`(record: String) throws {
        var writer = TarWriter()
        var member = TarMember(name: "a", sizeBytes: 0)
        member.modifiedNanoseconds = 5
        var stream = writer.header(of: member) + writer.end()
        let length = record.utf8.count
        stream.replaceSubrange(512..<1024, with: Array(record.utf8) + [UInt8](repeating: 0, count: 512 - length))
        let digits = String(length, radix: 8)
        stream.replaceSubrange(124..<135, with: (String(repeating: "0", count: 11 - digits.count) + digits).utf8)
        Self.fixSum(&stream)
        #expect(throws: TarError.invalidExtension) { try Self.read(stream) }
    }

    @Test(arguments: [
        ("1", 0x31), ("2", 0x32), ("3", 0x33), ("5", 0x35), ("6", 0x36), ("S", 0x53),
    ])
    func `what is no file is told apart`(name: String, flag: Int) throws {
        var stream = try Self.stream([(TarMember(name: "a", sizeBytes: 0), [])])
        stream[156] = UInt8(flag)
        Self.fixSum(&stream)
        #expect(try Self.read(stream).first?.0.kind == .other(UInt8(flag)))
    }

    @Test func `impossible sizes and endless extensions are errors`() throws {
        var negative = try Self.stream([(TarMember(name: "a", sizeBytes: 0), [])])
        negative.replaceSubrange(124..<136, with: [UInt8](repeating: 0xFF, count: 12))
        Self.fixSum(&negative)
        #expect(throws: TarError.invalidHeader) { try Self.read(negative) }
        var large = negative
        large.replaceSubrange(124..<136, with: [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7))
        Self.fixSum(&large)
        #expect(throws: TarError.self) { try Self.read(large) }
        var writer = TarWriter()
        var member = TarMember(name: "a", sizeBytes: 0)
        member.modifiedNanoseconds = 5
        let header = Array(writer.header(of: member)[..<1024])
        #expect(throws: TarError.invalidExtension) { try Self.read((0..<100).flatMap { _ in header }) }
    }

    // MARK: Making and reading

    private static func stream(_ members: [(TarMember, [UInt8])]) throws -> [UInt8] {
        var writer = TarWriter()
        var bytes: [UInt8] = []
        for (member, contents) in members {
            bytes += writer.header(of: member) + contents + TarWriter.padding(after: member.sizeBytes)
        }
        return bytes + writer.end()
    }

    /// A reader that gets its stream in pieces of odd sizes.
    private static func reader(_ stream: [UInt8]) -> TarReader {
        var position = 0
        return TarReader { buffer in
            let count = min(buffer.count, 97, stream.count - position)
            buffer.copyBytes(from: stream[position..<(position + count)])
            position += count
            return count
        }
    }

    private static func read(_ stream: [UInt8]) throws -> [(TarMember, [UInt8])] {
        let reader = reader(stream)
        var members: [(TarMember, [UInt8])] = []
        while let member = try reader.next() {
            members.append((member, member.kind == .regular ? try reader.readRest() : []))
        }
        try reader.drain()
        return members
    }

    /// Puts the right sum into the first header.
    private static func fixSum(_ stream: inout [UInt8]) {
        stream.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = stream[..<512].reduce(0) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        stream.replaceSubrange(148..<154, with: (String(repeating: "0", count: 6 - digits.count) + digits).utf8)
        stream[154] = 0
    }
}
