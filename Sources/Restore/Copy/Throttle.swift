import Files
import Processes
import Synchronization
import SystemPackage

/// Keeps several threads together below a rate.
final class Throttle: Sendable {
    private let bytesPerSecond: Double
    private let due: Mutex<Double>

    /// A rate in KiB per second.
    init(kibibytesPerSecond: Int64) {
        bytesPerSecond = Double(max(1, kibibytesPerSecond)) * 1024
        due = Mutex(Interruption.monotonicSeconds)
    }

    /// Waits until this many bytes more may have passed.
    func pass(_ bytes: Int) throws {
        let now = Interruption.monotonicSeconds
        let time = due.withLock { due -> Double in
            due = max(due, now - 0.1) + Double(bytes) / bytesPerSecond
            return due
        }
        if time > now { try SignalWatch.pause(seconds: time - now) }
    }
}

/// A sink that keeps below a rate: that of a tablespace, or of everything.
///
/// `@unchecked Sendable`: as the protocol says, one thread at a time uses it.
final class ThrottledSink: FileSink, @unchecked Sendable {
    private let sink: any FileSink
    private let choose: (RestoreRoot) -> Throttle?
    private var throttle: Throttle?

    init(_ sink: any FileSink, choosing choose: @escaping (RestoreRoot) -> Throttle?) {
        self.sink = sink
        self.choose = choose
    }

    func makeDirectory(_ member: RestoredMember, in root: RestoreRoot) throws {
        try sink.makeDirectory(member, in: root)
    }

    func begin(_ member: RestoredMember, in root: RestoreRoot) throws {
        throttle = choose(root)
        try sink.begin(member, in: root)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try throttle?.pass(bytes.count)
        try sink.write(bytes)
    }

    func end() throws { try sink.end() }

    func copy(_ member: RestoredMember, from source: FilePath, in root: RestoreRoot) throws {
        guard choose(root) == nil else { return try stream(member, from: source, in: root) }
        try sink.copy(member, from: source, in: root)
    }

    func flush() throws { try sink.flush() }

    func close() throws { try sink.close() }

    func abandon() { sink.abandon() }
}
