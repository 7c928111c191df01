import Glibc
import Synchronization
public import SystemPackage

/// A wish that the program end, and a descriptor that wakes all who wait.
public final class InterruptionFlag: Sendable {
    /// The one of the whole program, set by SIGINT and SIGTERM.
    public static let program = InterruptionFlag()

    private let flag = Atomic<Bool>(false)
    private let signal = Atomic<Int32>(0)
    /// Both ends of a pipe that holds a byte from the first wish on; -1 when there is none.
    private let reader: Int32
    private let writer: Int32

    /// Makes a flag of its own; for tests.
    public init() {
        var ends: [Int32] = [-1, -1]
        // Without the pipe, waits notice the wish only at their next tick.
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
        }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        if reader >= 0 { close(reader) }
        if writer >= 0 { close(writer) }
    }

    /// True once somebody asked the program to end.
    public var isRequested: Bool { flag.load(ordering: .acquiring) }

    /// The signal that asked for it; 0 when it was no signal.
    public var signalNumber: Int32 { signal.load(ordering: .acquiring) }

    /// Readable from the wish on, for all waiters at once; nobody reads from it.
    public var wakeDescriptor: FileDescriptor { FileDescriptor(rawValue: reader) }

    /// Asks the program to end; safe in a signal handler.
    public func request(signal number: Int32 = 0) {
        signal.store(number, ordering: .releasing)
        flag.store(true, ordering: .releasing)
        var byte: UInt8 = 0
        _ = write(writer, &byte, 1)
    }

    /// Takes the wish back, for the clean-up that it asked for; a second wish ends that as well.
    public func takeBack() {
        flag.store(false, ordering: .releasing)
        signal.store(0, ordering: .releasing)
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reader, &bytes, bytes.count) > 0 {}
    }

    /// Waits this long; returns false at once when the program is asked to end.
    public func pause(seconds: Double) -> Bool {
        let end = Interruption.monotonicSeconds + max(0, seconds)
        while !isRequested {
            let rest = end - Interruption.monotonicSeconds
            guard rest > 0 else { return true }
            var waited = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            _ = poll(&waited, 1, Int32(min(rest * 1000 + 1, 3_600_000)))
        }
        return false
    }
}

/// Whether the program was asked to end (SIGINT, SIGTERM): waits look at it, so that none outlives the wish.
public enum Interruption {
    /// True once somebody asked the program to end.
    public static var isRequested: Bool { InterruptionFlag.program.isRequested }

    /// The signal that asked for it; 0 when it was no signal.
    public static var signalNumber: Int32 { InterruptionFlag.program.signalNumber }

    /// Readable from the wish on, for all waiters at once; nobody reads from it.
    public static var wakeDescriptor: FileDescriptor { InterruptionFlag.program.wakeDescriptor }

    /// Asks the program to end; safe in a signal handler once `wakeDescriptor` was read.
    public static func request(signal number: Int32 = 0) {
        InterruptionFlag.program.request(signal: number)
    }

    /// Takes the wish back, for the clean-up that it asked for; a second wish ends that as well.
    public static func takeBack() {
        InterruptionFlag.program.takeBack()
    }

    /// Waits this long; returns false at once when the program is asked to end.
    public static func pause(seconds: Double) -> Bool {
        InterruptionFlag.program.pause(seconds: seconds)
    }

    /// Seconds on a clock that nobody sets.
    public static var monotonicSeconds: Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1_000_000_000
    }
}
