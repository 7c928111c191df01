public import Files
import Glibc
public import SystemPackage

/// An unfinished segment in somebody's hands: a lock on the open file, which ends with whoever has it.
///
/// The receiver has it while it writes the file, the archiver while it takes the file away, so that neither does so under the hands
/// of the other. pg_receivewal has none, and where a file system knows no such locks everybody gets one.
public final class SegmentHold: Sendable {
    private let file: OwnedDescriptor?

    private init(_ file: consuming OwnedDescriptor?) {
        self.file = file
    }

    /// Takes a file into our hands without waiting; `nil` when it is in others', or not there.
    public static func take(_ path: FilePath) throws(FileError) -> SegmentHold? {
        do throws(FileError) {
            // Some network file systems lock only what may be written.
            let file = try OwnedDescriptor(opening: path, .readWrite, options: .nonBlocking)
            // What has another file in its place is as good as gone.
            guard try file.tryHold(), try file.isStill(at: path) else { return nil }
            return SegmentHold(file)
        } catch {
            if error.isMissing { return nil }
            // A receiver cannot write it either.
            if error.isPermissionDenied { return SegmentHold(nil) }
            throw error
        }
    }
}

extension OwnedDescriptor {
    /// How long an archiver may need for the files that it has in hand.
    private static var patienceSeconds: Double { 10 }

    /// Takes the open file into our hands; false when it is in others'.
    fileprivate borrowing func tryHold() throws(FileError) -> Bool {
        do throws(FileError) {
            return try tryLock()
        } catch {
            switch error.errno {
            case .noLocks, .notSupported, .noFunction: return true
            default: throw error
            }
        }
    }

    /// Whether that path leads to the open file.
    borrowing func isStill(at path: FilePath) throws(FileError) -> Bool {
        guard let named = try FileSystem.statusIfPresent(of: path) else { return false }
        return try status().isSameFile(as: named)
    }

    /// Takes the open file into our hands, and waits for the archiver if it has it; an error (EAGAIN) when that takes too long.
    borrowing func hold() throws(FileError) {
        let end = Interruption.monotonicSeconds + Self.patienceSeconds
        while try !tryHold() {
            guard Interruption.monotonicSeconds < end, Interruption.pause(seconds: 0.02) else {
                throw FileError(call: "flock", path: path, errno: .wouldBlock)
            }
        }
    }
}
