public import Catalog
public import Failure
import Files
import Pipeline
public import Postgres
import Processes
import Replication
import Settings
import Synchronization
import SystemPackage
import WAL

/// Receives the WAL of a server into its streaming directory for as long as it can, and archives each segment as soon as it is complete.
///
/// A connection that is lost, a full disk: told, and tried again with growing pauses. What does not get better within
/// the patience of its `pace` ends it, and `cron` starts a new one, which reads the configuration anew.
public struct WALStreaming: Sendable {
    /// How long what may take.
    public struct Pace: Sendable {
        /// How long trouble may last.
        public var patienceSeconds = 300.0
        /// How long it may last before `check` tells of it.
        public var discreetSeconds = 60.0
        /// How long a server may be silent.
        public var silenceSeconds = 60.0
        /// How often the server is asked whether commits wait for us.
        public var questionSeconds = 15.0

        /// The usual pace.
        public init() {}
    }

    private let home: ServerHome
    private let server: PostgresServer
    private let reporter: any Reporter
    private let archiveReporter: any Reporter
    private let pace: Pace
    private static let logger = "barman.wal_archiver"

    /// Prepares to stream from `server`, whose streaming connection is configured; `archiveReporter` is told of the archiving.
    public init(
        home: ServerHome,
        server: PostgresServer,
        reporter: any Reporter,
        archiveReporter: any Reporter,
        pace: Pace = Pace()
    ) {
        self.home = home
        self.server = server
        self.reporter = reporter
        self.archiveReporter = archiveReporter
        self.pace = pace
    }

    /// Streams until the program is asked to end, which is no error.
    ///
    /// `prepare` is called before each new try: the server at the other end may be another one by then. Throws `Failure` when it
    /// cannot begin, and when it could not go on for too long.
    public func run(prepareAgain: () throws -> Void = {}) throws {
        let archiver = OnDemandWorker(isModest: true) { archive() }
        // What is being archived when we are asked to end is ended as well, in a state that the next run takes up.
        defer { archiver.end() }
        archiver.wake()
        let watch = makeWatch()
        defer { watch.end() }
        var patience = StreamingPatience(limitSeconds: pace.patienceSeconds)
        let trouble = ReceiverTrouble(of: home)
        while true {
            let attempt = Mutex(StreamingPatience.Attempt(beganSeconds: Interruption.monotonicSeconds))
            // A server that accepts the connection and then says nothing is as bad as one that is not there.
            let deadline = Deadline(afterSeconds: pace.silenceSeconds)
            do {
                server.setInterruption { Interruption.isRequested || deadline.hasPassed }
                defer { server.setInterruption { Interruption.isRequested } }
                if patience.isTried { try prepareAgain() }
                if let answer = server.facts().countsAsSynchronous(receiverName) { watch.note(answer) }
                try receive(watch) { event in
                    attempt.withLock { $0.note(event) }
                    if case .arrived = event { return trouble.clear() }
                    reporter.info("\(home.name): \(event)")
                    if case .finishedSegment = event { archiver.wake() }
                }
                return
            } catch  where Interruption.isRequested {
                return
            } catch {
                let now = Interruption.monotonicSeconds
                let isSlotHeld = Self.isSlotHeld(error)
                if isSlotHeld { attempt.withLock { $0.foundSlotHeld = true } }
                if Self.isMissingWAL(error) { attempt.withLock { $0.noteMissingWAL() } }
                let isFinal = (error as? ReplicationError)?.isFinal == true
                let pause = isFinal ? nil : patience.pauseSeconds(after: attempt.withLock { $0 }, nowSeconds: now)
                let reason = reason(of: error, isLate: deadline.hasPassed) + (isSlotHeld ? Self.slotHeldText : "")
                if pause == nil || patience.hasFailed(forSeconds: pace.discreetSeconds, nowSeconds: now) {
                    trouble.note(reason)
                }
                guard let pause else {
                    if patience.isTried, !isFinal { reporter.warning("\(home.name): \(reason); \(lastWords)") }
                    throw failure(error)
                }
                reporter.warning("\(home.name): \(reason); trying again in \(Int(pause)) seconds")
                // What waits to be archived may be what fills the disk.
                archiver.wake()
                guard Interruption.pause(seconds: pause) else { return }
                // Sessions of this attempt are bound to its deadline.
                server.close()
                server.forgetFacts()
            }
        }
    }

    /// Whether the server says that somebody streams from our slot (SQLSTATE object_in_use).
    private static func isSlotHeld(_ error: any Error) -> Bool {
        guard case .postgres(let trouble) = error as? ReplicationError else { return false }
        return trouble.sqlState == "55006"
    }

    private static func isMissingWAL(_ error: any Error) -> Bool {
        (error as? ReplicationError)?.isMissingWAL == true
    }

    private static let slotHeldText =
        ": another receiver has our name, or the server has not noticed yet that an earlier connection is gone"
    private static let failurePrefix = "ArchiverFailure:"

    /// Why it ends although it might get better; the error is that of the last try.
    private var lastWords: String {
        "no success for \(Int(pace.patienceSeconds)) seconds, the receiver ends; cron starts another one"
    }

    /// What went wrong, with what is below it; `isLate` when the time for an answer was over.
    private func reason(of error: any Error, isLate: Bool) -> String {
        let text = "\(error)".trimmingPrefix(Self.failurePrefix)
        // The file system may have room for small things still.
        if (error as? ReplicationError)?.isNoSpace == true { return text + " (room for two segments has to stay free)" }
        if Self.isMissingWAL(error) { return "\(text); \(ReceiverTrouble.wayOut(of: home.name))" }
        guard let failure = error as? Failure else { return String(text) }
        if isLate { return "\(text): no answer for \(Int(pace.silenceSeconds)) seconds" }
        guard let cause = failure.cause.map({ "\($0)" }), !text.contains(cause) else { return String(text) }
        return "\(text): \(cause)"
    }

    private func failure(_ error: any Error) -> Failure {
        let hint = Self.isMissingWAL(error) ? ReceiverTrouble.wayOut(of: home.name) : nil
        return error as? Failure ?? Failure("\(Self.failurePrefix)\(error)", hint: hint, cause: error)
    }

    private func receive(
        _ watch: CommitWatch,
        tell: @escaping @Sendable (WALReceiver.Event) -> Void
    ) throws(ReplicationError) {
        let facts = server.facts()
        let systemID: String?
        do {
            systemID = try Identity.load(home)?.systemID ?? server.streamingFacts()?.systemID
        } catch {
            throw .other(error.description)
        }
        // The receiver has a connection of its own; ours would take places that others need.
        server.close()
        let source = WALReceiver.Source(
            conninfo: Self.conninfo(server, home),
            slot: home.settings.slotName,
            systemID: systemID,
            slotPosition: facts.replicationSlot?.restartLSN
        )
        if watch.commitsWait { logSynchrony(true) }
        var manner = WALStream.Manner(isSynchronous: watch.commitsWait)
        manner.silenceSeconds = pace.silenceSeconds
        let receiver = WALReceiver(
            from: source,
            into: home.streamingWALsDirectory,
            manner: manner,
            commitsWait: { watch.commitsWait },
            isStopping: { Interruption.isRequested },
            knowsHistory: { [home] (timeline) throws(FileError) in try FileSystem.exists(home.historyPath(of: timeline))
            },
            // What cannot be had tells nothing: then the receiver says what is missing.
            archivedHistory: { [home] in try? WALReader(home: home).contents(of: home.historyPath(of: $0)) },
            tell: tell
        )
        try receiver.run()
    }

    private func makeWatch() -> CommitWatch {
        CommitWatch(
            conninfo: server.conninfo,
            receiverName: receiverName,
            intervalSeconds: pace.questionSeconds,
            onChange: { logSynchrony($0) }
        )
    }

    private func logSynchrony(_ commitsWait: Bool) {
        let text = commitsWait ? "waits for us at each commit: flushing at once" : "waits for us no more at commits"
        reporter.log(.info, Self.logger, "Server \(home.name) \(text)")
    }

    /// The name that `synchronous_standby_names` knows us by.
    public var receiverName: String { Self.conninfo(server, home)["application_name"] ?? "" }

    /// The connection of the receiver, which has a name of its own unless the user gave it one.
    private static func conninfo(_ server: PostgresServer, _ home: ServerHome) -> ConnectionString {
        (server.streamingConninfo ?? server.conninfo).forReplication(
            as: home.settings.streamingArchiverName ?? "barman_receive_wal"
        )
    }

    /// One run of the archiver, on a thread of its own; when another process is at it, that one or `cron` does the work.
    private func archive() {
        do {
            try WALIntake(home: home, reporter: archiveReporter, workerLimit: 1).run()
        } catch is SignalWatch.Interrupted {
            // We are about to end; the next run takes it up.
        } catch {
            archiveReporter.error("Archiving of streamed WAL for server \(home.name) failed: \(error)")
        }
    }
}
