import Codecs
import Testing

/// Damaged data is an error or, where the damage is to what nobody needs, the right contents; never a crash or an early end.
struct DamageTests {
    @Test(arguments: usableFormats)
    func `no truncated file is taken for a whole one`(format: CompressionFormat) throws {
        let bytes = sample(6000)
        let compressed = try compress(bytes, format)
        for count in format.magic.count..<compressed.count {
            #expect(throws: CodecError.self, "\(count) of \(compressed.count) bytes") {
                try decompress(compressed.prefix(count))
            }
        }
    }

    @Test func `a gzip file cut between two of its members is truncated`() throws {
        let compressed = try compress(sample((3 << 20) + 100), .gzip)
        let starts = memberStarts(compressed)
        #expect(starts.count == 4)
        for start in starts.dropFirst() {
            #expect(throws: CodecError(.gzip, .truncated)) { try decompress(compressed.prefix(start)) }
            #expect(throws: CodecError(.gzip, .truncated)) {
                try decompress(compressed.prefix(start), bufferBytes: 100)
            }
        }
    }

    @Test(arguments: usableFormats)
    func `a flipped bit is an error or of no consequence`(format: CompressionFormat) throws {
        let bytes = sample(1500)
        let compressed = try compress(bytes, format)
        for position in compressed.indices {
            for bit in [0, 3, 7] {
                var damaged = compressed
                damaged[position] ^= 1 << UInt8(bit)
                // Without its magic the file is plain, and whoever needs WAL sees that it is none.
                guard CompressionFormat.detect(prefix: damaged) == format else { continue }
                do {
                    #expect(try decompress(damaged) == bytes, "byte \(position), bit \(bit)")
                } catch {
                    #expect(error is CodecError)
                }
            }
        }
    }

    @Test(arguments: usableFormats)
    func `garbage behind the magic ends in an error`(format: CompressionFormat) {
        for seed in 1...50 {
            let garbage = format.magic + sample(3000, seed: UInt64(seed))
            #expect(throws: CodecError.self) { try decompress(garbage) }
        }
    }

    @Test(arguments: usableFormats)
    func `garbage behind a whole stream is an error`(format: CompressionFormat) throws {
        let compressed = try compress(sample(500), format)
        #expect(throws: CodecError.self) { try decompress(compressed + Array("garbage, and more garbage".utf8)) }
    }

    @Test func `zeros behind a gzip file are padding`() throws {
        let bytes = sample(5000)
        let padded = try compress(bytes, .gzip) + [UInt8](repeating: 0, count: 5000)
        #expect(try decompress(padded) == bytes)
        #expect(try decompress(padded, pieceBytes: 1, bufferBytes: 10) == bytes)
    }

    @Test func `a member with an impossible length is an error, not a wait`() throws {
        var compressed = try compress(sample(5000), .gzip)
        compressed.replaceSubrange(16..<20, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: CodecError.self) { try decompress(compressed) }
        compressed.replaceSubrange(16..<20, with: [0, 0, 0, 0])
        #expect(throws: CodecError.self) { try decompress(compressed) }
    }

    /// Where the members of ours begin, by the lengths in their headers.
    private func memberStarts(_ file: [UInt8]) -> [Int] {
        var starts: [Int] = []
        var position = 0
        while position + 20 <= file.count {
            starts.append(position)
            position += (0..<4).reduce(0) { $0 | Int(file[position + 16 + $1]) << (8 * $1) }
        }
        return starts
    }
}
