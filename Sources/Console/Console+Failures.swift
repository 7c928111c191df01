import Failure

extension Console {
    /// Announces the error that ends a program and returns its exit status.
    ///
    /// An error that is no `Failure` was foreseen by nobody: it is announced as an exception.
    public func announce(_ error: any Error) -> Int32 {
        guard let failure = error as? Failure else {
            exception("\(error)\nSee log file for more details.")
            return 1
        }
        switch failure.kind {
        case .error: self.error(failure.description)
        case .exception: exception("\(failure.description)\nSee log file for more details.")
        case .plain:
            // Said in plain words whatever the format, instead of every answer.
            silence()
            Self.printPlain(failure.description)
        case .reported: break
        }
        // Most messages hold the words of their cause already.
        if let cause = failure.cause.map({ "\($0)" }), !failure.message.contains(cause) {
            log(.error, "barman", "Caused by: \(cause)")
        }
        return failure.exitStatus
    }

    /// Announces an error that ends a program before there is a console: plain text on standard error.
    public static func announceEarly(_ error: any Error) -> Int32 {
        guard let failure = error as? Failure else {
            printPlain("EXCEPTION: \(error)\nSee log file for more details.")
            return 1
        }
        switch failure.kind {
        case .error: printPlain("ERROR: \(failure.description)")
        case .exception: printPlain("EXCEPTION: \(failure.description)\nSee log file for more details.")
        case .plain: printPlain(failure.description)
        case .reported: break
        }
        return failure.exitStatus
    }
}
