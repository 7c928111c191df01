import Files
import Processes
import Synchronization

/// Tells the threads of a copy that it is over, and remembers why.
final class StopSign: Sendable {
    struct Stopped: Error {}
    private let reason = Mutex<(any Error)?>(nil)

    /// Runs a part of the work; its first failure ends all other parts.
    func guarding<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            reason.withLock { $0 = $0 ?? error }
            throw error
        }
    }

    /// Runs the whole work and throws the failure that came first, not one that followed from it.
    func rethrowing(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw reason.withLock { $0 } ?? error
        }
    }

    func check() throws {
        if reason.withLock({ $0 != nil }) { throw Stopped() }
    }
}

/// How far each job has come.
final class ProgressBoard: Sendable {
    private let bytes: Mutex<[Int64]>
    /// What all jobs together will copy, as far as anybody knows.
    let expectedBytes: Int64?

    init(_ jobCount: Int, expecting expectedBytes: Int64?) {
        self.expectedBytes = expectedBytes
        bytes = Mutex([Int64](repeating: 0, count: jobCount))
    }

    func set(_ job: Int, _ count: Int64) {
        bytes.withLock { $0[job] = count }
    }

    var total: Int64 { bytes.withLock { $0.reduce(0, &+) } }
}

/// Lets only so many processes start in a period.
final class StartThrottle: Sendable {
    private let starts = Mutex<[Double]>([])
    private let size: Int
    private let periodSeconds: Double

    init(size: Int, periodSeconds: Double) {
        self.size = max(1, size)
        self.periodSeconds = periodSeconds
    }

    func wait(_ stop: StopSign) throws {
        while true {
            try stop.check()
            let now = Interruption.monotonicSeconds
            let delay = starts.withLock { starts -> Double in
                starts.removeAll { $0 <= now - periodSeconds }
                guard starts.count >= size, let first = starts.first else {
                    starts.append(now)
                    return 0
                }
                return first + periodSeconds - now
            }
            if delay <= 0 { return }
            try SignalWatch.pause(seconds: min(delay, 0.1))
        }
    }
}
