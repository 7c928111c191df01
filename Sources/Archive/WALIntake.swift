public import Catalog
public import Failure
public import Files
import Pipeline
import Processes
import Settings
import SystemPackage
import WAL

/// Moves WAL from the queues of a server into its archive (wal-archiving.md 2 to 5).
public struct WALIntake: Sendable {
    private let home: ServerHome
    private let reporter: any Reporter
    private let workerLimit: Int
    private let arrivals: ArrivalWatch
    static let logger = IntakeGroup.logger

    /// The intake of a server; compresses on as many threads as there are cores, or fewer with a `workerLimit`.
    public init(
        home: ServerHome,
        reporter: any Reporter,
        workerLimit: Int = .max,
        arrivals: ArrivalWatch = ArrivalWatch()
    ) {
        self.arrivals = arrivals
        self.home = home
        self.reporter = reporter
        self.workerLimit = workerLimit
    }

    /// Whether a run may find anything to do; looks at names only.
    public func hasWork() throws(FileError) -> Bool {
        for queue in IntakeQueue.queues(of: home) where try queue.hasWork() { return true }
        return false
    }

    /// Archives what waits in the queues, and returns the number of files that were stored.
    ///
    /// Durable on return, file by file in groups. Does nothing but say so while another process archives for this server. An
    /// explicit run also says when there is nothing to do. A queue that fails does not keep the other one from being worked.
    /// Throws `Failure`, or `SignalWatch.Interrupted` after what was complete has been stored.
    @discardableResult
    public func run(isExplicit: Bool = false) throws -> Int {
        guard !home.settings.isPassive else { return 0 }
        do {
            guard !home.settings.walsAreInCloud else {
                throw Failure("WAL archives in object stores are not supported by this build")
            }
            let lock = try FileLock.acquire(home.lockPath(.archiveWAL))
            defer { lock.release() }
            return try runAll(isExplicit: isExplicit)
        } catch LockError.busy {
            reporter.info(
                "Another archive-wal process is already running on server \(home.name). "
                    + "Skipping to the next server"
            )
            return 0
        } catch {
            throw ArchiveFailure.named(error)
        }
    }

    /// Works each queue, and throws the first error at the end.
    private func runAll(isExplicit: Bool) throws -> Int {
        var count = 0
        var firstError: (any Error)?
        for queue in IntakeQueue.queues(of: home) {
            let pass = IntakePass(
                home: home,
                queue: queue,
                reporter: reporter,
                workerLimit: workerLimit,
                arrivals: arrivals,
                isExplicit: isExplicit
            )
            do {
                count += try pass.run()
            } catch {
                if SignalWatch.interrupted { throw error }
                if firstError != nil { reporter.log(.error, Self.logger, "\(error)") }
                firstError = firstError ?? error
            }
        }
        if let firstError { throw firstError }
        return count
    }
}

/// One run over one queue.
private struct IntakePass {
    private let home: ServerHome
    private let queue: IntakeQueue
    private let reporter: any Reporter
    private let workerLimit: Int
    private let arrivals: ArrivalWatch
    private let isExplicit: Bool
    private let judge: SegmentJudge

    init(
        home: ServerHome,
        queue: IntakeQueue,
        reporter: any Reporter,
        workerLimit: Int,
        arrivals: ArrivalWatch,
        isExplicit: Bool
    ) {
        self.home = home
        self.queue = queue
        self.reporter = reporter
        self.workerLimit = workerLimit
        self.arrivals = arrivals
        self.isExplicit = isExplicit
        judge = SegmentJudge(home: home, reporter: reporter)
    }

    func run() throws -> Int {
        let batch = try queue.read()
        announce(batch)
        var count = 0
        if !batch.entries.isEmpty {
            // A list that is missing is made from the archive: before there is anything new in it.
            _ = try XlogDatabase(home).isEmpty()
            for directory in Set(batch.entries.map { WALArchive(home).directory(of: $0.name) }) {
                try FileSystem.createDirectories(directory)
            }
            let form = try StoredForm(home.settings)
            let hooks = ArchiveHooks(.archive, home: home, reporter: reporter)
            count = hooks.isEmpty ? try archive(batch, as: form) : try archiveOneByOne(batch, as: form, hooks)
        } else if isExplicit {
            reporter.show("\tno file found")
        }
        moveForeign(batch.foreign)
        return count
    }

    private func announce(_ batch: IntakeQueue.Batch) {
        if !batch.partials.isEmpty {
            log(.info, "Archiving partial files for server \(home.name): \(batch.partials.joined(separator: ", "))")
        }
        let subject = "xlog segments from \(queue.title) for \(home.name)"
        let isPart = !batch.entries.isEmpty && batch.foundCount > batch.entries.count
        if batch.entries.isEmpty {
            log(.info, "No xlog segments found from \(queue.title) for \(home.name).")
        } else {
            let extent = isPart ? "a batch of \(batch.entries.count) segments" : "all segments"
            let end = isPart ? "in this run." : "in one run."
            log(.info, "Found \(batch.foundCount) \(subject). Archive \(extent) \(end)")
        }
        guard isExplicit || !batch.entries.isEmpty else { return }
        reporter.show("Processing \(subject)" + (isPart ? " (batch size: \(batch.entries.count))" : ""))
    }

    /// Compresses on several threads; stores in order, group by group, on this one.
    private func archive(_ batch: IntakeQueue.Batch, as form: StoredForm) throws -> Int {
        let listed = ListedNames(among: batch.entries, home: home)
        var group = IntakeGroup(home: home, reporter: reporter, listed: listed)
        var count = 0
        let workerCount = min(form.compression.workerCount(coreCount: Workers.coreCount), workerLimit)
        do {
            try Workers.map(
                batch.entries,
                count: workerCount,
                window: workerCount * 4,
                check: { try SignalWatch.check() },
                makeState: { try makeStager(form, listed) },
                body: { (stager: inout WALStager, entry: IntakeQueue.Entry) in try stager.stage(entry) },
                inOrder: { index, decision in
                    logFile(decision.entry, index, of: batch)
                    group.add(decision)
                    if group.isFull { count += try group.commit().count }
                }
            )
        } catch {
            // What is complete is stored; should that fail as well, the first error is the one that matters, and a repeat
            // takes up everything that is still in the queue.
            _ = try? group.commit()
            throw error
        }
        count += try group.commit().count
        log(
            .debug,
            "Archived \(batch.entries.count) out of \(batch.foundCount) xlog segments from \(queue.title) "
                + "for \(home.name)"
        )
        return count
    }

    /// With hooks each file is on its own, since a script may expect to find it stored.
    private func archiveOneByOne(
        _ batch: IntakeQueue.Batch,
        as form: StoredForm,
        _ hooks: ArchiveHooks
    ) throws -> Int {
        let listed = ListedNames(among: batch.entries, home: home)
        var group = IntakeGroup(home: home, reporter: reporter, listed: listed)
        let stager = try makeStager(form, listed)
        var count = 0
        for (index, entry) in batch.entries.enumerated() {
            try SignalWatch.check()
            logFile(entry, index, of: batch)
            let received = try subject(of: entry)
            do {
                try hooks.run(.pre, received)
            } catch let abort as HookScript.Abort {
                reporter.show("\t\(entry.text)")
                log(
                    .warning,
                    "Archiving of \(home.name)/\(entry.text) aborted by pre_archive_retry_script."
                        + "Reason: \(abort)"
                )
                return count
            }
            do {
                let decision = try stager.stage(entry)
                group.add(decision)
                let records = try group.commit()
                count += records.count
                try hooks.run(.post, stored(entry, records.first, received), error: Self.errorText(decision.verdict))
            } catch let error where !(error is SignalWatch.Interrupted) {
                try hooks.run(.post, received, error: "\(error)")
                throw error
            }
        }
        return count
    }

    private func makeStager(_ form: StoredForm, _ listed: ListedNames) throws -> WALStager {
        try WALStager(home: home, judge: judge, form: form, arrivals: arrivals, listed: listed)
    }

    private func subject(of entry: IntakeQueue.Entry) throws -> ArchiveHooks.Subject {
        let status = try FileSystem.status(of: entry.path)
        return ArchiveHooks.Subject(
            name: entry.text,
            path: entry.path,
            sizeBytes: status.sizeBytes,
            time: Double(status.modifiedSeconds) + 1e-9 * Double(status.modifiedNanoseconds),
            compression: try StoredWAL(entry.path, settings: home.settings).compression
        )
    }

    private func stored(
        _ entry: IntakeQueue.Entry,
        _ record: XlogRecord?,
        _ received: ArchiveHooks.Subject
    ) -> ArchiveHooks.Subject {
        ArchiveHooks.Subject(
            name: entry.text,
            path: WALArchive(home).path(of: entry.name, text: entry.text),
            sizeBytes: record?.sizeBytes ?? received.sizeBytes,
            time: received.time,
            compression: record.map(\.compression) ?? received.compression
        )
    }

    private static func errorText(_ verdict: IntakeVerdict) -> String? {
        switch verdict {
        case .store: nil
        case .stored: "the same file is archived already"
        case .different: "a different file of this name is archived already"
        case .broken(let reason): reason
        case .vanished: "the file has vanished"
        case .unfinished: "the file is still being written"
        }
    }

    private func moveForeign(_ names: [String]) {
        guard !names.isEmpty else { return }
        log(
            .warning,
            "Archiver is about to move \(names.count) unexpected file(s) to errors directory for "
                + "\(home.name) from \(queue.title)"
        )
        reporter.show(
            "Some unknown objects have been found while processing xlog segments for \(home.name). "
                + "Objects moved to errors directory:"
        )
        let errors = ErrorsDirectory(home: home)
        for name in names {
            log(.warning, "Moving unexpected file for \(home.name) from \(queue.title): \(name)")
            reporter.show("\t\(name)")
            _ = errors.take(queue.directory.appending(name), as: .unknown, telling: reporter)
        }
    }

    private func logFile(_ entry: IntakeQueue.Entry, _ index: Int, of batch: IntakeQueue.Batch) {
        log(
            .info,
            "Archiving segment \(index + 1) of \(batch.entries.count) from \(queue.title): "
                + "\(home.name)/\(entry.text)"
        )
    }

    private func log(_ level: LogLevel, _ text: String) {
        reporter.log(level, WALIntake.logger, text)
    }
}
