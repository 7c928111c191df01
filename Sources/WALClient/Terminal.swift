import Glibc
import Processes
import SystemPackage

/// What the programs say, in one write each.
enum Terminal {
    static func output(_ text: String) { write(text, to: .standardOutput) }

    static func error(_ text: String) { write(text, to: .standardError) }

    static func output(_ bytes: some Sequence<UInt8>) {
        // As below.
        _ = try? FileDescriptor.standardOutput.writeAll(bytes)
    }

    /// `ERROR: text` on standard error.
    static func complain(_ text: String) { error("ERROR: \(text)\n") }

    private static func write(_ text: String, to descriptor: FileDescriptor) {
        // There is nobody left to tell that nobody listens.
        _ = try? descriptor.writeAll(text.utf8)
    }
}

extension ArgumentTable.Ending {
    /// Prints what ends the program; returns its exit status.
    func show() -> Int32 {
        switch self {
        case .shown(let text):
            Terminal.output(text)
            return 0
        case .refused(let text):
            Terminal.error(text)
            return 2
        }
    }
}
