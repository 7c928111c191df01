import Synchronization

/// A moment after which waits end, until it is lifted.
public final class Deadline: Sendable {
    private let end: Mutex<Double?>

    /// A deadline that many seconds from now; none if `nil`.
    public init(afterSeconds seconds: Double?) {
        end = Mutex(seconds.map { Interruption.monotonicSeconds + $0 })
    }

    /// True once the moment has passed.
    public var hasPassed: Bool {
        end.withLock { $0.map { $0 <= Interruption.monotonicSeconds } ?? false }
    }

    /// Seconds left; `nil` without a limit.
    public var remainingSeconds: Double? {
        end.withLock { $0.map { max(0, $0 - Interruption.monotonicSeconds) } }
    }

    /// From now on there is no limit.
    public func lift() {
        end.withLock { $0 = nil }
    }

    /// The moment is now so many seconds away.
    public func renew(afterSeconds seconds: Double) {
        end.withLock { $0 = Interruption.monotonicSeconds + seconds }
    }
}
