import Glibc
import Synchronization
public import SystemPackage

/// Why a lock was not taken.
public enum LockError: Error, Sendable, CustomStringConvertible {
    /// Another process has it; `holder` is the process number it wrote, if it did.
    case busy(FilePath, holder: Int32?)
    /// The lock file may not be opened.
    case permissionDenied(FilePath)
    /// A call on the lock file failed; EINTR when the program was asked to end while it waited.
    case file(FileError)

    /// What happened, with the path.
    public var description: String {
        switch self {
        case .busy(let path, let holder?): "\(path.string) is locked by process \(holder)"
        case .busy(let path, nil): "\(path.string) is locked by another process"
        case .permissionDenied(let path): "Permission denied, unable to access '\(path.string)'"
        case .file(let error): error.description
        }
    }
}

/// An exclusive lock between processes: `flock` on a lock file, held from `acquire` to `release` or the end of its life.
///
/// The kernel drops it when the process dies. The file stays, with the number of its last holder in it.
public final class FileLock: Sendable {
    /// Whether somebody has a lock.
    public enum State: Sendable, Equatable {
        /// Nobody has it; the file may not even exist.
        case free
        /// Somebody has it: the process that wrote its number.
        case held(Int32?)
    }

    /// The lock file.
    public let path: FilePath
    private let descriptor: Mutex<Int32>

    private init(path: FilePath, descriptor: consuming OwnedDescriptor) {
        self.path = path
        self.descriptor = Mutex(descriptor.release().rawValue)
    }

    deinit {
        release()
    }

    /// Takes the lock and writes our process number into the file (made with mode 0600); with `waiting`, as long as it takes.
    public static func acquire(_ path: FilePath, waiting: Bool = false) throws(LockError) -> FileLock {
        while true {
            let file = try open(path)
            let isLocked: Bool
            do throws(FileError) {
                isLocked = try lock(file, waiting: waiting)
                if isLocked {
                    // The clean-up of another process may have removed the file between our open and our lock.
                    guard try isStillNamed(file, path) else { continue }
                    try file.truncate(to: 0)
                    try file.writeAll(Array("\(getpid())\n".utf8))
                }
            } catch {
                unlock(file.raw.rawValue)
                throw .file(error)
            }
            guard isLocked else { throw .busy(path, holder: readHolder(file)) }
            return FileLock(path: path, descriptor: file)
        }
    }

    /// Takes a lock that others mostly have for moments only, as a check of a backup has its; `.busy` after five seconds.
    ///
    /// An error of the file with EINTR when the program was asked to end while it waited.
    public static func acquireSoon(_ path: FilePath) throws(LockError) -> FileLock {
        let end = Interruption.monotonicSeconds + 5
        while true {
            do throws(LockError) {
                return try acquire(path)
            } catch {
                guard case .busy = error, Interruption.monotonicSeconds < end else { throw error }
                guard Interruption.pause(seconds: 0.02) else {
                    throw .file(FileError(call: "flock", path: path, errno: .interrupted))
                }
            }
        }
    }

    /// Runs `body` while the lock is held.
    public static func withLock<Result>(
        _ path: FilePath,
        waiting: Bool = false,
        _ body: () throws -> Result
    ) throws -> Result {
        let lock = try acquire(path, waiting: waiting)
        defer { lock.release() }
        return try body()
    }

    /// Tells whether somebody has the lock, by trying to take it; nothing is written and no file is made.
    public static func state(of path: FilePath) throws(FileError) -> State {
        do throws(FileError) {
            let file = try openForProbe(path)
            guard try lock(file, waiting: false) else { return .held(readHolder(file)) }
            unlock(file.raw.rawValue)
            return .free
        } catch {
            if error.isMissing { return .free }
            throw error
        }
    }

    /// The process that has the lock; nil when nobody has it or its number is not in the file.
    public static func holder(of path: FilePath) throws(FileError) -> Int32? {
        guard case .held(let holder) = try state(of: path) else { return nil }
        return holder
    }

    /// Removes a lock file that nobody holds; returns whether it did.
    @discardableResult
    public static func removeIfFree(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            let file = try openForProbe(path)
            guard try lock(file, waiting: false), try isStillNamed(file, path) else { return false }
            return try FileSystem.unlinkIfPresent(path)
        } catch {
            if error.isMissing { return false }
            throw error
        }
    }

    /// Gives the lock back; the file stays.
    ///
    /// Harmless when called again.
    public func release() {
        descriptor.withLock { number in
            guard number >= 0 else { return }
            Self.unlock(number)
            close(number)
            number = -1
        }
    }

    /// Removes the lock file and gives the lock back.
    public func removeAndRelease() throws(FileError) {
        defer { release() }
        try FileSystem.unlinkIfPresent(path)
    }

    private static func open(_ path: FilePath) throws(LockError) -> OwnedDescriptor {
        do {
            return try OwnedDescriptor(
                opening: path,
                .readWrite,
                options: .create,
                permissions: FilePermissions(rawValue: 0o600)
            )
        } catch  where error.isPermissionDenied {
            throw .permissionDenied(path)
        } catch {
            throw .file(error)
        }
    }

    private static func openForProbe(_ path: FilePath) throws(FileError) -> OwnedDescriptor {
        try OwnedDescriptor(opening: path, .readOnly)
    }

    /// Returns false when somebody else has the lock.
    private static func lock(_ file: borrowing OwnedDescriptor, waiting: Bool) throws(FileError) -> Bool {
        while true {
            if flock(file.raw.rawValue, waiting ? LOCK_EX : LOCK_EX | LOCK_NB) == 0 { return true }
            switch errno {
            case EWOULDBLOCK: return false
            case EINTR where !Interruption.isRequested: continue
            default: throw FileError(call: "flock", path: file.path, errno: Errno(rawValue: errno))
            }
        }
    }

    /// Gives a lock up.
    ///
    /// Closing alone drops it with the last descriptor, of which a child, also one that is just being started, may have a copy.
    private static func unlock(_ number: Int32) {
        _ = flock(number, LOCK_UN)
    }

    private static func isStillNamed(
        _ file: borrowing OwnedDescriptor,
        _ path: FilePath
    ) throws(FileError) -> Bool {
        guard let named = try FileSystem.statusIfPresent(of: path) else { return false }
        return try file.status().isSameFile(as: named)
    }

    private static func readHolder(_ file: borrowing OwnedDescriptor) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 32)
        // The number is for messages only: unreadable is as good as absent.
        let count = buffer.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
        let line = buffer[..<count].prefix { $0 != 0x0A }
        return Int32(String(decoding: line, as: UTF8.self))
    }
}
