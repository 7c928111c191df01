import Glibc
import Synchronization

/// A thread of our own that does one piece of work whenever it is asked to; to be asked several times before it begins counts once.
public final class OnDemandWorker: Sendable {
    private let desk: Desk
    private let team: Mutex<Team?>

    /// Makes the thread, which waits; with `isModest` it takes the processor only when nobody else wants it much.
    ///
    /// When the system has no thread for us, `wake` does the work itself.
    public init(isModest: Bool = false, _ work: @escaping @Sendable () -> Void) {
        let desk = Desk(work)
        self.desk = desk
        let job = Job.make {
            // On Linux this is about the calling thread alone; that it is refused changes only who waits for whom.
            if isModest { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }
            desk.serve()
        }
        // Without a thread the work is done by whoever asks.
        team = Mutex(try? Team(threadCount: 1, job: job))
    }

    deinit {
        end()
    }

    /// Asks for the work and does not wait for it.
    public func wake() {
        if team.withLock({ $0 == nil }) {
            desk.workNow()
        } else {
            desk.ask()
        }
    }

    /// Waits until what was begun is done; nothing more is begun.
    public func end() {
        desk.close()
        team.withLock { team in
            team?.join()
        }
    }
}

/// What the thread and those who ask it share.
///
/// `@unchecked Sendable`: every access to the variables happens with the monitor held.
private final class Desk: @unchecked Sendable {
    private let monitor = Monitor()
    private let work: @Sendable () -> Void
    private var isWanted = false
    private var isClosed = false

    init(_ work: @escaping @Sendable () -> Void) {
        self.work = work
    }

    func ask() {
        monitor.locked {
            isWanted = true
            monitor.wakeAll()
        }
    }

    func workNow() {
        if monitor.locked({ !isClosed }) { work() }
    }

    func close() {
        monitor.locked {
            isClosed = true
            monitor.wakeAll()
        }
    }

    /// What the thread does.
    func serve() {
        while true {
            let isWanted = monitor.locked { () -> Bool in
                while !self.isWanted, !isClosed { monitor.wait() }
                defer { self.isWanted = false }
                return !isClosed
            }
            guard isWanted else { return }
            work()
        }
    }
}
