import Synchronization

/// Threads that each do one piece of work to its end, beside the one that started them.
///
/// The first error among them is kept; it calls `onFailure`, which must make the others end.
public final class Crew: Sendable {
    private let teams = Mutex<[Team]>([])
    private let failure = Mutex<(any Error)?>(nil)
    private let onFailure: @Sendable () -> Void

    /// A crew without members yet.
    public init(onFailure: @escaping @Sendable () -> Void) {
        self.onFailure = onFailure
    }

    /// Starts a thread with this work.
    public func start(_ body: @escaping @Sendable () throws -> Void) throws(WorkersError) {
        let team = try Team(
            threadCount: 1,
            job: Job.make { [self] in
                do {
                    try body()
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                    onFailure()
                }
            }
        )
        teams.withLock { $0.append(team) }
    }

    /// Throws the first error, if there is one already.
    public func check() throws {
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Waits for the end of all threads.
    public func join() {
        let all = teams.withLock { teams in
            defer { teams = [] }
            return teams
        }
        for team in all { team.join() }
    }
}
