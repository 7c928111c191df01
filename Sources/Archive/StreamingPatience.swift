import Replication

/// How a receiver bears trouble, as a value: how long to pause before the next try, and when it is enough.
struct StreamingPatience: Sendable {
    /// One try to stream.
    struct Attempt: Sendable {
        /// When it began.
        let beganSeconds: Double
        /// Whether the server let it stream.
        private(set) var hasBegun = false
        /// Whether anything came.
        private var hasArrived = false
        /// Whether a segment was completed.
        private(set) var hasAdvanced = false
        /// Whether the server would not let it stream because its slot is held, perhaps for a connection of ours that is gone.
        var foundSlotHeld = false

        init(beganSeconds: Double) {
            self.beganSeconds = beganSeconds
        }

        /// Takes in what the receiver tells.
        mutating func note(_ event: WALReceiver.Event) {
            switch event {
            case .started: hasBegun = true
            case .arrived: hasArrived = true
            case .finishedSegment: hasAdvanced = true
            default: break
            }
        }

        /// Takes in that the server does not have the WAL that comes next, which it notices only after it has let us stream.
        mutating func noteMissingWAL() {
            hasBegun = hasArrived
        }
    }

    private let limitSeconds: Double
    private var nextPauseSeconds = firstPauseSeconds
    private var failingSinceSeconds: Double?
    private static let firstPauseSeconds = 1.0
    private static let longestPauseSeconds = 30.0

    /// Patience for trouble that lasts less than this.
    init(limitSeconds: Double) {
        self.limitSeconds = limitSeconds
    }

    /// Whether streaming has worked before.
    var isTried: Bool { failingSinceSeconds != nil }

    /// Whether trouble has lasted for so long.
    func hasFailed(forSeconds seconds: Double, nowSeconds: Double) -> Bool {
        failingSinceSeconds.map { nowSeconds - $0 >= seconds } ?? false
    }

    /// How long to pause after a try that failed; `nil` when it is enough, and when it never worked.
    ///
    /// Somebody who starts us by hand learns at once why; only a slot that is held is waited for from the first try on.
    mutating func pauseSeconds(after attempt: Attempt, nowSeconds: Double) -> Double? {
        // What worked for a while and fails again is a new trouble.
        let isNew = attempt.hasAdvanced || nowSeconds - attempt.beganSeconds >= Self.longestPauseSeconds
        let isFirst = failingSinceSeconds == nil && (attempt.hasBegun || attempt.foundSlotHeld)
        if isFirst || (attempt.hasBegun && isNew) {
            failingSinceSeconds = nowSeconds
            nextPauseSeconds = Self.firstPauseSeconds
        }
        guard let since = failingSinceSeconds, nowSeconds - since < limitSeconds else { return nil }
        defer { nextPauseSeconds = min(nextPauseSeconds * 2, Self.longestPauseSeconds) }
        return nextPauseSeconds
    }
}
