import Codecs
import TestWorld
import Testing

struct RoundTripTests {
    @Test(arguments: usableFormats)
    func `what is compressed comes back, whatever its size`(format: CompressionFormat) throws {
        let compressor = try Compressor(format: format, level: .low)
        for count in [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 17] {
            let bytes = sample(count)
            let compressed = try compress(bytes, with: compressor, expectedBytes: Int64(count))
            #expect(CompressionFormat.detect(prefix: compressed) == format)
            #expect(try decompress(compressed) == bytes, "\(count) bytes")
        }
    }

    @Test(arguments: usableFormats)
    func `pieces of any size, on both sides, change nothing`(format: CompressionFormat) throws {
        let bytes = sample(70_000)
        let compressed = try compress(bytes, with: Compressor(format: format), pieceBytes: 777)
        for pieceBytes in [1, 7, 4096] {
            for bufferBytes in [1, 1000, 1 << 20] {
                #expect(try decompress(compressed, pieceBytes: pieceBytes, bufferBytes: bufferBytes) == bytes)
            }
        }
    }

    @Test(arguments: usableFormats)
    func `concatenated streams are one file`(format: CompressionFormat) throws {
        let first = sample(5000)
        let second = sample(3000, seed: 9)
        let both = try compress(first, format) + compress(second, format)
        #expect(try decompress(both) == first + second)
        #expect(try decompress(both, pieceBytes: 1, bufferBytes: 10) == first + second)
    }

    @Test(arguments: usableFormats)
    func `a compressor that failed half way does its next file right`(format: CompressionFormat) throws {
        struct Stop: Error {}
        let compressor = try Compressor(format: format)
        let bytes = sample(3 << 20)
        #expect(throws: Stop.self) {
            var isFirst = true
            try compressor.compress(
                read: { buffer in
                    guard isFirst else { throw Stop() }
                    isFirst = false
                    buffer.copyBytes(from: bytes.prefix(min(buffer.count, bytes.count)))
                    return min(buffer.count, bytes.count)
                },
                write: { _ in }
            )
        }
        #expect(try decompress(compress(bytes, with: compressor)) == bytes)
    }

    @Test(arguments: usableFormats)
    func `noise grows by less than a thousandth`(format: CompressionFormat) throws {
        var state: UInt64 = 7
        let noise = (0..<(1 << 20)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 40)
        }
        let compressed = try compress(noise, format, .low)
        #expect(try decompress(compressed) == noise)
        // bzip2 promises one percent and 600 bytes.
        #expect(compressed.count < noise.count + noise.count / (format == .bzip2 ? 100 : 1000) + 600)
    }

    @Test func `plain data passes through unchanged`() throws {
        for count in [0, 1, 9, 10, 11, 3_000_000] {
            let bytes = sample(count)
            #expect(try decompress(bytes) == bytes)
            #expect(try decompress(bytes.prefix(5000), pieceBytes: 3, bufferBytes: 7) == Array(bytes.prefix(5000)))
        }
    }

    @Test(
        arguments: [
            (CompressionFormat.gzip, "gzip"), (.bzip2, "bzip2"), (.xz, "xz"),
        ]
    )
    func `the tools of the system read ours and we read theirs`(format: CompressionFormat, tool: String) throws {
        try World.with { world in
            let bytes = sample((2 << 20) + 5)
            let ours = world.path("ours")
            try Shell.write(try compress(bytes, format), to: ours)
            try Shell.write(bytes, to: world.path("plain"))
            let back = world.path("back")
            try world.run(["sh", "-c", "\(tool) -dc < \(ours) > \(back)"]).orThrow()
            #expect(try Shell.read(back) == bytes)

            try world.run(["sh", "-c", "\(tool) -c < \(world.path("plain")) > \(world.path("theirs"))"]).orThrow()
            let theirs = try Shell.read(world.path("theirs"))
            #expect(try decompress(theirs) == bytes)
            #expect(try decompress(theirs + theirs, pieceBytes: 5000) == bytes + bytes)
        }
    }

    @Test func `the gzip module of Python, which the reference uses, reads ours`() throws {
        try World.with { world in
            let bytes = sample((3 << 20) + 5)
            try Shell.write(try compress(bytes, .gzip), to: world.path("ours"))
            let script = "import gzip,sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())"
            let back = world.path("back")
            try world.run(["sh", "-c", "python3 -c '\(script)' \(world.path("ours")) > \(back)"]).orThrow()
            #expect(try Shell.read(back) == bytes)
        }
    }
}
