import Files
import Processes

/// `--test` of both programs.
enum ConnectionTest {
    /// Prints what the other host says; returns ssh's status as it is.
    static func run(_ request: ProcessRequest) -> Int32 {
        do {
            var pipe = try ChildPipe()
            guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else { return 2 }
            var request = request
            request.output = .descriptor(writer.raw)
            request.errorOutput = .descriptor(writer.raw)
            let child = try request.start()
            Emergency.watch(child)
            try writer.close()
            let text = try reader.readToEnd(limit: 1 << 20)
            Terminal.output(String(decoding: text, as: UTF8.self) + "\n")
            return child.wait().shellStatus
        } catch {
            Terminal.complain("Error executing ssh: \(error)")
            return 2
        }
    }
}

extension ProcessStatus {
    /// The status as a shell says it.
    var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let signal): 128 + signal
        }
    }
}
