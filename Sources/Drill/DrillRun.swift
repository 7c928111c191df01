public import Catalog
public import Failure
import Files
import Notation
import Pipeline
import Postgres
import Processes
import Restore
import Settings
import SystemPackage

/// One `barman drill`: restores into a scratch directory, recovers on a private server, checks, and leaves nothing but a record.
public struct DrillRun: Sendable {
    private let home: ServerHome
    private let request: DrillRequest
    private let reporter: any Reporter
    private let environment: [String: String]

    /// Prepares a drill; nothing happens yet.
    public init(
        home: ServerHome,
        request: DrillRequest,
        reporter: any Reporter,
        environment: [String: String]
    ) {
        self.home = home
        self.request = request
        self.reporter = reporter
        self.environment = environment
    }

    /// Does the drill and stores its record, durably; what is wrong with the backup is in the record.
    ///
    /// Throws when the drill itself could not be done (nothing is stored then), and when the user ends it.
    public func run() throws -> DrillRecord {
        let assertions = try request.assertions.map { path throws(Failure) in try Assertions(reading: path) }
        let info = try BackupCatalog.load(home).resolve(request.restore.backup)
        let programs = try programs(for: info)
        var record = DrillRecord(server: home.name, backup: info.id, startTime: .now())
        record.serverVersion = programs.version
        record.target = targetText
        let scratch = try DrillScratch(for: home, in: request.directory)
        // The work may have been ended by a signal: that must not end the clean-up.
        defer { remove(scratch) }
        try checkPossible(info, scratch)
        try perform(info, programs, scratch, assertions, &record)
        // A question that the user cut off is no defect of the backup.
        try SignalWatch.check()
        try DrillLog(home).append(record)
        return record
    }

    private func programs(for info: BackupInfo) throws(Failure) -> ServerPrograms {
        let number = Int(clamping: info.version ?? 0)
        let major = number >= 10_00_00 ? "\(number / 10000)" : "\(number / 10000).\(number / 100 % 100)"
        guard
            let programs = ServerPrograms.find(
                major: major,
                pathPrefix: home.settings.pathPrefix,
                environment: environment
            )
        else {
            throw Failure(
                "There is no PostgreSQL \(major) on this host, with which the backup was made",
                hint: "Install it, or name its directory in 'path_prefix'."
            )
        }
        return programs
    }

    private var targetText: String {
        let restore = request.restore
        let parts = [
            restore.targetTime.map { "time \($0)" }, restore.targetXID.map { "xid \($0)" },
            restore.targetLSN.map { "lsn \($0)" }, restore.targetName.map { "name \($0)" },
            restore.targetImmediate ? "immediate" : nil, restore.targetTimeline.map { "timeline \($0)" },
        ].compactMap { $0 }
        return parts.isEmpty ? "latest" : parts.joined(separator: ", ")
    }

    private func remove(_ scratch: DrillScratch) {
        do {
            try scratch.remove()
        } catch {
            reporter.warning("cannot remove '\(scratch.directory)': \(error)")
        }
    }

    // MARK: Phases

    private func perform(
        _ info: BackupInfo,
        _ programs: ServerPrograms,
        _ scratch: DrillScratch,
        _ assertions: Assertions?,
        _ record: inout DrillRecord
    ) throws {
        guard try copy(info, scratch, &record) else { return }
        reporter.info("Recovering on a private server (PostgreSQL \(programs.version)).")
        let began = Interruption.monotonicSeconds
        var server = try DrillServer(programs: programs, scratch: scratch, user: nil)
        defer { server.stop() }
        do {
            try server.waitUntilOpen(timeoutSeconds: request.timeoutSeconds)
        } catch let failure as Failure {
            record.defects.append(failure.message)
            return
        }
        record.phases.replaySeconds = Interruption.monotonicSeconds - began
        try askNewestCommit(server, &record)

        reporter.info("Checking databases, tables and indexes.")
        let checking = Interruption.monotonicSeconds
        try DatabaseChecks(server: server, workerCount: min(8, max(2, Workers.coreCount))).run(&record)
        try assertions?.run(on: server, &record)
        record.phases.checkSeconds = Interruption.monotonicSeconds - checking
    }

    /// Restores as `restore` does; returns false when the backup cannot be restored, which is in the record.
    private func copy(_ info: BackupInfo, _ scratch: DrillScratch, _ record: inout DrillRecord) throws -> Bool {
        reporter.info("Restoring backup \(info.id) into '\(scratch.directory)'.")
        let restore = restore(of: info, scratch)
        let began = Interruption.monotonicSeconds
        do {
            _ = try RestoreRun(home: home, request: restore, reporter: LogOnlyReporter(reporter)).run()
        } catch {
            try SignalWatch.check()
            record.defects.append(error.message)
            return false
        }
        record.phases.copySeconds = Interruption.monotonicSeconds - began
        record.copiedBytes = try FileSystem.sizeOfTree(scratch.directory)
        return true
    }

    /// Refuses what is wrong with the drill and not with the backup: no room, or a target that is not in the WAL.
    ///
    /// Warns of what a restore would warn of: that recovery will end on an older timeline proves less than it seems.
    private func checkPossible(_ info: BackupInfo, _ scratch: DrillScratch) throws {
        let run = RestoreRun(home: home, request: restore(of: info, scratch), reporter: LogOnlyReporter(reporter))
        // A plan that cannot be made is the backup's fault: the drill says so.
        guard let forecast = try? run.forecast() else { return try SignalWatch.check() }
        for warning in forecast.findings.compactMap(\.warning) { reporter.warning(warning) }
        // A restore may be tried when the room perhaps does not do; a drill would blame the backup.
        let faults = forecast.findings.filter { $0.verdict == .refused || $0.subject == "space" && $0.verdict == .note }
        guard let fault = faults.first, faults.allSatisfy({ Self.notOfBackup.contains($0.subject) }) else { return }
        throw Failure("The drill of backup \(info.id) cannot be done: \(fault.text)", hint: fault.hint)
    }

    /// What a plan finds that says nothing about the backup.
    private static let notOfBackup: Set<String> = ["destination", "space", "tablespaces", "target"]

    private func restore(of info: BackupInfo, _ scratch: DrillScratch) -> RestoreRequest {
        var restore = request.restore
        restore.backup = info.id
        restore.destination = scratch.data.string
        restore.tablespaceRules = (info.tablespaces ?? []).map { tablespace in
            "\(tablespace.name):\(scratch.directory.appending("space-\(tablespace.oid)"))"
        }
        // The restored server stands alone; the recovery is one even without a target, so that it follows every timeline.
        restore.getWAL = false
        restore.deltaRestore = false
        restore.runsHooks = false
        restore.targetTimeline = restore.targetTimeline ?? "latest"
        restore.targetAction = "promote"
        return restore
    }

    private func askNewestCommit(_ server: DrillServer, _ record: inout DrillRecord) throws {
        do throws(PostgresError) {
            let session = try server.connect(to: "template1")
            let question = "SELECT extract(epoch FROM pg_last_xact_replay_timestamp())::float8"
            guard let text = try session.rows(question).first, let seconds = Double(text) else { return }
            let time = Timestamp(secondsSinceEpoch: seconds)
            record.newestCommit = time
            record.newestCommitAgeSeconds = record.startTime.seconds(since: time)
        } catch {
            record.defects.append("the newest commit cannot be asked for: \(error)")
        }
    }
}
