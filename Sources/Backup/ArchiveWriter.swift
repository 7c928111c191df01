import Codecs
import Files
import Pipeline
import SystemPackage

/// Writes one archive: its bytes are cut into blocks, the blocks compressed on several threads, the results written in order.
///
/// Each block becomes a frame of its own, so that a restore can decompress them side by side. Used by one thread.
final class ArchiveWriter {
    /// A block and what became of it.
    ///
    /// `@unchecked Sendable`: it goes from hand to hand, and only who has it touches it.
    private final class Block: @unchecked Sendable {
        let input: UnsafeMutableRawBufferPointer
        var filledBytes = 0
        var isFollowed = true
        var output: [UInt8] = []

        init(byteCount: Int) { input = .allocate(byteCount: byteCount, alignment: 4096) }
        deinit { input.deallocate() }

        var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: input[..<filledBytes]) }
    }

    /// How blocks become frames.
    struct Compression {
        let format: CompressionFormat
        let level: CodecLevel
        /// Threads; `nil` for all cores.
        let workers: Int?

        /// What gzip's members hold is fixed; the others find more to save in larger frames.
        var blockBytes: Int { format == .gzip ? 1 << 20 : 2 << 20 }
        var workerCount: Int { min(ArchiveWriter.mostWorkers, max(1, workers ?? Workers.coreCount)) }
    }

    private let output: ArchiveOutput
    private let free: BoundedQueue<Block>
    /// The queues to each compressing thread, dealt to in turn.
    private let before: [BoundedQueue<Block>]
    /// The queues from each of them, taken from in the same turn: so the order is kept.
    private let after: [BoundedQueue<Block>]
    private let crew: Crew
    private var turn = 0
    private var block: Block?
    private let check: () throws -> Void

    /// With more the blocks would take more memory than a backup may have.
    static let mostWorkers = 8

    /// Starts the threads; `check` is called several times a second while it waits for them.
    init(_ output: ArchiveOutput, compression: Compression?, check: @escaping () throws -> Void) throws {
        let workerCount = compression?.workerCount ?? 1
        let free = BoundedQueue<Block>(limit: .max)
        let before = (0..<workerCount).map { _ in BoundedQueue<Block>(limit: .max) }
        // Without compression the blocks go straight to the writer.
        let after = compression == nil ? before : (0..<workerCount).map { _ in BoundedQueue<Block>(limit: .max) }
        self.output = output
        self.free = free
        self.before = before
        self.after = after
        self.check = check
        crew = Crew(onFailure: { Self.cancel(before + after, free) })
        for _ in 0..<workerCount * 2 + 2 { free.put(Block(byteCount: compression?.blockBytes ?? 1 << 20)) }
        do {
            if let compression {
                for (source, target) in zip(before, after) {
                    try crew.start { try Self.compress(compression, from: source, to: target) }
                }
            }
            try crew.start { try Self.write(from: after, to: output, free) }
        } catch {
            abandon()
            throw error
        }
    }

    /// Adds bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let block = try current()
            let count = min(block.input.count - block.filledBytes, rest.count)
            UnsafeMutableRawBufferPointer(rebasing: block.input[block.filledBytes..<block.filledBytes + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            block.filledBytes += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes what is left and ends the file, which is not synced yet; throws the first error of any thread.
    func finish() throws {
        let last = try current(orNewWhenFull: false)
        last.isFollowed = false
        send(last)
        for queue in before { queue.close() }
        crew.join()
        try failureOfOutput { try crew.check() }
        try output.finish()
    }

    /// Drops what is not written and ends the threads.
    func abandon() {
        Self.cancel(before + after, free)
        output.abandon()
        crew.join()
    }

    private static func cancel(_ queues: [BoundedQueue<Block>], _ free: BoundedQueue<Block>) {
        for queue in queues { queue.cancel() }
        free.cancel()
    }

    /// A block with room; one that is full is sent off only when there is more to come.
    private func current(orNewWhenFull: Bool = true) throws -> Block {
        if let block, !orNewWhenFull || block.filledBytes < block.input.count { return block }
        if let block { send(block) }
        guard let next = try free.take(check: check) else {
            try failureOfOutput { try crew.check() }
            throw WriterStopped()
        }
        next.filledBytes = 0
        next.isFollowed = true
        next.output.removeAll(keepingCapacity: true)
        block = next
        return next
    }

    /// Lets a failure of the output's own program speak instead of ours to write to it.
    private func failureOfOutput(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw output.reason(for: error)
        }
    }

    private func send(_ block: Block) {
        self.block = nil
        before[turn].put(block)
        turn = (turn + 1) % before.count
    }

    // MARK: Threads

    private static func compress(
        _ compression: Compression,
        from source: BoundedQueue<Block>,
        to target: BoundedQueue<Block>
    ) throws {
        let compressor = try Compressor(format: compression.format, level: compression.level)
        while let block = source.take() {
            try compressor.compressFrame(block.contents, isFollowed: block.isFollowed) { bytes in
                block.output.append(contentsOf: bytes)
            }
            target.put(block)
        }
        target.close()
    }

    private static func write(
        from queues: [BoundedQueue<Block>],
        to output: ArchiveOutput,
        _ free: BoundedQueue<Block>
    ) throws {
        var turn = 0
        while let block = queues[turn].take() {
            if block.output.isEmpty {
                try output.write(block.contents)
            } else {
                try block.output.withUnsafeBytes { try output.write($0) }
            }
            free.put(block)
            turn = (turn + 1) % queues.count
        }
    }
}
