import Failure
import Files

extension FileError {
    /// What the user sees when the catalog cannot be read or written.
    var catalogFailure: Failure { Failure(description, kind: .exception, cause: self) }
}

extension LockError {
    /// What the user sees when a lock of the catalog cannot be taken.
    var catalogFailure: Failure {
        switch self {
        case .busy, .permissionDenied: Failure(description, cause: self)
        case .file(let error): error.catalogFailure
        }
    }
}

/// Turns errors about files into what the user sees.
func namingFailure<Result>(_ body: () throws(FileError) -> Result) throws(Failure) -> Result {
    do {
        return try body()
    } catch {
        throw error.catalogFailure
    }
}
