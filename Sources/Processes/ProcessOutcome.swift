/// How a process ended.
public enum ProcessStatus: Sendable, Equatable, CustomStringConvertible {
    /// By itself, with this status.
    case exited(Int32)
    /// By this signal.
    case signaled(Int32)

    /// The status as one number: a signal as its negative, as Python has it.
    public var code: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): -signal
        }
    }

    /// The status in words.
    public var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signaled(let signal): "signal \(signal)"
        }
    }
}

/// What a process left behind when it ended.
public struct ProcessOutcome: Sendable {
    /// The command line, secrets masked.
    public let command: String
    /// How it ended.
    public let status: ProcessStatus
    /// What it wrote on standard output: all of it when collected, the last 64 KiB when it went to a handler.
    public let output: [UInt8]
    /// The last 64 KiB that it wrote on standard error.
    public let errorOutput: [UInt8]

    /// Makes an outcome.
    public init(command: String, status: ProcessStatus, output: [UInt8] = [], errorOutput: [UInt8] = []) {
        self.command = command
        self.status = status
        self.output = output
        self.errorOutput = errorOutput
    }

    /// True when it ended with status 0.
    public var isSuccess: Bool { status == .exited(0) }

    /// Standard output as text.
    public var outputText: String { String(decoding: output, as: UTF8.self) }

    /// Standard error as text.
    public var errorText: String { String(decoding: errorOutput, as: UTF8.self) }

    /// Command line, status and the end of standard error.
    public var failureDescription: String {
        let subject = "\(command) ended with \(status)"
        let errors = errorText.trimmingNewlines
        return errors.isEmpty ? subject : "\(subject): \(errors)"
    }
}

extension String {
    /// The text without line ends after it.
    var trimmingNewlines: String {
        var end = utf8.endIndex
        while end > utf8.startIndex {
            let before = utf8.index(before: end)
            guard utf8[before] == 0x0A || utf8[before] == 0x0D else { break }
            end = before
        }
        return String(self[..<end])
    }
}
