import CLinux
public import Files
import Glibc
import SystemPackage

/// A child that was started and not yet waited for.
public struct RunningProcess: Sendable {
    /// Its process number.
    public let number: Int32

    /// Waits for its end.
    public func wait() -> ProcessStatus {
        var raw: Int32 = 0
        while waitpid(number, &raw, 0) < 0 {
            // Nobody else waits for our children, so that this is an interruption by a signal.
            guard errno == EINTR else { return .exited(-1) }
        }
        return raw & 0x7F == 0 ? .exited(raw >> 8 & 0xFF) : .signaled(raw & 0x7F)
    }

    /// How it ended; `nil` while it runs.
    ///
    /// Does not wait.
    public func statusIfEnded() -> ProcessStatus? {
        var raw: Int32 = 0
        let ended = waitpid(number, &raw, WNOHANG)
        guard ended == number else { return ended == 0 || errno == EINTR ? nil : .exited(-1) }
        return raw & 0x7F == 0 ? .exited(raw >> 8 & 0xFF) : .signaled(raw & 0x7F)
    }

    /// Sends it a signal.
    public func send(signal: Int32) {
        _ = kill(number, signal)
    }

    /// Asks it to end.
    public func terminate() {
        _ = kill(number, SIGTERM)
    }
}

/// A pipe to or from a child; both ends are closed in children that are not given them.
public struct ChildPipe: ~Copyable {
    /// Where bytes come out.
    public var reader: OwnedDescriptor?
    /// Where bytes go in.
    public var writer: OwnedDescriptor?

    /// Makes a pipe that holds up to 1 MiB where the system allows it.
    public init() throws(ProcessError) {
        let ends = try Self.makeEnds()
        let writer = OwnedDescriptor(adopting: FileDescriptor(rawValue: ends.writer), path: "pipe")
        writer.widenPipe()
        self.writer = consume writer
        reader = OwnedDescriptor(adopting: FileDescriptor(rawValue: ends.reader), path: "pipe")
    }

    /// Makes a pipe of two bare numbers from 3 on: a lower one would be overwritten while a child's descriptors are set up.
    static func makeEnds() throws(ProcessError) -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard linux_pipe2(&ends, O_CLOEXEC) == 0 else { throw .plumbing(call: "pipe", errno: Errno(rawValue: errno)) }
        for index in ends.indices where ends[index] < 3 {
            let moved = fcntl(ends[index], F_DUPFD_CLOEXEC, 3)
            let number = errno
            close(ends[index])
            ends[index] = moved
            guard moved >= 0 else {
                close(ends[1 - index])
                throw .plumbing(call: "fcntl", errno: Errno(rawValue: number))
            }
        }
        return (ends[0], ends[1])
    }
}

extension ProcessRequest {
    /// Starts the child with its streams as the request has them and returns at once; the caller waits for it.
    ///
    /// Streams that somebody of ours would have to pump (`bytes`, `collect`, `lines`, `chunks`) are not for this: they become
    /// `/dev/null`.
    public func start() throws(ProcessError) -> RunningProcess {
        let childInput: ChildStream =
            switch input {
            case .none, .bytes: .null
            case .descriptor(let descriptor): .descriptor(descriptor.rawValue)
            case .inherited: .inherited
            }
        let number = try Spawn.start(
            self,
            input: childInput,
            output: Self.stream(output),
            errorOutput: Self.stream(errorOutput)
        )
        return RunningProcess(number: number)
    }

    private static func stream(_ output: Output) -> ChildStream {
        switch output {
        case .descriptor(let descriptor): .descriptor(descriptor.rawValue)
        case .inherited: .inherited
        case .collect, .lines, .chunks, .discard: .null
        }
    }
}
