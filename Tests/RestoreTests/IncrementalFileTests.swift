import SystemPackage
import Testing
import WAL

@testable import Restore

/// The file of an increment in memory, as PostgreSQL lays it out.
struct IncrementalSample {
    var magic: UInt32 = IncrementalHeader.magic
    var count: UInt32?
    var truncation: UInt32
    var blocks: [UInt32]

    static let page = IncrementalHeader.blockBytes

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for word in [magic, count ?? UInt32(blocks.count), truncation] + blocks {
            withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
        }
        if !blocks.isEmpty { bytes += [UInt8](repeating: 0, count: (Self.page - bytes.count % Self.page) % Self.page) }
        for block in blocks { bytes += [UInt8](repeating: UInt8(truncatingIfNeeded: block &+ 1), count: Self.page) }
        return bytes
    }
}

/// Reads from an array as from a file; `step` is the most that one read gives.
private func reader(
    _ bytes: [UInt8],
    step: Int = .max
) -> (UnsafeMutableRawBufferPointer, Int64) throws -> Int {
    { buffer, offset in
        let start = min(bytes.count, Int(clamping: offset))
        let count = min(buffer.count, bytes.count - start, step)
        buffer.copyBytes(from: bytes[start..<start + count])
        return count
    }
}

private func header(_ bytes: [UInt8], step: Int = .max) throws -> IncrementalHeader {
    try IncrementalHeader(path: "base/5/INCREMENTAL.1", fileBytes: Int64(bytes.count), read: reader(bytes, step: step))
}

@Suite struct IncrementalFileTests {
    @Test func `a sound file is read, in pieces of any size`() throws {
        for blocks in [[], [0], [1, 5, 131_071], Array(0..<3000)] as [[UInt32]] {
            let bytes = IncrementalSample(truncation: 7, blocks: blocks).bytes
            for step in [1, 3, 4, 4096, Int.max] {
                let read = try header(bytes, step: step)
                #expect(read.blocks == blocks && read.truncationBlocks == 7)
                #expect(read.fileBytes == Int64(bytes.count))
                #expect(read.outputBlocks == max(7, (blocks.last ?? 0) + (blocks.isEmpty ? 0 : 1)))
            }
        }
    }

    @Test func `a file that is cut anywhere is an error`() throws {
        let bytes = IncrementalSample(truncation: 9, blocks: [2, 4]).bytes
        let cuts = Array(0..<40) + stride(from: 40, to: bytes.count, by: 977)
        for length in cuts {
            #expect(throws: IncrementalFileError.self, "\(length)") { try header(Array(bytes.prefix(length))) }
        }
        // The length is right, but the contents end earlier.
        #expect(throws: IncrementalFileError.self) {
            try IncrementalHeader(path: "x", fileBytes: Int64(bytes.count), read: reader(Array(bytes.prefix(15))))
        }
    }

    @Test func `a flipped bit in the head is an error or another sound head, never a trap`() throws {
        let bytes = IncrementalSample(truncation: 9, blocks: [2, 4, 1000]).bytes
        var refused = 0
        for bit in 0..<(24 * 8) {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                let read = try header(flipped)
                #expect(bit >= 64, "magic and count are checked")
                #expect(read.outputBlocks <= IncrementalHeader.largestBlockCount)
            } catch is IncrementalFileError {
                refused += 1
            }
        }
        #expect(refused > 64 + 30)
    }

    @Test func `hostile numbers are errors that name the file`() throws {
        let samples = [
            IncrementalSample(magic: 0, truncation: 1, blocks: []),
            IncrementalSample(count: .max, truncation: 1, blocks: []),
            IncrementalSample(count: 131_073, truncation: 1, blocks: []),
            IncrementalSample(count: 3, truncation: 1, blocks: [1, 2]),
            IncrementalSample(count: 1, truncation: 1, blocks: [1, 2]),
            IncrementalSample(truncation: 1, blocks: [131_072]),
            IncrementalSample(truncation: 1, blocks: [.max]),
            IncrementalSample(truncation: 1, blocks: [4, 4]),
            IncrementalSample(truncation: 1, blocks: [5, 4]),
        ]
        for sample in samples {
            let error = #expect(throws: IncrementalFileError.self) { try header(sample.bytes) }
            #expect(error?.description.hasPrefix("base/5/INCREMENTAL.1 is not a sound incremental file: ") == true)
        }
    }

    @Test func `a truncation length beyond a file's end is that of all the file`() throws {
        for truncation in [131_073, 200_000, .max] as [UInt32] {
            let read = try header(IncrementalSample(truncation: truncation, blocks: [3]).bytes)
            #expect(read.truncationBlocks == 131_072 && read.outputBlocks == 131_072)
        }
    }

    @Test func `names are told apart by their prefix`() {
        #expect(FilePath("base/5/INCREMENTAL.16385_vm").withoutIncrementalPrefix == "base/5/16385_vm")
        #expect(FilePath("base/5/16385").withoutIncrementalPrefix == nil)
        #expect(FilePath("base/5/INCREMENTAL.").withoutIncrementalPrefix == nil)
        #expect(FilePath("base/5/1").withIncrementalPrefix == "base/5/INCREMENTAL.1")
    }
}

@Suite struct CombinedFileTests {
    private func increment(_ sample: IncrementalSample) throws -> CombinedFile.Increment {
        let bytes = sample.bytes
        return CombinedFile.Increment(header: try header(bytes)) { buffer, offset in
            let start = Int(offset)
            buffer.copyBytes(from: bytes[start..<start + buffer.count])
        }
    }

    /// The first byte of each block of a combination.
    private func marks(_ samples: [IncrementalSample], full: [UInt8]) throws -> [UInt8] {
        let bytes = full.flatMap { [UInt8](repeating: $0, count: IncrementalSample.page) }
        var last: Int64 = 0
        let source = CombinedFile.Full(sizeBytes: Int64(bytes.count)) { buffer, offset in
            #expect(offset >= last, "the full file is read forward")
            last = offset
            buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
        }
        let combined = CombinedFile(increments: try samples.map { try increment($0) }, full: source)
        var result: [UInt8] = []
        try combined.forEachPiece { piece in
            #expect(piece.count <= 1 << 20)
            result += stride(from: 0, to: piece.count, by: IncrementalSample.page).map { piece[$0] }
        }
        #expect(combined.sizeBytes == Int64(result.count * IncrementalSample.page))
        return result
    }

    @Test func `each block comes from the newest backup that has it`() throws {
        let newest = IncrementalSample(truncation: 6, blocks: [1])
        let older = IncrementalSample(truncation: 6, blocks: [1, 3])
        #expect(try marks([newest, older], full: [100, 101, 102, 103, 104, 105]) == [100, 2, 102, 4, 104, 105])
    }

    @Test func `a file that became shorter and longer again is as long as the newest says`() throws {
        #expect(try marks([IncrementalSample(truncation: 2, blocks: [])], full: [100, 101, 102]) == [100, 101])
        #expect(try marks([IncrementalSample(truncation: 1, blocks: [3])], full: [100, 101, 102]) == [100, 0, 0, 4])
        #expect(try marks([IncrementalSample(truncation: 4, blocks: [])], full: [100]) == [100, 0, 0, 0])
        #expect(try marks([IncrementalSample(truncation: 0, blocks: [])], full: [100]) == [])
    }

    @Test func `what was cut off since does not come back`() throws {
        // Cut to one page before the older increment was made, or before the newest one, and extended again without a trace in WAL.
        let whole = IncrementalSample(truncation: 4, blocks: [])
        let cut = IncrementalSample(truncation: 1, blocks: [])
        #expect(try marks([whole, cut], full: [100, 101, 102, 103]) == [100, 0, 0, 0])
        let older = IncrementalSample(truncation: 4, blocks: [2])
        let newest = IncrementalSample(truncation: 1, blocks: [3])
        #expect(try marks([newest, older], full: [100, 101, 102, 103]) == [100, 0, 0, 4])
    }

    @Test func `long files go in pieces`() throws {
        let blocks = Array(stride(from: UInt32(0), to: 1000, by: 3))
        let full = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let expected = full.indices.map { $0 % 3 == 0 ? UInt8(truncatingIfNeeded: $0 + 1) : full[$0] }
        #expect(try marks([IncrementalSample(truncation: 1000, blocks: blocks)], full: full) == expected)
    }

    @Test func `the label of a combined backup is that of a full one`() {
        let label = BackupLabel(
            "START WAL LOCATION: 0/21000028 (file 1)\nINCREMENTAL FROM LSN: 0/15000028\nINCREMENTAL FROM TLI: 1\n"
        )
        #expect(label.start?.description == "0/21000028" && label.incrementalFrom?.description == "0/15000028")
        #expect(label.combined == Array("START WAL LOCATION: 0/21000028 (file 1)\n".utf8))
    }
}
