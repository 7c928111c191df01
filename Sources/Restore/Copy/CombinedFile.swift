import Files
import SystemPackage

/// A file put together from the newest copy of each of its blocks over a chain of backups.
///
/// The newest increment says how long the file is. A block comes from the newest increment that has it, otherwise from the
/// full file; one that nobody has is zeros, as when PostgreSQL extends a file. Each increment also says how much of what is
/// older still counts: what was cut off stays so when the file grows again.
struct CombinedFile {
    /// An increment, and where its blocks can be read.
    struct Increment {
        let header: IncrementalHeader
        /// Fills a buffer from an offset in the incremental file, all of it or an error.
        let read: (UnsafeMutableRawBufferPointer, Int64) throws -> Void
    }

    /// The full file: read from front to back only, with gaps.
    struct Full {
        let sizeBytes: Int64
        /// Fills a buffer from an offset, all of it or an error.
        let read: (UnsafeMutableRawBufferPointer, Int64) throws -> Void
    }

    /// Blocks that follow one another in the file and in their source.
    private struct Run {
        /// The number of an increment, the full file, or nobody.
        let source: UInt16
        /// Where in the source: a block of the full file, or the place in an increment's list.
        let position: UInt32
        var count: UInt32
    }

    private static let nobody = UInt16.max
    private static let full = UInt16.max - 1
    /// What is read at once.
    private static let pieceBlocks = UInt32(CopyPiece.byteCount / IncrementalHeader.blockBytes)

    private let increments: [Increment]
    private let full: Full
    private let runs: [Run]
    /// The length of the file.
    let sizeBytes: Int64

    /// Puts the sources in order; `increments` has the newest first and at least one.
    init(increments: [Increment], full: Full) {
        self.increments = increments
        self.full = full
        let blockCount = Int(increments.first?.header.outputBlocks ?? 0)
        sizeBytes = Int64(blockCount) * Int64(IncrementalHeader.blockBytes)
        var sources = [UInt16](repeating: Self.nobody, count: blockCount)
        var positions = [UInt32](repeating: 0, count: blockCount)
        var kept = blockCount
        for (number, increment) in increments.enumerated() {
            for (place, block) in increment.header.blocks.enumerated() {
                guard block < kept, sources[Int(block)] == Self.nobody else { continue }
                sources[Int(block)] = UInt16(clamping: number)
                positions[Int(block)] = UInt32(place)
            }
            kept = min(kept, Int(increment.header.truncationBlocks))
        }
        let there = Int(clamping: full.sizeBytes / Int64(IncrementalHeader.blockBytes))
        for block in 0..<min(kept, there) where sources[block] == Self.nobody {
            sources[block] = Self.full
            positions[block] = UInt32(block)
        }
        runs = Self.runs(sources, positions)
    }

    private static func runs(_ sources: [UInt16], _ positions: [UInt32]) -> [Run] {
        var runs: [Run] = []
        for index in sources.indices {
            if let last = runs.last, last.source == sources[index], last.count < pieceBlocks,
                last.source == nobody || last.position + last.count == positions[index]
            {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(source: sources[index], position: positions[index], count: 1))
            }
        }
        return runs
    }

    /// True when the file is the full one, byte for byte.
    var isUnchanged: Bool {
        sizeBytes == full.sizeBytes && runs.allSatisfy { $0.source == Self.full }
    }

    /// Hands the contents out from front to back, piece by piece.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = CopyPiece.allocate()
        defer { buffer.deallocate() }
        var pending = 0
        for run in runs {
            let bytes = Int(run.count) * IncrementalHeader.blockBytes
            if pending + bytes > buffer.count {
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<pending]))
                pending = 0
            }
            try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[pending..<pending + bytes]), run)
            pending += bytes
        }
        if pending > 0 { try body(UnsafeRawBufferPointer(rebasing: buffer[..<pending])) }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ run: Run) throws {
        let offset = Int64(run.position) * Int64(IncrementalHeader.blockBytes)
        switch run.source {
        case Self.nobody: buffer.initializeMemory(as: UInt8.self, repeating: 0)
        case Self.full: try full.read(buffer, offset)
        default:
            let increment = increments[Int(run.source)]
            try increment.read(buffer, Int64(increment.header.headerBytes) + offset)
        }
    }
}

extension OwnedDescriptor {
    /// Fills a buffer from an offset; a file that ends before is an error.
    borrowing func readExactly(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        var filled = 0
        while filled < buffer.count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try read(into: piece, at: offset + Int64(filled))
            guard count > 0 else { throw FileError(call: "pread", path: path, errno: .ioError) }
            filled += count
        }
    }
}
