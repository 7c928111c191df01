import Files
import Glibc
import SystemPackage

extension Console {
    /// Whether somebody sits at a terminal who can be asked.
    public static var canAsk: Bool {
        Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardOutput)
    }

    /// Puts a question and returns the line that was typed, without blanks around it; nil at the end of input.
    ///
    /// Gives up, as at the end of input, when the program is asked to end.
    public func ask(_ question: String) -> String? {
        printDirectly(question + " ")
        guard let line = Self.readLine(from: .standardInput) else {
            printDirectly("\n")
            return nil
        }
        let bytes = line.utf8.drop { $0 <= 0x20 }
        return String(decoding: Array(bytes.reversed().drop { $0 <= 0x20 }.reversed()), as: UTF8.self)
    }

    /// A line of at most some kilobytes; nil at the end of input.
    private static func readLine(from input: FileDescriptor) -> String? {
        var bytes: [UInt8] = []
        var byte = [UInt8](repeating: 0, count: 1)
        while bytes.count < 1 << 16 {
            var waited = [
                pollfd(fd: input.rawValue, events: Int16(POLLIN), revents: 0),
                pollfd(fd: InterruptionFlag.program.wakeDescriptor.rawValue, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&waited, 2, -1)
            if Interruption.isRequested { return nil }
            guard waited[0].revents != 0 else { continue }
            let count = read(input.rawValue, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if byte[0] == UInt8(ascii: "\n") { break }
            bytes.append(byte[0])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
