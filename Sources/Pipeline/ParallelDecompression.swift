import Codecs

/// Reads a compressed file as if it were plain, its frames decompressed side by side where they can be told apart.
///
/// A file of one long frame is decompressed by one thread, which reads ahead of the consumer. Belongs to one consumer.
public final class ParallelDecompression {
    /// Longer frames are not held in memory: from there on one thread reads the file.
    static let longestFrameBytes = 8 << 20
    /// The same for what comes out of a frame.
    static let longestPlainBytes = 16 << 20

    private let line: AssemblyLine
    private let team: Team
    private var current: Piece?
    private var position = 0

    /// Starts to read; `source` fills a buffer and returns the number of bytes, 0 at the end.
    public init(
        workerCount: Int = Workers.coreCount,
        source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        let line = AssemblyLine(pieceCount: 2 * max(1, workerCount) + 2)
        self.line = line
        let feeder = Feeder(line: line, source: source)
        // The first thread that comes feeds; when the feed is over it helps.
        team = try Team(threadCount: max(1, workerCount) + 1, job: Job.make { line.work(feeder) })
    }

    deinit {
        line.cancel()
        team.join()
    }

    /// Fills `buffer` from its start and returns the number of bytes; 0 at the end of a complete file.
    ///
    /// Throws when the compressed data is damaged or ends too early.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard !buffer.isEmpty else { return 0 }
        while true {
            if let plain = current?.plain.bytes, position < plain.count {
                let count = min(buffer.count, plain.count - position)
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: plain[position..<position + count]))
                position += count
                return count
            }
            if let used = current.take() { line.reuse(used) }
            position = 0
            current = try line.next()
            if current == nil { return 0 }
        }
    }
}

/// A piece of the file on its way: a frame as it is stored, and what comes out of it.
///
/// `@unchecked Sendable`: it goes from hand to hand, and only who has it touches it.
private final class Piece: @unchecked Sendable {
    let stored = Memory()
    let plain = Memory()
    /// The most that comes out of the frame.
    var mostPlainBytes = 0
}

/// Bytes whose memory is kept for the next ones: fresh memory costs a page fault for every 4 KiB.
private final class Memory {
    private var room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 64)
    private var count = 0

    deinit {
        room.deallocate()
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room[..<count]) }

    /// Forgets what was there: `body` gets room for so many bytes, and returns how many it has filled.
    func fill(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows {
        count = 0
        if room.count < byteCount {
            room.deallocate()
            room = .allocate(byteCount: byteCount, alignment: 64)
        }
        count = try body(UnsafeMutableRawBufferPointer(rebasing: room[..<byteCount]))
    }
}

/// Pieces of a file in their order: put in at one end, decompressed by whoever is free, taken out at the other.
///
/// `@unchecked Sendable`: every access to the variables happens with the monitor held.
private final class AssemblyLine: @unchecked Sendable {
    private let monitor = Monitor()
    private var free: [Piece]
    private var waiting: [(index: Int, piece: Piece, format: CompressionFormat)] = []
    private var done: [Int: Result<Piece, any Error>] = [:]
    private var nextIn = 0
    private var nextOut = 0
    private var isFed = false
    private var hasFeeder = false
    private var isCancelled = false

    /// So many pieces are on their way at most.
    init(pieceCount: Int) {
        free = (0..<pieceCount).map { _ in Piece() }
    }

    /// What each thread does.
    func work(_ feeder: Feeder) {
        let feeds = monitor.locked { () -> Bool in
            defer { hasFeeder = true }
            return !hasFeeder
        }
        if feeds {
            let result = Result { try feeder.run() }
            if case .failure(let error) = result { enter { done[$0] = .failure(error) } }
            monitor.locked {
                isFed = true
                monitor.wakeAll()
            }
        }
        var decompressor: FrameDecompressor?
        while let (index, piece, format) = take() {
            let result = Result {
                let able = try decompressor ?? FrameDecompressor(format)
                decompressor = able
                try piece.plain.fill(piece.mostPlainBytes) { try able.decompress(piece.stored.bytes, into: $0) }
                return piece
            }
            monitor.locked {
                done[index] = result
                monitor.wakeAll()
            }
        }
    }

    /// A piece to fill, as soon as there is one; `nil` when nobody wants it any more.
    func blank() -> Piece? {
        monitor.locked {
            while !isCancelled, free.isEmpty { monitor.wait() }
            return isCancelled ? nil : free.removeLast()
        }
    }

    /// Takes a piece with a frame to decompress.
    func put(_ piece: Piece, _ format: CompressionFormat) {
        enter { waiting.append(($0, piece, format)) }
    }

    /// Takes a piece that is plain already.
    func put(plain piece: Piece) {
        enter { done[$0] = .success(piece) }
    }

    private func enter(_ body: (Int) -> Void) {
        monitor.locked {
            body(nextIn)
            nextIn += 1
            monitor.wakeAll()
        }
    }

    private func take() -> (Int, Piece, CompressionFormat)? {
        monitor.locked {
            while !isCancelled, waiting.isEmpty, !isFed { monitor.wait() }
            guard !isCancelled, !waiting.isEmpty else { return nil }
            let (index, piece, format) = waiting.removeFirst()
            return (index, piece, format)
        }
    }

    /// The next plain piece, to be given back with `reuse`; `nil` at the end.
    func next() throws -> Piece? {
        try monitor.locked { () -> Result<Piece, any Error>? in
            while done[nextOut] == nil {
                if isFed, nextOut == nextIn { return nil }
                monitor.wait()
            }
            defer { nextOut += 1 }
            return done.removeValue(forKey: nextOut)
        }?.get()
    }

    /// Takes a piece back.
    func reuse(_ piece: Piece) {
        monitor.locked {
            free.append(piece)
            monitor.wakeAll()
        }
    }

    func cancel() {
        monitor.locked {
            isCancelled = true
            monitor.wakeAll()
        }
    }
}

/// Cuts a file into frames.
///
/// `@unchecked Sendable`: one thread runs it.
private final class Feeder: @unchecked Sendable {
    private let line: AssemblyLine
    private let source: (UnsafeMutableRawBufferPointer) throws -> Int
    /// Room for the longest frame and one more reading.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: ParallelDecompression.longestFrameBytes + Feeder.readBytes,
        alignment: 4096
    )
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    private static let readBytes = 1 << 20

    init(line: AssemblyLine, source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.line = line
        self.source = source
    }

    deinit {
        buffer.deallocate()
    }

    private var unread: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[start..<end]) }

    func run() throws {
        while !isAtEnd, unread.count < CompressionFormat.longestMagicBytes { try refill() }
        guard let format = CompressionFormat.detect(prefix: unread) else { return try readToEnd(nil) }
        var isFollowed = false
        while true {
            if unread.isEmpty, !isAtEnd { try refill() }
            guard !unread.isEmpty else {
                if isFollowed { throw CodecError(format, .truncated) }
                return
            }
            guard let frame = try nextFrame(format) else { return try readToEnd(format) }
            guard let piece = line.blank() else { return }
            piece.mostPlainBytes = frame.plainBytes
            piece.stored.fill(frame.sizeBytes) { frame.cut(from: unread, into: $0) }
            start += frame.sizeBytes
            isFollowed = frame.isFollowed
            line.put(piece, format)
        }
    }

    /// The next frame, which is wholly there; `nil` when where it ends cannot be told, or it is too long.
    private func nextFrame(_ format: CompressionFormat) throws -> CompressedFrame? {
        while true {
            switch CompressedFrame.find(format, in: unread) {
            case .frame(let frame):
                let isShort =
                    frame.sizeBytes <= ParallelDecompression.longestFrameBytes
                    && frame.plainBytes <= ParallelDecompression.longestPlainBytes
                return isShort ? frame : nil
            case .incomplete:
                guard !isAtEnd, unread.count < ParallelDecompression.longestFrameBytes else { return nil }
                try refill()
            case .unknown:
                return nil
            }
        }
    }

    /// One thread reads what is left.
    private func readToEnd(_ format: CompressionFormat?) throws {
        let reader = try DecompressingReader(assuming: format) { [self] room in
            guard unread.isEmpty else {
                let count = min(room.count, unread.count)
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: unread[..<count]))
                start += count
                return count
            }
            return isAtEnd ? 0 : try source(room)
        }
        while let piece = line.blank() {
            try piece.plain.fill(DecompressingReader.preferredBytes) { try reader.readFully(into: $0) }
            guard !piece.plain.bytes.isEmpty else { return }
            line.put(plain: piece)
        }
    }

    /// Moves what is left to the front and reads more behind it.
    private func refill() throws {
        if start > 0 {
            buffer.copyMemory(from: unread)
            end -= start
            start = 0
        }
        let count = try source(UnsafeMutableRawBufferPointer(rebasing: buffer[end..<end + Self.readBytes]))
        isAtEnd = count == 0
        end += count
    }
}
