import TestWorld
import Testing

@testable import Codecs

/// Damaged tar streams and compressed files (`make fuzz`).
@Suite struct FuzzTests {
    /// A stream with every kind of member, and one with numbers and names that need further headers.
    private static var archives: [[UInt8]] {
        func stream(_ members: [TarMember]) -> [UInt8] {
            var writer = TarWriter()
            var bytes: [UInt8] = []
            for member in members {
                bytes += writer.header(of: member) + sample(Int(member.sizeBytes))
                bytes += TarWriter.padding(after: member.sizeBytes)
            }
            return bytes + writer.end()
        }
        var long = TarMember(name: String(repeating: "long/", count: 40), sizeBytes: 3, mode: 0o600)
        long.modifiedNanoseconds = 250_000_000
        ChecksumOffer.make(with: &long)
        return [
            stream([
                .directory("data", mode: 0o700), TarMember(name: "data/PG_VERSION", sizeBytes: 700, mode: 0o600),
                .symbolicLink("data/pg_tblspc/1", to: "/srv/ts"),
            ]), stream([long, long]),
        ]
    }

    @Test func `parsers survive damaged input`() throws {
        let compressed = try usableFormats.map { try compress(sample(6000), $0) }
        try Fuzz.run([
            FuzzTarget("tar streams", Self.archives) { bytes, numbers in
                try read(bytes, pieces: .random(in: 1...2000, using: &numbers))
            },
            FuzzTarget("tar headers", Self.archives.map { Array($0.prefix(512)) }, depth: 10) { bytes, _ in
                // Damage that the sum does not show.
                var block = Array((bytes + [UInt8](repeating: 0, count: 512)).prefix(512))
                block.replaceSubrange(148..<156, with: repeatElement(0x20, count: 8))
                let digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
                block.replaceSubrange(
                    148..<155,
                    with: (String(repeating: "0", count: 6 - digits.count) + digits + "\0").utf8
                )
                try read(block + [UInt8](repeating: 0, count: 2048), pieces: 512)
            },
            FuzzTarget("tar streams as they come", Self.archives) { bytes, numbers in
                let whole = feed(bytes, pieces: bytes.count + 1)
                let pieces = feed(bytes, pieces: .random(in: 1...2000, using: &numbers))
                guard whole == pieces else { throw WorldError("pieces make a difference: \(whole), \(pieces)") }
            },
            FuzzTarget("compressed files", compressed, depth: 100) { bytes, numbers in
                do {
                    let count = try decompress(bytes, pieceBytes: .random(in: 1...9000, using: &numbers)).count
                    // Without its magic a file is plain.
                    guard count <= 1 << 20 else { throw WorldError("\(count) bytes from \(bytes.count)") }
                } catch is CodecError {}
            },
        ])
    }

    /// Reads all members and their contents.
    private func read(_ bytes: [UInt8], pieces: Int) throws {
        var rest = bytes[...]
        let reader = TarReader { buffer in
            let piece = rest.prefix(min(pieces, buffer.count))
            buffer.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        do {
            while let member = try reader.next() {
                guard member.sizeBytes >= 0 else { throw WorldError("\(member)") }
                if member.kind == .regular { _ = try reader.readRest() }
            }
        } catch is TarError {}
    }

    /// The members and how many bytes of contents came, and whether it ended well.
    private func feed(_ bytes: [UInt8], pieces: Int) -> String {
        var feed = TarFeed()
        var members: [String] = []
        var count = 0
        do {
            for begin in stride(from: 0, to: bytes.count, by: pieces) {
                try bytes[begin..<min(begin + pieces, bytes.count)].withUnsafeBytes { piece in
                    try feed.take(piece) { event in
                        switch event {
                        case .contents(let contents): count += contents.count
                        case let other: members.append("\(other)")
                        }
                    }
                }
            }
        } catch {
            // Of contents before an error, as much has come as the pieces say.
            return "\(members) \(error)"
        }
        return "\(members) \(count) \(feed.isAtEnd) \(feed.isBetweenMembers)"
    }
}
