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
        /// Files changed before are believed to be equal when they look equal; `nil` when nothing was copied before.
        package var horizonSeconds: Int64?
        /// True when all destinations are new and empty: then there is nothing to list, compare or purge.
        package var isFresh = false
        /// True when the reference directories are on this host.
        package var referenceIsLocal = true
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
        for item in items where item.kind != .lastFile {
            if item.kind == .directory, !isSimple {
                let began = Interruption.monotonicSeconds
                jobs += try analyse(item, workspace: workspace, check: check)
                statistics.addAnalysis(item.label, seconds: Interruption.monotonicSeconds - began)
            } else {
                jobs.append(CopyJob(item: item, operation: item.freshOptions + [item.source, item.destination]))
            }
        }
        try run(jobs, into: &statistics, check: check)
        let last = items.filter { $0.kind == .lastFile }.map {
            CopyJob(item: $0, operation: [$0.source, $0.destination])
        }
        try run(last, into: &statistics, check: check)
        statistics.finish()
        return statistics
    }

    /// One rsync run for each directory does everything when nothing is there and nothing is shared out.
    private var isSimple: Bool { options.isFresh && options.jobs == 1 }

    // MARK: Analysis

    /// Lists both sides, makes the directories, removes what does not belong, and plans the copies of one directory.
    private func analyse(_ item: CopyItem, workspace: Workspace, check: () throws -> Void) throws -> [CopyJob] {
        let command = command.applied(to: item)
        let reference = try listReference(item, command, check: check)
        let source = try list(item.source, item, command, check: check)
        let classification = CopyClassification(
            source: source,
            reference: reference,
            horizonSeconds: options.horizonSeconds,
            ignoring: item.label == "pgdata" ? ["pg_tblspc"] : []
        )
        let directory = try workspace.directory()
        let directories = try write(classification.directories, to: directory, "\(name(item))_dir.list")
        let rules = directory.appending("\(name(item))_exclude_and_protect.filter")
        try writeFile(classification.purgeRules, to: rules)
        let purge = RsyncCommand.directoriesAndPurge(
            from: item.source,
            to: item.destination,
            list: directories,
            filterFile: rules
        )
        _ = try withTick(check) { tick in
            try command.run(purge, item: item.label, tick: tick)
        }
        return try planCopies(item, classification, in: directory)
    }

    private func planCopies(
        _ item: CopyItem,
        _ classification: CopyClassification,
        in directory: FilePath
    ) throws -> [CopyJob] {
        var jobs: [CopyJob] = []
        for (files, kind) in [(classification.safe, "safe"), (classification.check, "check")] where !files.isEmpty {
            for bucket in CopyClassification.buckets(files, count: options.jobs) {
                let list = try write(bucket.map(\.path), to: directory, "\(name(item))_\(kind)_\(jobs.count).list")
                jobs.append(
                    CopyJob(
                        item: item,
                        operation: RsyncCommand.copy(
                            from: item.source,
                            to: item.destination,
                            list: list,
                            comparingChecksums: kind == "check"
                        )
                    )
                )
            }
        }
        return jobs
    }

    /// What there is to compare with; `nil` when it cannot be listed, which makes every newer file be read.
    private func listReference(
        _ item: CopyItem,
        _ command: RsyncCommand,
        check: () throws -> Void
    ) throws -> [RsyncListingEntry]? {
        if options.isFresh, item.reuse == nil { return [] }
        if options.referenceIsLocal { return try RsyncListingEntry.listing(of: FilePath(item.reference)) }
        do {
            let path = item.reference.hasSuffix("/") ? item.reference : item.reference + "/"
            return try list(path, item, command, check: check)
        } catch let failure as RsyncFailure {
            reporter.log(.error, Self.logger, "Unable to retrieve reference directory file list: \(failure)")
            return nil
        }
    }

    private func list(
        _ directory: String,
        _ item: CopyItem,
        _ command: RsyncCommand,
        check: () throws -> Void
    ) throws -> [RsyncListingEntry] {
        var command = command
        // Dates without zone are read without doubt only if they are UTC.
        command.extraEnvironment["TZ"] = "UTC"
        let listing = command
        return try withTick(check) { tick in
            var entries: [RsyncListingEntry] = []
            try listing.list(directory, item: item.label, tick: tick) { line in
                if let entry = try RsyncListingEntry(parsing: line) { entries.append(entry) }
            }
            return entries
        }
    }

    // MARK: Copying

    private func run(_ jobs: [CopyJob], into statistics: inout CopyStatistics, check: () throws -> Void) throws {
        let board = ProgressBoard(jobCount: jobs.count)
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
                totalBytes: options.expectedBytes.map { max($0, board.total) },
                isFinished: isFinished
            )
        )
    }

    // MARK: Lists

    /// A label as part of a file name.
    private func name(_ item: CopyItem) -> String {
        String(item.label.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
    }

    private func write(_ paths: [String], to directory: FilePath, _ name: String) throws -> FilePath {
        let file = directory.appending(name)
        // A line that begins like a comment would be taken for one.
        try writeFile(paths.map { $0.hasPrefix("#") || $0.hasPrefix(";") ? "./" + $0 : $0 }, to: file)
        return file
    }

    private func writeFile(_ lines: [String], to path: FilePath) throws {
        let file = try OwnedDescriptor(opening: path, .writeOnly, options: [.create, .truncate])
        try file.writeAll(Array(lines.map { $0 + "\n" }.joined().utf8))
        try file.close()
    }

    private static let logger = "barman.copy_controller"
}

/// One rsync run of a copy.
private struct CopyJob: Sendable {
    let item: CopyItem
    let operation: [String]
}

/// The directory of the lists, made when the first is needed.
private final class Workspace {
    private var path: FilePath?

    func directory() throws(FileError) -> FilePath {
        if let path { return path }
        let made = try FileSystem.createTemporaryDirectory()
        path = made
        return made
    }

    func remove() {
        // Left behind it wastes a few kilobytes; the copy is what matters.
        if let path { _ = try? FileSystem.removeTree(path) }
    }
}

/// Tells the threads of a copy that it is over, and remembers why.
private final class StopSign: Sendable {
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
private final class ProgressBoard: Sendable {
    private let bytes: Mutex<[Int64]>

    init(jobCount: Int) {
        bytes = Mutex([Int64](repeating: 0, count: jobCount))
    }

    func set(_ job: Int, _ count: Int64) {
        bytes.withLock { $0[job] = count }
    }

    var total: Int64 { bytes.withLock { $0.reduce(0, &+) } }
}

/// Lets only so many processes start in a period.
private final class StartThrottle: Sendable {
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
