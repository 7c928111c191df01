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
    private var current: [UInt8] = []
    private var position = 0

    /// Starts to read; `source` fills a buffer and returns the number of bytes, 0 at the end.
    public init(
        workerCount: Int = Workers.coreCount,
        source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws {
        let line = AssemblyLine(window: 2 * max(1, workerCount) + 2)
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
        while position == current.count {
            guard let next = try line.next() else { return 0 }
            current = next
            position = 0
        }
        let count = min(buffer.count, current.count - position)
        current.withUnsafeBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
        }
        position += count
        return count
    }
}

/// Pieces of a file in their order: put in at one end, decompressed by whoever is free, taken out at the other.
///
/// `@unchecked Sendable`: every access to the variables happens with the monitor held.
private final class AssemblyLine: @unchecked Sendable {
    private let monitor = Monitor()
    private let window: Int
    private var waiting: [(index: Int, format: CompressionFormat, frame: [UInt8])] = []
    private var done: [Int: Result<[UInt8], any Error>] = [:]
    private var nextIn = 0
    private var nextOut = 0
    private var isFed = false
    private var hasFeeder = false
    private var isCancelled = false

    init(window: Int) {
        self.window = window
    }

    /// What each thread does.
    func work(_ feeder: Feeder) {
        let feeds = monitor.locked { () -> Bool in
            defer { hasFeeder = true }
            return !hasFeeder
        }
        if feeds {
            let result = Result { try feeder.run() }
            if case .failure(let error) = result { _ = put(.failure(error)) }
            monitor.locked {
                isFed = true
                monitor.wakeAll()
            }
        }
        while let (index, format, frame) = take() {
            let plain = Result { try Self.plain(frame, format) }
            monitor.locked {
                done[index] = plain
                monitor.wakeAll()
            }
        }
    }

    /// Takes a frame to decompress; returns false when nobody wants it any more.
    func put(_ frame: [UInt8], _ format: CompressionFormat) -> Bool {
        enter { index in waiting.append((index, format, frame)) }
    }

    /// Takes what is plain already; returns false when nobody wants it any more.
    func put(_ plain: Result<[UInt8], any Error>) -> Bool {
        enter { index in done[index] = plain }
    }

    private func enter(_ body: (Int) -> Void) -> Bool {
        monitor.locked {
            while !isCancelled, nextIn >= nextOut + window { monitor.wait() }
            guard !isCancelled else { return false }
            body(nextIn)
            nextIn += 1
            monitor.wakeAll()
            return true
        }
    }

    private func take() -> (Int, CompressionFormat, [UInt8])? {
        monitor.locked {
            while !isCancelled, waiting.isEmpty, !isFed { monitor.wait() }
            guard !isCancelled, !waiting.isEmpty else { return nil }
            let (index, format, frame) = waiting.removeFirst()
            return (index, format, frame)
        }
    }

    /// The next plain piece; `nil` at the end.
    func next() throws -> [UInt8]? {
        try monitor.locked { () -> Result<[UInt8], any Error>? in
            while done[nextOut] == nil {
                if isFed, nextOut == nextIn { return nil }
                monitor.wait()
            }
            defer {
                nextOut += 1
                monitor.wakeAll()
            }
            return done.removeValue(forKey: nextOut)
        }?.get()
    }

    func cancel() {
        monitor.locked {
            isCancelled = true
            monitor.wakeAll()
        }
    }

    /// The contents of one frame; whatever the frame says, it is not let grow beyond what was allowed.
    private static func plain(_ frame: [UInt8], _ format: CompressionFormat) throws -> [UInt8] {
        var offset = 0
        let reader = try DecompressingReader { buffer in
            let count = min(buffer.count, frame.count - offset)
            buffer.copyBytes(from: frame[offset..<offset + count])
            offset += count
            return count
        }
        var plain: [UInt8] = []
        while plain.count <= ParallelDecompression.longestPlainBytes {
            let size = min(max(plain.count, DecompressingReader.preferredBytes), 4 << 20)
            let piece = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = try reader.readFully(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if plain.isEmpty { plain = piece } else { plain += piece }
            if piece.count < size { return plain }
        }
        throw CodecError(format, .corrupt("a frame holds more than it says"))
    }
}

/// Cuts a file into frames.
///
/// `@unchecked Sendable`: one thread runs it.
private final class Feeder: @unchecked Sendable {
    private let line: AssemblyLine
    private let source: (UnsafeMutableRawBufferPointer) throws -> Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    init(line: AssemblyLine, source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.line = line
        self.source = source
    }

    func run() throws {
        while !isAtEnd, buffer.count < CompressionFormat.longestMagicBytes { try refill() }
        guard let format = CompressionFormat.detect(prefix: buffer) else { return try readToEnd(nil) }
        var isFollowed = false
        while true {
            if start == buffer.count, !isAtEnd { try refill() }
            guard start < buffer.count else {
                if isFollowed { throw CodecError(format, .truncated) }
                return
            }
            guard let (frame, goesOn) = try nextFrame(format) else { return try readToEnd(format) }
            isFollowed = goesOn
            guard line.put(frame, format) else { return }
        }
    }

    /// The next frame; `nil` when where it ends cannot be told, or it is too long.
    private func nextFrame(_ format: CompressionFormat) throws -> (bytes: [UInt8], isFollowed: Bool)? {
        while true {
            let finding = buffer.withUnsafeBytes { bytes in
                CompressedFrame.find(format, in: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            }
            switch finding {
            case .frame(let frame):
                guard frame.sizeBytes <= ParallelDecompression.longestFrameBytes,
                    frame.plainBytes <= ParallelDecompression.longestPlainBytes
                else { return nil }
                defer { start += frame.sizeBytes }
                let bytes = buffer.withUnsafeBytes { bytes in
                    frame.cut(from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
                }
                return (bytes, frame.isFollowed)
            case .incomplete:
                guard !isAtEnd, buffer.count - start < ParallelDecompression.longestFrameBytes else { return nil }
                try refill()
            case .unknown:
                return nil
            }
        }
    }

    /// One thread reads what is left.
    private func readToEnd(_ format: CompressionFormat?) throws {
        let reader = try DecompressingReader(assuming: format) { [self] room in
            if start < buffer.count {
                let count = min(room.count, buffer.count - start)
                room.copyBytes(from: buffer[start..<start + count])
                start += count
                return count
            }
            return isAtEnd ? 0 : try source(room)
        }
        while true {
            let piece = try [UInt8](unsafeUninitializedCapacity: DecompressingReader.preferredBytes) { room, count in
                count = try reader.readFully(into: UnsafeMutableRawBufferPointer(room))
            }
            guard !piece.isEmpty, line.put(.success(piece)) else { return }
        }
    }

    private func refill() throws {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        let more = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { room, count in
            count = try source(UnsafeMutableRawBufferPointer(room))
        }
        isAtEnd = more.isEmpty
        buffer += more
    }
}
