import Codecs
import Testing

/// Tar streams that are pushed: in any pieces, whole and cut.
@Suite struct TarFeedTests {
    private struct Found: Equatable {
        var name: String
        var contents: [UInt8] = []
        var isEnded = false
    }

    /// The stream of a few members, without the end mark if so wished.
    private func stream(isEnded: Bool = true) -> [UInt8] {
        var writer = TarWriter()
        var bytes: [UInt8] = []
        for (name, contents) in [
            ("first", Array("abc".utf8)), ("empty", []), ("exact", [UInt8](repeating: 7, count: 1024)),
        ] {
            bytes += writer.header(of: TarMember(name: name, sizeBytes: Int64(contents.count)))
            bytes += contents + TarWriter.padding(after: Int64(contents.count))
        }
        return isEnded ? bytes + writer.end() : bytes
    }

    private func read(_ bytes: [UInt8], pieces: Int) throws -> (found: [Found], feed: TarFeed) {
        var feed = TarFeed()
        var found: [Found] = []
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + pieces, bytes.count)
            try bytes[offset..<end].withUnsafeBytes { piece in
                try feed.take(piece) { event in
                    switch event {
                    case .member(let member): found.append(Found(name: member.text))
                    case .contents(let bytes): found[found.count - 1].contents += Array(bytes)
                    case .memberEnd: found[found.count - 1].isEnded = true
                    }
                }
            }
            offset = end
        }
        return (found, feed)
    }

    @Test(arguments: [1, 3, 511, 512, 513, 1500, 100_000]) func `members come whole whatever the pieces`(
        pieces: Int
    ) throws {
        for isEnded in [true, false] {
            let (found, feed) = try read(stream(isEnded: isEnded), pieces: pieces)
            #expect(found.map(\.name) == ["first", "empty", "exact"])
            #expect(found.map(\.contents.count) == [3, 0, 1024])
            #expect(found.filter { !$0.isEnded }.isEmpty)
            #expect(feed.isBetweenMembers)
            #expect(feed.isAtEnd == isEnded)
        }
    }

    @Test func `a stream that is cut inside a member says so`() throws {
        let whole = stream(isEnded: false)
        let boundaries: Set = [0, 1024, 1536, whole.count]
        for length in stride(from: 0, to: whole.count + 1, by: 128) {
            let (_, feed) = try read(Array(whole[..<length]), pieces: 200)
            #expect(feed.isBetweenMembers == boundaries.contains(length), "\(length)")
        }
    }

    @Test func `a damaged header is an error`() throws {
        var bytes = stream()
        bytes[0] ^= 1
        #expect(throws: TarError.invalidHeader) { _ = try read(bytes, pieces: 512) }
    }
}
