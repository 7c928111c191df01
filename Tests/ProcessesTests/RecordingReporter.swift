import Failure
import Files
import Synchronization
import SystemPackage
import TestWorld

/// Keeps what was logged.
final class RecordingReporter: Reporter {
    private let lines = Mutex<[String]>([])

    /// `LEVEL logger text` for each log line.
    var logged: [String] { lines.withLock { $0 } }

    func debug(_ text: String) {}
    func info(_ text: String) {}
    func show(_ text: String) {}
    func warning(_ text: String) {}
    func error(_ text: String) {}
    func exception(_ text: String) {}
    func progress(_ update: ProgressUpdate) {}
    func log(_ level: LogLevel, _ logger: String, _ text: String) {
        lines.withLock { $0.append("\(level.name) \(logger) \(text)") }
    }
}

/// Keeps the pauses that were asked for, and makes none of them.
final class RecordedPauses: Sendable {
    struct Enough: Error {}

    private let limit: Int
    private let pauses = Mutex<[Double]>([])

    /// Throws at the pause after this many.
    init(limit: Int = .max) {
        self.limit = limit
    }

    var seconds: [Double] { pauses.withLock { $0 } }

    func pause(_ seconds: Double) throws {
        let count = pauses.withLock { list in
            list.append(seconds)
            return list.count
        }
        if count > limit { throw Enough() }
    }
}

/// Makes an executable shell script in the world and returns its path.
@discardableResult
func makeScript(_ name: String, _ body: String, in world: World) throws -> String {
    try world.write("#!/bin/sh\n" + body + "\n", to: name, mode: 0o755)
}

/// Names that break every quoting that is not right.
let hostileNames = [
    "plain", "two words", "it's", "\"double\"", "new\nline", "$(touch pwned)", "`touch pwned`", "a;b", "a&b", "a|b",
    "*",
    "-rf", "back\\slash", "ünï€ode", "$HOME", "~", "#comment", "tab\there", "'", "''", "a'b\"c", "end\\",
]
