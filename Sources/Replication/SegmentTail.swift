/// The end of what has arrived of a segment, as it will be in the file: whole blocks, with zeros behind the last byte.
///
/// What has been written already is kept to the start of its last block, so that this block can be written again with what follows.
struct SegmentTail: ~Copyable {
    /// A multiple of what file systems ask of writes around the page cache.
    private static let blockByteCount = 4096
    private static let byteCount = 17 * blockByteCount

    private let memory: UnsafeMutableRawBufferPointer
    /// Where in the segment the memory begins: at a block.
    private var start: Int64 = 0
    /// The first byte that is not in the file yet.
    private(set) var firstUnwritten: Int64 = 0
    /// Where the next byte belongs.
    private(set) var end: Int64 = 0

    init() {
        memory = .allocate(byteCount: Self.byteCount, alignment: Self.blockByteCount)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { memory.deallocate() }

    /// True when nothing waits to be written.
    var isEmpty: Bool { firstUnwritten == end }

    /// So much more can be taken.
    var roomByteCount: Int { Self.byteCount - Int(end - start) }

    /// What waits to be written, from `firstUnwritten` on.
    var unwritten: UnsafeRawBufferPointer { bytes(firstUnwritten..<end) }

    /// Where `blocks` begins.
    var firstBlock: Int64 { Self.block(firstUnwritten) }

    /// The whole blocks with what waits to be written.
    var blocks: UnsafeRawBufferPointer { bytes(firstBlock..<Self.block(end + Int64(Self.blockByteCount) - 1)) }

    /// Begins anew, with nothing known of what is before this offset.
    mutating func restart(at offset: Int64) {
        clear()
        (start, firstUnwritten, end) = (Self.block(offset), offset, offset)
    }

    /// Takes what follows; there must be room.
    mutating func append(_ more: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: memory[Int(end - start)...]).copyMemory(from: more)
        end += Int64(more.count)
    }

    /// Takes note that what waited is in the file.
    mutating func setWritten() {
        let newStart = Self.block(end)
        if newStart != start {
            let last = bytes(newStart..<end)
            memory.copyMemory(from: last)
            clear(from: last.count)
            start = newStart
        }
        firstUnwritten = end
    }

    /// Takes note that these bytes, more than a block, follow and are in the file, with all before them.
    mutating func skip(_ more: UnsafeRawBufferPointer) {
        clear()
        end += Int64(more.count)
        (start, firstUnwritten) = (Self.block(end), end)
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: more.suffix(Int(end - start))))
    }

    private func bytes(_ range: Range<Int64>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[Int(range.lowerBound - start)..<Int(range.upperBound - start)])
    }

    /// Makes zeros of what was in use, from there on.
    private func clear(from offset: Int = 0) {
        let used = Int(end - start)
        guard offset < used else { return }
        UnsafeMutableRawBufferPointer(rebasing: memory[offset..<used]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    private static func block(_ offset: Int64) -> Int64 { offset & ~Int64(blockByteCount - 1) }
}
