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
        /// By which the caller knows it again.
        let index: Int
        let path: FilePath
        let sizeBytes: Int64
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
        var files: [File] = []
        var bytes: Int64 = 0
    }

    /// Small files are dealt with in groups of at most this size and number.
    private static let groupBytes: Int64 = 8 << 20
    private static let groupFiles = 64
    /// What is read at once; it fits into the cache of a core together with what the checksum needs.
    private static let bufferBytes = 1 << 18

    let progress: ReadProgress

    /// Reads all files; `body` gets what came of each, in no particular order, on the calling thread.
    func run(_ files: [File], _ body: (File, Outcome) throws -> Void) throws {
        let groups = Self.groups(files)
        let total = groups.reduce(0) { $0 &+ $1.bytes }
        try Workers.map(
            groups,
            count: Workers.coreCount,
            window: 256,
            check: {
                try SignalWatch.check()
                progress.show(of: total)
            },
            makeState: { ReadBuffer(Self.bufferBytes) },
            body: { buffer, group in try group.files.map { ($0, try read($0, buffer)) } },
            inOrder: { _, outcomes in
                for (file, outcome) in outcomes { try body(file, outcome) }
            }
        )
    }

    private static func groups(_ files: [File]) -> [Group] {
        var groups: [Group] = []
        var current = Group()
        for file in files.sorted(by: { $0.sizeBytes > $1.sizeBytes }) {
            current.files.append(file)
            current.bytes &+= file.sizeBytes
            if current.bytes >= groupBytes || current.files.count >= groupFiles {
                groups.append(current)
                current = Group()
            }
        }
        return current.files.isEmpty ? groups : groups + [current]
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
