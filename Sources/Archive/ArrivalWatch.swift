import Files
import Glibc
import Processes
import Settings
import WAL

/// Tells when a received file is whole: a plain `cp`, or a compressor that writes into the queue, may still be at it.
public struct ArrivalWatch: Sendable {
    /// A received file that does not change any more, or is not waited for any longer.
    struct Arrival {
        let status: FileStatus
        let received: StoredWAL
        let state: State
    }

    /// How a file is after the wait.
    enum State {
        /// Nothing speaks against it.
        case whole
        /// It is not a whole segment and rests: why.
        case broken(String)
        /// It still changes.
        case unfinished
    }

    /// How long a file must rest before what speaks against it counts.
    static let graceSeconds = 3.0
    /// How long one is waited for that does not rest.
    static let patienceSeconds = 30.0
    private let now: @Sendable () -> Double
    private let pause: @Sendable (Double) throws -> Void

    /// Looks at the clock of the system and sleeps, unless told otherwise: `now` is in seconds since the epoch.
    public init(
        now: @escaping @Sendable () -> Double = Self.systemSeconds,
        pause: (@Sendable (Double) throws -> Void)? = nil
    ) {
        self.now = now
        self.pause = pause ?? { try SignalWatch.pause(seconds: $0) }
    }

    /// The time of the system, in seconds since the epoch.
    public static func systemSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + 1e-9 * Double(now.tv_nsec)
    }

    /// Waits for a young file that may not be whole yet; `nil` when it is not there any more.
    func wait(for entry: IntakeQueue.Entry, judge: SegmentJudge, settings: ServerSettings) throws -> Arrival? {
        let start = now()
        var seen: (status: FileStatus, seconds: Double)?
        while true {
            guard let status = try FileSystem.statusIfPresent(of: entry.path) else { return nil }
            let received = try StoredWAL(entry.path, settings: settings)
            var state = State.whole
            if case .segment = entry.name, received.isPlain,
                let defect = try judge.sizeDefect(of: entry.path, status)
            {
                state = .broken(defect)
            } else if !Self.mayGrow(entry, received, status) {
                return Arrival(status: status, received: received, state: .whole)
            }
            let time = now()
            if seen?.status.sizeBytes != status.sizeBytes || seen?.status.hasSameTime(as: status) != true {
                seen = (status, time)
            }
            let modified = Double(status.modifiedSeconds) + 1e-9 * Double(status.modifiedNanoseconds)
            // A time that lies ahead is that of another clock.
            let rest = time - (modified > time ? seen?.seconds ?? time : modified)
            if rest > Self.graceSeconds { return Arrival(status: status, received: received, state: state) }
            if time - start >= Self.patienceSeconds {
                return Arrival(status: status, received: received, state: .unfinished)
            }
            try pause(0.1)
        }
    }

    /// Whether more may come although nothing speaks against what is there: a compressed file has no size to be known by.
    ///
    /// Writing sets both times of a file to the same; rsync and `put-wal` set the first one when they are done, and rename.
    private static func mayGrow(_ entry: IntakeQueue.Entry, _ received: StoredWAL, _ status: FileStatus) -> Bool {
        guard status.modifiedSeconds == status.changedSeconds, status.modifiedNanoseconds == status.changedNanoseconds
        else { return false }
        switch entry.name {
        case .history, .backupLabel: return !received.isPlain || status.sizeBytes == 0
        case .segment, .partial: return !received.isPlain
        }
    }
}
