import Codecs
import Failure
import Files
import Processes
import SystemPackage

/// Turns errors from below into what the user sees.
enum ArchiveFailure {
    /// A failure for what is foreseen; what ends the program on purpose stays what it is.
    static func named(_ error: any Error) -> any Error {
        switch error {
        case is Failure, is SignalWatch.Interrupted: error
        case ProcessError.interrupted: interruption(error)
        case let error as LockError: lock(error)
        case is FileError, is CodecError, is ProcessError: Failure("\(error)", kind: .exception, cause: error)
        default: error
        }
    }

    /// A failure that names the file whose contents are damaged.
    static func named(_ error: CodecError, path: FilePath) -> Failure {
        Failure("\(error): \(path.quoted)", kind: .exception, cause: error)
    }

    private static func interruption(_ error: any Error) -> any Error {
        do {
            try SignalWatch.check()
            return error
        } catch {
            return error
        }
    }

    private static func lock(_ error: LockError) -> Failure {
        switch error {
        case .busy, .permissionDenied: Failure(error.description, cause: error)
        case .file(let error): Failure(error.description, kind: .exception, cause: error)
        }
    }
}
