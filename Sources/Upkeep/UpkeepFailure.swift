import Failure
import Files
import Processes

/// Turns errors from below into what the user sees.
enum UpkeepFailure {
    /// A failure for everything but the wish of the user to stop, which stays what it is.
    static func named(_ error: any Error) -> any Error {
        switch error {
        case is Failure, is SignalWatch.Interrupted: error
        case let error as LockError: error.failure
        case let error as SnapshotRefusal: error.failure
        case ProcessError.interrupted: interruption ?? error
        default: Failure("\(error)", kind: .exception, cause: error)
        }
    }

    /// The wish of the user to stop, if there is one.
    private static var interruption: (any Error)? {
        do {
            try SignalWatch.check()
            return nil
        } catch {
            return error
        }
    }
}

/// A backup made of disk snapshots, which are not ours to delete.
struct SnapshotRefusal: Error {
    let id: String
    let server: String

    /// What the user sees.
    var failure: Failure {
        Failure("Backup \(id) of server \(server) is made of disk snapshots, which this version can not delete")
    }
}

extension LockError {
    /// What the user sees when a lock cannot be taken.
    var failure: Failure {
        switch self {
        case .busy, .permissionDenied: Failure(description, cause: self)
        case .file(let error): Failure(error.description, kind: .exception, cause: error)
        }
    }
}
