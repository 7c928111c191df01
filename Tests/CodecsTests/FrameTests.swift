import Testing

@testable import Codecs

/// Files made of independent frames, and streams that are pushed at their decoder.
@Suite struct FrameTests {
    private static let formats: [CompressionFormat] = [.gzip, .lz4, .zstd]

    private func frames(_ format: CompressionFormat, _ blocks: [[UInt8]]) throws -> [[UInt8]] {
        let compressor = try Compressor(format: format)
        return try blocks.enumerated().map { index, block in
            var frame: [UInt8] = []
            let written = try block.withUnsafeBytes {
                try compressor.compressFrame($0, isFollowed: index + 1 < blocks.count) { frame += Array($0) }
            }
            #expect(written == Int64(frame.count))
            return frame
        }
    }

    private func push(_ bytes: [UInt8], _ format: CompressionFormat, pieces: Int) throws -> [UInt8] {
        let feed = try DecompressingFeed(format: format)
        var plain: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + pieces, bytes.count)
            try bytes[offset..<end].withUnsafeBytes { piece in try feed.take(piece) { plain += Array($0) } }
            offset = end
        }
        try feed.finish { plain += Array($0) }
        return plain
    }

    @Test(arguments: formats) func `frames one after another are one file, and each can be read alone`(
        format: CompressionFormat
    ) throws {
        let blocks = [sample(1 << 20), sample(300_000, seed: 2), sample(1, seed: 3)]
        let frames = try frames(format, blocks)
        #expect(try decompress(frames.flatMap { $0 }) == blocks.flatMap { $0 })
        #expect(try decompress(frames[2]) == blocks[2])
        if format != .gzip { #expect(try decompress(frames[1]) == blocks[1]) }
        #expect(try decompress(try self.frames(format, [[]])[0]) == [])
    }

    @Test(arguments: formats, [1 << 20, 32_768, 997]) func `a pushed stream comes out whole`(
        format: CompressionFormat,
        pieces: Int
    ) throws {
        let blocks = [sample(1 << 20), sample(500_000, seed: 2)]
        let bytes = try frames(format, blocks).flatMap { $0 }
        #expect(try push(bytes, format, pieces: pieces) == blocks.flatMap { $0 })
        // Whoever wrote it: one stream of the library itself.
        #expect(try push(try compress(blocks[0], format), format, pieces: pieces) == blocks[0])
    }

    @Test(arguments: formats) func `a pushed stream that is cut or damaged is an error`(
        format: CompressionFormat
    ) throws {
        let bytes = try compress(sample(200_000), format)
        for length in [1, 10, bytes.count / 2, bytes.count - 1] {
            #expect(throws: CodecError.self, "\(length)") { try push(Array(bytes[..<length]), format, pieces: 4096) }
        }
        var damaged = bytes
        damaged[bytes.count / 2] ^= 0x55
        #expect(throws: CodecError.self) { try push(damaged, format, pieces: 4096) }
    }

    @Test func `the processor and the tables agree on CRC-32C, whatever the length`() {
        let bytes = sample(100_003)
        // Around one and several rounds of three runs side by side.
        for count in [0, 1, 7, 8, 64, 4099, 12_287, 12_288, 12_289, 24_583, 49_152, 100_000] {
            for start in [0, 3] {
                var checksum = CRC32C()
                bytes[..<start].withUnsafeBytes { checksum.update($0) }
                bytes[start..<(start + count)].withUnsafeBytes { checksum.update($0) }
                let tables = bytes[..<(start + count)].withUnsafeBytes { ~CRC32C.updated(~0, $0) }
                #expect(checksum.value == tables, "\(count) bytes after \(start)")
            }
        }
    }

    @Test(arguments: [CompressionFormat.gzip, .zstd, .lz4])
    func `one decompressor takes frame after frame, and lets none grow beyond its room`(
        format: CompressionFormat
    ) throws {
        let decompressor = try FrameDecompressor(format)
        let compressor = try Compressor(format: format)
        for count in [70_000, 0, 300_000] {
            let plain = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
                for index in 0..<count { room[index] = UInt8(truncatingIfNeeded: index / 3) }
                filled = count
            }
            var frame: [UInt8] = []
            _ = try plain.withUnsafeBytes { try compressor.compressFrame($0, isFollowed: false) { frame += $0 } }
            var room = [UInt8](repeating: 0, count: count + 1)
            let produced = try frame.withUnsafeBytes { frame in
                try room.withUnsafeMutableBytes { try decompressor.decompress(frame, into: $0) }
            }
            #expect(Array(room[..<produced]) == plain)
            guard count > 0 else { continue }
            var small = [UInt8](repeating: 0, count: count - 1)
            #expect(throws: CodecError.self) {
                try frame.withUnsafeBytes { frame in
                    try small.withUnsafeMutableBytes { try FrameDecompressor(format).decompress(frame, into: $0) }
                }
            }
            #expect(throws: CodecError.self) {
                try frame.dropLast(3).withUnsafeBytes { frame in
                    try room.withUnsafeMutableBytes { try FrameDecompressor(format).decompress(frame, into: $0) }
                }
            }
        }
    }
}
