import Glibc
import Synchronization
public import SystemPackage

/// Whether the program was asked to end (SIGINT, SIGTERM): waits look at it, so that none outlives the wish.
public enum Interruption {
    private static let flag = Atomic<Bool>(false)
    private static let signal = Atomic<Int32>(0)
    /// Both ends of a pipe that holds a byte from the first wish on.
    private static let wakePipe: (reader: Int32, writer: Int32) = {
        var ends: [Int32] = [-1, -1]
        // Without the pipe, waits notice the wish only at their next tick.
        guard pipe(&ends) == 0 else { return (-1, -1) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return (ends[0], ends[1])
    }()

    /// True once somebody asked the program to end.
    public static var isRequested: Bool { flag.load(ordering: .acquiring) }

    /// The signal that asked for it; 0 when it was no signal.
    public static var signalNumber: Int32 { signal.load(ordering: .acquiring) }

    /// Readable from the wish on, for all waiters at once; nobody reads from it.
    public static var wakeDescriptor: FileDescriptor { FileDescriptor(rawValue: wakePipe.reader) }

    /// Asks the program to end; safe in a signal handler once `wakeDescriptor` was read.
    public static func request(signal number: Int32 = 0) {
        signal.store(number, ordering: .releasing)
        flag.store(true, ordering: .releasing)
        var byte: UInt8 = 0
        _ = write(wakePipe.writer, &byte, 1)
    }

    /// Takes the wish back; for tests and for programs that go on.
    public static func clear() {
        flag.store(false, ordering: .releasing)
        signal.store(0, ordering: .releasing)
        var bytes: [UInt8] = Array(repeating: 0, count: 64)
        while read(wakePipe.reader, &bytes, bytes.count) > 0 {}
    }

    /// Waits this long; returns false at once when the program is asked to end.
    public static func pause(seconds: Double) -> Bool {
        let end = monotonicSeconds + max(0, seconds)
        while !isRequested {
            let rest = end - monotonicSeconds
            guard rest > 0 else { return true }
            var waited = pollfd(fd: wakePipe.reader, events: Int16(POLLIN), revents: 0)
            _ = poll(&waited, 1, Int32(min(rest * 1000 + 1, 3_600_000)))
        }
        return false
    }

    /// Seconds on a clock that nobody sets.
    public static var monotonicSeconds: Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1_000_000_000
    }
}
