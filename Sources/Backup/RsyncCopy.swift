package import Failure
import Files
import Pipeline
package import Processes
import Synchronization
import SystemPackage

/// Copies directories and files by rsync (reference, backup.md 7): several at once, safely on top of what is there.
package struct RsyncCopy: Sendable {
    /// How items are copied.
    package struct Options: Sendable {
        /// How many rsync processes run at once.
        package var jobs = 1
        /// How many of them are started within a period.
        package var startBatchSize = 10
        /// The length of that period.
        package var startBatchPeriodSeconds = 1.0
        /// True when all destinations are new and empty: then there is nothing in them to compare with or to remove.
        package var isFresh = false
        /// True when the destinations are on this host.
        package var destinationIsLocal = true
        /// Files of a destination that is not new, last changed before, are believed to be equal when they look equal.
        package var horizonSeconds: Int64?
        /// The bytes that will be copied, as far as anybody knows; for the progress bar.
        package var expectedBytes: Int64?

        /// One process, nothing there before.
        package init() {}
    }

    private let command: RsyncCommand
    private let options: Options
    private let reporter: any Reporter

    /// Makes a copy that uses `command` for every run.
    package init(_ command: RsyncCommand, options: Options, reporter: any Reporter) {
        self.command = command
        self.options = options
        self.reporter = reporter
    }

    /// Copies all items; those of kind `lastFile` after all others are complete.
    ///
    /// `check` is called several times a second; what it throws ends all rsync processes and the copy.
    package func run(_ items: [CopyItem], check: () throws -> Void) throws -> CopyStatistics {
        var statistics = CopyStatistics(
            workerCount: options.jobs,
            labels: items.map { ($0.label, $0.kind == .directory) }
        )
        let workspace = Workspace()
        defer { workspace.remove() }
        var jobs: [CopyJob] = []
        var bytesToCopy: Int64? = 0
        for item in items where item.kind != .lastFile {
            if item.kind == .directory, !isSimple(item) {
                let began = Interruption.monotonicSeconds
                let analysis = RsyncAnalysis(item, command, options, reporter)
                let plan = try analysis.run(workspace) { body in try withTick(check) { try body($0) } }
                jobs += plan.jobs
                bytesToCopy = bytesToCopy.map { $0 &+ plan.bytesToCopy }
                statistics.addAnalysis(item.label, seconds: Interruption.monotonicSeconds - began)
            } else {
                jobs.append(CopyJob(item: item, operation: item.freshOptions + [item.source, item.destination]))
                if item.kind == .directory { bytesToCopy = nil }
            }
        }
        let expected = bytesToCopy ?? options.expectedBytes
        try run(jobs, expecting: expected, into: &statistics, check: check)
        let last = items.filter { $0.kind == .lastFile }.map {
            CopyJob(item: $0, operation: [$0.source, $0.destination])
        }
        try runOneByOne(last, ProgressBoard(last.count, expecting: nil), into: &statistics, check: check)
        statistics.finish()
        return statistics
    }

    /// One rsync run does everything when nothing is there, nothing to compare with, and nothing is shared out.
    private func isSimple(_ item: CopyItem) -> Bool {
        options.isFresh && options.jobs == 1 && item.olderCopies.isEmpty
    }

    // MARK: Copying

    private func run(
        _ jobs: [CopyJob],
        expecting expectedBytes: Int64?,
        into statistics: inout CopyStatistics,
        check: () throws -> Void
    ) throws {
        let board = ProgressBoard(jobs.count, expecting: expectedBytes)
        defer { show(board, isFinished: true) }
        if min(options.jobs, jobs.count) > 1 {
            try runTogether(jobs, board, into: &statistics, check: check)
        } else {
            try runOneByOne(jobs, board, into: &statistics, check: check)
        }
    }

    private func runOneByOne(
        _ jobs: [CopyJob],
        _ board: ProgressBoard,
        into statistics: inout CopyStatistics,
        check: () throws -> Void
    ) throws {
        for (number, job) in jobs.enumerated() {
            let began = Interruption.monotonicSeconds
            try withTick(check, showing: board) { tick in
                try Self.copy(job, with: command.applied(to: job.item), tick) { board.set(number, $0) }
            }
            statistics.addCopy(job.item.label, from: began, to: Interruption.monotonicSeconds)
        }
    }

    /// Several processes at once, each with a thread of ours that waits for it; this one looks after them all.
    private func runTogether(
        _ jobs: [CopyJob],
        _ board: ProgressBoard,
        into statistics: inout CopyStatistics,
        check: () throws -> Void
    ) throws {
        let throttle = StartThrottle(size: options.startBatchSize, periodSeconds: options.startBatchPeriodSeconds)
        let stop = StopSign()
        let command = command
        try stop.rethrowing {
            try Workers.map(
                jobs.indices.map { ($0, jobs[$0]) },
                count: options.jobs,
                window: max(jobs.count, 1),
                check: {
                    try stop.guarding(check)
                    show(board, isFinished: false)
                },
                body: { number, job in
                    try stop.guarding {
                        try throttle.wait(stop)
                        let began = Interruption.monotonicSeconds
                        let tick = ProcessRequest.Tick(everySeconds: 0.1) { try stop.check() }
                        try Self.copy(job, with: command.applied(to: job.item), tick) { board.set(number, $0) }
                        return (job.item.label, began, Interruption.monotonicSeconds)
                    }
                },
                inOrder: { _, result in
                    statistics.addCopy(result.0, from: result.1, to: result.2)
                }
            )
        }
    }

    private static func copy(
        _ job: CopyJob,
        with command: RsyncCommand,
        _ tick: ProcessRequest.Tick,
        progress: @escaping (Int64) -> Void
    ) throws {
        let leniency: RsyncCommand.Leniency = job.item.kind == .directory ? .vanishedFiles : .none
        do {
            try command.run(
                job.operation,
                item: job.item.label,
                leniency: leniency,
                progress: { progress($0.bytes) },
                tick: tick
            )
        } catch let failure as RsyncFailure {
            let isMissing = failure.outcome.status == .exited(23)
            guard job.item.kind == .optionalFile, isMissing else { throw failure }
            command.reporter.log(
                .warning,
                logger,
                "Ignoring error reading \(job.item.label): \(failure.outcome.errorText)"
            )
        }
    }

    /// Runs one process on this thread, with `check` called several times a second meanwhile.
    private func withTick<Result>(
        _ check: () throws -> Void,
        showing board: ProgressBoard? = nil,
        _ body: (ProcessRequest.Tick) throws -> Result
    ) throws -> Result {
        try withoutActuallyEscaping(check) { check in
            try body(
                ProcessRequest.Tick(everySeconds: 0.1) {
                    try check()
                    if let board { show(board, isFinished: false) }
                }
            )
        }
    }

    private func show(_ board: ProgressBoard, isFinished: Bool) {
        reporter.progress(
            ProgressUpdate(
                label: "Copying",
                doneBytes: board.total,
                totalBytes: board.expectedBytes.map { max($0, board.total) },
                isFinished: isFinished
            )
        )
    }

    static let logger = "barman.copy_controller"
}
