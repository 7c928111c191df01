import Files
import Pipeline
import Processes
import Synchronization
import SystemPackage

/// Writes out what a copy has brought so far while the copy goes on, so that the sync at its end finds little left to do.
///
/// It proves nothing: that sync alone says what is durable. Belongs to one thread.
final class EarlySync {
    private let worker: OnDemandWorker
    private let failure: Failures
    private let periodSeconds: Double
    private var lastSeconds = Interruption.monotonicSeconds

    private final class Failures: Sendable {
        let first = Mutex<FileError?>(nil)
    }

    /// Prepares to write out the file system of a directory; nothing happens before the first `tick`.
    ///
    /// When that fails the copies in the directories `doubting` are marked at once: what was told once may not be told again.
    convenience init(of directory: FilePath, doubting copies: [FilePath]) throws(FileError) {
        // A descriptor of its own: an error that it is told will be told to the one of the sync at the end as well.
        let fileSystem = try WholeFileSystem(of: directory)
        self.init { () throws(FileError) in
            do throws(FileError) {
                try fileSystem.syncEarly()
            } catch {
                // That the mark cannot be written changes nothing: the failure is told, and the copy ends.
                for copy in copies { try? CopyMark.doubt(in: copy) }
                throw error
            }
        }
    }

    /// Prepares to call `write` beside the copy, not more often than once in a period.
    init(periodSeconds: Double = 1, write: @escaping @Sendable () throws(FileError) -> Void) {
        self.periodSeconds = periodSeconds
        let failure = Failures()
        self.failure = failure
        worker = OnDemandWorker(isModest: true) {
            do throws(FileError) {
                try write()
            } catch {
                failure.first.withLock { $0 = $0 ?? error }
            }
        }
    }

    /// To be called often; now and then it begins to write, without waiting.
    ///
    /// Throws when something could not be written.
    func tick() throws(FileError) {
        try check()
        let now = Interruption.monotonicSeconds
        guard now - lastSeconds >= periodSeconds else { return }
        lastSeconds = now
        worker.wake()
    }

    /// Waits for what was begun; throws when something could not be written.
    func end() throws(FileError) {
        worker.end()
        try check()
    }

    private func check() throws(FileError) {
        if let error = failure.first.withLock({ $0 }) { throw error }
    }
}
