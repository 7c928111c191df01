import Failure
import Files
import Pipeline
import Postgres
import Synchronization

/// Whether commits on the server wait for our receiver: asked again every now and then while it streams, since
/// `synchronous_standby_names` may change under it.
///
/// The question goes over a connection of its own that is closed with the answer, on a thread of its own: the stream never waits
/// for it.
final class CommitWatch: Sendable {
    private let nextQuestionSeconds: Mutex<Double>
    private let worker: OnDemandWorker
    private let answer: Answer
    private let intervalSeconds: Double

    /// The last answer; shared with the thread that asks.
    private final class Answer: Sendable {
        let isYes = Atomic<Bool>(false)
    }

    /// How long a server may take to answer; the last answer counts until then.
    private static let limitSeconds = 10.0

    /// A watch over the server at `conninfo` for a receiver of that name; `onChange` hears each answer that is a new one.
    init(
        conninfo: ConnectionString,
        receiverName: String,
        intervalSeconds: Double,
        onChange: @escaping @Sendable (Bool) -> Void
    ) {
        let answer = Answer()
        self.answer = answer
        self.intervalSeconds = intervalSeconds
        nextQuestionSeconds = Mutex(Interruption.monotonicSeconds + intervalSeconds)
        worker = OnDemandWorker {
            let deadline = Deadline(afterSeconds: Self.limitSeconds)
            let server = PostgresServer(
                conninfo: conninfo,
                isInterrupted: { Interruption.isRequested || deadline.hasPassed }
            )
            // A server that does not answer has not changed its mind as far as we know.
            guard let isYes = try? server.countsAsSynchronous(receiverName) else { return }
            if answer.isYes.exchange(isYes, ordering: .acquiringAndReleasing) != isYes { onChange(isYes) }
        }
    }

    /// What is known now; asks anew, without waiting, when the answer is old.
    var commitsWait: Bool {
        let now = Interruption.monotonicSeconds
        let isOld = nextQuestionSeconds.withLock { next in
            guard now >= next else { return false }
            next = now + intervalSeconds
            return true
        }
        if isOld { worker.wake() }
        return answer.isYes.load(ordering: .acquiring)
    }

    /// Takes an answer that somebody else has got.
    func note(_ isYes: Bool) {
        answer.isYes.store(isYes, ordering: .releasing)
        nextQuestionSeconds.withLock { $0 = Interruption.monotonicSeconds + intervalSeconds }
    }

    /// Ends the thread, after the question that it is at.
    func end() {
        worker.end()
    }
}
