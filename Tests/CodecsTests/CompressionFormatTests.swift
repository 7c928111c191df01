import Codecs
import Testing

struct CompressionFormatTests {
    @Test func `each format is recognised by its first bytes, and nothing by fewer`() {
        for format in CompressionFormat.allCases {
            #expect(CompressionFormat.detect(prefix: format.magic + [1, 2, 3]) == format)
            #expect(CompressionFormat.detect(prefix: format.magic.dropLast()) == nil)
        }
        #expect(CompressionFormat.detect(prefix: []) == nil)
        #expect(CompressionFormat.detect(prefix: [0x10, 0xD1, 2, 0, 1, 0, 0, 0]) == nil)
    }

    @Test func `levels are words or numbers, clamped to what the format knows`() {
        #expect(CodecLevel("medium") == .medium)
        #expect(CodecLevel("7") == .number(7))
        #expect(CodecLevel("much") == nil)
        #expect(CodecLevel.number(99).number(for: .gzip) == 9)
        #expect(CodecLevel.number(-3).number(for: .gzip) == 1)
        #expect(CodecLevel.number(-30).number(for: .zstd) == -22)
        #expect(CodecLevel.number(30).number(for: .lz4) == 16)
        #expect(CodecLevel.medium.number(for: .gzip) == 6)
        #expect(CodecLevel.high.number(for: .xz) == 5)
    }

    @Test func `snappy is recognised and refused in clear words`() {
        #expect(throws: CodecError(.snappy, .unsupported)) { try decompress(CompressionFormat.snappy.magic + [0, 0]) }
        #expect(throws: CodecError(.snappy, .unsupported)) { try Compressor(format: .snappy) }
        #expect(CodecError(.snappy, .unsupported).description == "snappy compression is not supported by this build")
    }
}
