import Codecs
import Testing

@testable import Pipeline

@Suite struct ParallelDecompressionTests {
    /// Text that compresses, but not to nothing.
    private static func text(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
        var state = seed
        return (0..<count).map { index in
            if index % 7 == 0 { state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
            return UInt8(truncatingIfNeeded: state >> 58) &+ 32
        }
    }

    private static func compress(_ plain: [UInt8], _ format: CompressionFormat) throws -> [UInt8] {
        var offset = 0
        var packed: [UInt8] = []
        try Compressor(format: format, level: .low).compress { buffer in
            let count = min(buffer.count, plain.count - offset)
            buffer.copyBytes(from: plain[offset..<offset + count])
            offset += count
            return count
        } write: {
            packed += $0
        }
        return packed
    }

    /// Everything that comes out; `step` is the most that the source gives at once.
    private static func read(_ packed: [UInt8], step: Int = .max) throws -> [UInt8] {
        var offset = 0
        let reader = try ParallelDecompression(workerCount: 2) { buffer in
            let count = min(buffer.count, packed.count - offset, step)
            buffer.copyBytes(from: packed[offset..<offset + count])
            offset += count
            return count
        }
        var plain: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 300_001)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
            if count == 0 { return plain }
            plain += buffer[..<count]
        }
    }

    @Test(arguments: [CompressionFormat.gzip, .zstd, .lz4, .bzip2])
    func `one frame or many, the contents come in order`(format: CompressionFormat) throws {
        let pieces = [Self.text(3_000_000), Self.text(10, seed: 3), Self.text(900_000, seed: 5)]
        let frames = try pieces.map { try Self.compress($0, format) }
        #expect(try Self.read(frames[0]) == pieces[0])
        let all = pieces.flatMap { $0 }
        for step in [100_000, Int.max] {
            #expect(try Self.read(frames.flatMap { $0 }, step: step) == all)
        }
    }

    @Test func `plain data passes, and nothing stays nothing`() throws {
        let plain = Self.text(2_500_000)
        #expect(try Self.read(plain) == plain)
        #expect(try Self.read([]) == [])
        #expect(try Self.read([1, 2]) == [1, 2])
    }

    @Test(arguments: [CompressionFormat.gzip, .zstd, .lz4])
    func `a file cut anywhere is an error, between frames of gzip as well`(format: CompressionFormat) throws {
        let packed = try Self.compress(Self.text(2_200_000), format)
        var cuts = Array(stride(from: 11, to: packed.count, by: packed.count / 40))
        if format == .gzip, let second = Self.secondMember(packed) { cuts.append(second) }
        for cut in cuts {
            #expect(throws: CodecError.self, "\(cut)") { try Self.read(Array(packed[..<cut])) }
        }
    }

    /// Where the second member of our gzip begins.
    private static func secondMember(_ packed: [UInt8]) -> Int? {
        (1..<packed.count - 16).first { packed[$0...].starts(with: packed[..<16]) }
    }

    @Test(arguments: [CompressionFormat.gzip, .zstd, .lz4])
    func `a flipped bit is an error or changes nothing, and never a trap`(format: CompressionFormat) throws {
        let plain = Self.text(400_000)
        let packed = try Self.compress(plain, format)
        for place in Array(10..<60) + stride(from: 60, to: packed.count, by: packed.count / 40) {
            var flipped = packed
            flipped[place] ^= 1 << UInt8(place % 8)
            if let read = try? Self.read(flipped) { #expect(read == plain, "\(place)") }
        }
    }

    @Test func `a consumer that goes early leaves no thread behind`() throws {
        let packed = try Self.compress(Self.text(20_000_000), .gzip)
        for _ in 0..<20 {
            var offset = 0
            let reader = try ParallelDecompression(workerCount: 2) { buffer in
                let count = min(buffer.count, packed.count - offset)
                buffer.copyBytes(from: packed[offset..<offset + count])
                offset += count
                return count
            }
            var buffer = [UInt8](repeating: 0, count: 100)
            _ = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
        }
    }
}
