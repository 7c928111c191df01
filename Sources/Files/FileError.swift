import Glibc
public import SystemPackage

/// A file system call that failed: which call, on what, and why.
///
/// Its description is the one of the reference's messages: `[Errno 2] No such file or directory: '/x'`.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system call, `open` for example.
    public let call: String
    /// What it was made on.
    public let path: FilePath
    /// The other path of a call with two: where a rename or link leads to.
    public let destination: FilePath?
    /// Why it failed.
    public let errno: Errno

    /// Makes an error from its facts.
    public init(call: String, path: FilePath, destination: FilePath? = nil, errno: Errno) {
        self.call = call
        self.path = path
        self.destination = destination
        self.errno = errno
    }

    /// The words for the errno alone: `No such file or directory`.
    public var reason: String {
        guard let text = strerror(errno.rawValue) else { return "Unknown error \(errno.rawValue)" }
        return String(cString: text)
    }

    /// The errno, its words and the path, as Python writes an OSError.
    public var description: String {
        let subject = "[Errno \(errno.rawValue)] \(reason): \(path.quoted)"
        guard let destination else { return subject }
        return "\(subject) -> \(destination.quoted)"
    }

    /// True when the path, or a directory on the way to it, is not there.
    public var isMissing: Bool {
        errno == .noSuchFileOrDirectory || errno == .notDirectory
    }

    /// True when the account may not do this.
    public var isPermissionDenied: Bool {
        errno == .permissionDenied || errno == .notPermitted
    }
}
