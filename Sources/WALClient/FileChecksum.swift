import Codecs
import Files
import Pipeline
import Synchronization
import SystemPackage

/// The checksum of an open file, computed by a thread of its own from the start: while the backup host gets ready and the file is sent.
final class FileChecksum: Sendable {
    private let work: Work
    private let worker: OnDemandWorker

    /// Begins with the first `sizeBytes` of a file, whose position stays, once the `earlier` checksum is there: the files
    /// are sent in this order, and ssh needs the processor too.
    init(
        _ algorithm: ChecksumAlgorithm,
        of file: borrowing OwnedDescriptor,
        sizeBytes: Int64,
        after earlier: FileChecksum?
    ) throws(FileError) {
        let work = Work(
            algorithm,
            try OwnedDescriptor(duplicating: file.raw, path: file.path),
            sizeBytes: sizeBytes
        )
        self.work = work
        let earlierWork = earlier?.work
        worker = OnDemandWorker {
            earlierWork?.finish()
            work.finish()
        }
        worker.wake()
    }

    deinit {
        // The thread is waited for, not its work: nobody asks for the rest of a gigabyte when ssh is gone.
        work.isWanted.store(false, ordering: .relaxed)
    }

    /// The checksum, once it is there; a file that has become shorter is an error.
    func hexadecimal() throws(FileError) -> String {
        worker.end()
        // A thread that had not begun yet does not begin any more.
        work.finish()
        return try work.result.withLock { $0 ?? .failure(work.tooShort) }.get()
    }

    /// What the thread does, once.
    private final class Work: Sendable {
        let result = Mutex<Result<String, FileError>?>(nil)
        let isWanted = Atomic(true)
        private let algorithm: ChecksumAlgorithm
        private let file: OwnedDescriptor
        private let sizeBytes: Int64

        init(_ algorithm: ChecksumAlgorithm, _ file: consuming OwnedDescriptor, sizeBytes: Int64) {
            self.algorithm = algorithm
            self.file = file
            self.sizeBytes = sizeBytes
        }

        var tooShort: FileError { FileError(call: "read", path: file.path, errno: .ioError) }

        func finish() {
            result.withLock { result in
                guard result == nil else { return }
                do throws(FileError) {
                    result = .success(try checksum())
                } catch {
                    result = .failure(error)
                }
            }
        }

        private func checksum() throws(FileError) -> String {
            var checksum = Checksum(algorithm)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
            defer { buffer.deallocate() }
            var offset: Int64 = 0
            while offset < sizeBytes {
                let wanted = Int(min(sizeBytes - offset, Int64(buffer.count)))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
                let count = try file.read(into: piece, at: offset)
                guard count > 0, isWanted.load(ordering: .relaxed) else { throw tooShort }
                checksum.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
                offset += Int64(count)
            }
            return checksum.hexadecimal()
        }
    }
}
