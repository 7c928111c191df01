import Files
import Postgres
import Processes

/// Errors of all rooms in the words that a failed backup shows and stores.
enum ErrorText {
    /// The whole text, with all that the server says; an interruption is named as the reference names it.
    static func full(_ error: any Error) -> String {
        guard !isInterruption(error) else { return "KeyboardInterrupt" }
        var text = (["\(error)"] + ((error as? PostgresError)?.remarks ?? [])).joined(separator: "\n")
        while text.utf8.last == UInt8(ascii: "\n") { text.unicodeScalars.removeLast() }
        return text
    }

    /// The first line.
    static func firstLine(_ error: any Error) -> String {
        let text = full(error)
        return String(text.utf8.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }) ?? text
    }

    /// True when the user asked the program to end.
    static func isInterruption(_ error: any Error) -> Bool {
        if error is SignalWatch.Interrupted { return true }
        if case .interrupted? = error as? ProcessError { return true }
        return (error as? PostgresError)?.kind == .interrupted
    }
}
