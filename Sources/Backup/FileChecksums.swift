import Codecs
import Failure
import Files
import Pipeline
import Processes
import Synchronization
import SystemPackage

/// Computes the checksums of many files on all cores: large files first, so that no core waits for the last one.
struct FileChecksums: Sendable {
    /// A file to read.
    struct File: Sendable {
        let path: FilePath
        /// The name of an algorithm as manifests have it.
        let algorithm: String
    }

    /// What came of a file.
    enum Outcome: Sendable {
        /// Its checksum, nil for the algorithm `NONE`, over so many bytes.
        case checksum(String?, readBytes: Int64)
        /// Nobody knows that algorithm.
        case unknownAlgorithm
        /// It could not be read.
        case failed(FileError)
    }

    private struct Group: Sendable {
        var numbers: [Int] = []
        var bytes: Int64 = 0
    }

    /// Small files are dealt with in groups of at most this size and number.
    private static let groupBytes: Int64 = 8 << 20
    private static let groupFiles = 64
    /// What is read at once; it fits into the cache of a core together with what the checksum needs.
    private static let bufferBytes = 1 << 18

    let progress: ReadProgress

    /// Reads all files, each of them known by a number.
    ///
    /// `file` tells on any thread which one it is, when its turn comes: so a million of them need little memory. `body` gets what
    /// came of each, in no particular order, on the calling thread.
    func run(
        _ sizes: some Sequence<(Int, Int64)>,
        file: @Sendable (Int) -> File,
        body: (Int, Outcome) throws -> Void
    ) throws {
        var total: Int64 = 0
        var groups: [Group] = []
        var small = Group()
        for (number, size) in sizes {
            total &+= size
            guard size < Self.groupBytes else {
                groups.append(Group(numbers: [number], bytes: size))
                continue
            }
            small.numbers.append(number)
            small.bytes &+= size
            if small.bytes >= Self.groupBytes || small.numbers.count >= Self.groupFiles {
                groups.append(small)
                small = Group()
            }
        }
        if !small.numbers.isEmpty { groups.append(small) }
        groups.sort { $0.bytes > $1.bytes }
        try Workers.map(
            groups,
            count: Workers.coreCount,
            window: 256,
            check: {
                try SignalWatch.check()
                progress.show(of: total)
            },
            makeState: { ReadBuffer(Self.bufferBytes) },
            body: { buffer, group in try group.numbers.map { ($0, try read(file($0), buffer)) } },
            inOrder: { _, outcomes in
                for (number, outcome) in outcomes { try body(number, outcome) }
            }
        )
    }

    private func read(_ file: File, _ buffer: ReadBuffer) throws -> Outcome {
        guard var digest = ManifestChecksum(algorithm: file.algorithm) else { return .unknownAlgorithm }
        var readBytes: Int64 = 0
        do {
            let input = try OwnedDescriptor(opening: file.path, options: .noFollow)
            input.expectSequentialReading()
            while case let count = try input.read(into: buffer.bytes), count > 0 {
                try SignalWatch.check()
                digest.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
                progress.add(count)
                readBytes += Int64(count)
            }
        } catch let error as FileError {
            return .failed(error)
        }
        return .checksum(digest.hexadecimal(), readBytes: readBytes)
    }
}

/// Memory that a thread reads into, file after file.
final class ReadBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
    }

    deinit { bytes.deallocate() }
}

/// Shows how much has been read; any thread may add to it.
final class ReadProgress: Sendable {
    private let reporter: any Reporter
    private let label: String
    private let count = Atomic<Int64>(0)

    init(_ label: String, _ reporter: any Reporter) {
        self.label = label
        self.reporter = reporter
    }

    func add(_ bytes: Int) { count.wrappingAdd(Int64(bytes), ordering: .relaxed) }

    /// To be called now and then by the thread that waits.
    func show(of total: Int64) {
        let done = count.load(ordering: .relaxed)
        reporter.progress(ProgressUpdate(label: label, doneBytes: done, totalBytes: max(total, done)))
    }

    func finish() {
        let done = count.load(ordering: .relaxed)
        reporter.progress(ProgressUpdate(label: label, doneBytes: done, totalBytes: done, isFinished: true))
    }
}
