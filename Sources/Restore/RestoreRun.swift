import Archive
import Backup
public import Catalog
public import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import WAL

/// One `barman restore`: plans, copies, configures, and lets the server become startable last of all.
///
/// `global/pg_control` is put in place only when everything else is on disk, so a restore that was cut off cannot be started
/// by mistake.
public struct RestoreRun: Sendable {
    private let home: ServerHome
    private let request: RestoreRequest
    private let reporter: any Reporter

    /// Prepares a restore; nothing happens yet.
    public init(home: ServerHome, request: RestoreRequest, reporter: any Reporter) {
        self.home = home
        self.request = request
        self.reporter = reporter
    }

    /// Restores, and returns what the user must be told.
    ///
    /// A request that is refused writes nothing.
    public func run() throws(Failure) -> RestoreReport {
        do {
            return try restore()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(RestoreError.text(error), kind: .exception, cause: error)
        }
    }

    /// Says what a restore would do and whether it can work; writes nothing, neither there nor here.
    ///
    /// `rate` is how fast it is expected to copy.
    public func forecast(rate: CopyRate = .assumed) throws(Failure) -> RestoreForecast {
        do {
            var plan = try RestorePlanner(home: home, request: request, reporter: reporter).plan()
            let host = try reachableHost(of: plan)
            var early: [PlanFinding] = []
            var target = RecoveryTarget()
            do {
                plan.isDelta = try checkDestination(plan, host)
            } catch let failure as Failure {
                early.append(PlanFinding("destination", .refused, failure.message, hint: failure.hint))
            }
            do {
                target = try self.target(plan) { reporter.warning($0) }
            } catch {
                let time = request.targetTime.flatMap { try? RecoveryTarget.parse(time: $0).0 }
                let other = time.flatMap { Alternatives(plan.catalog).hint(time: $0) }
                early.append(PlanFinding("target", .refused, error.message, hint: error.hint ?? other))
            }
            let outcome = try RestoreChecks(home: home, plan: plan, host: host).run(target).adding(early)
            return RestoreForecast(plan, target: target, outcome: outcome, server: home.name, rate: rate)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(RestoreError.text(error), kind: .exception, cause: error)
        }
    }

    /// The host that is restored to; refuses one that does not answer.
    private func reachableHost(of plan: RestorePlan) throws -> any RestoreHost {
        guard let ssh = plan.remote else { return LocalRestoreHost() }
        let host = try RemoteRestoreHost(ssh: ssh)
        if let trouble = try host.trouble() {
            throw Failure(
                "Unable to connect to the target host using the command '\(request.remoteSSHCommand ?? "")'",
                hint: trouble
            )
        }
        return host
    }

    private func target(_ plan: RestorePlan, warn: (String) -> Void) throws(Failure) -> RecoveryTarget {
        try RecoveryTarget(request, backupVersion: plan.version, backupEnd: plan.info.endTime, warn: warn)
    }

    /// The way of the recovery, unless it cannot work: then that is said before anything is written.
    private func checkBeforehand(_ plan: RestorePlan, _ host: any RestoreHost) throws -> RecoveryPath? {
        // What is wrong with the target itself is said where the reference says it.
        guard let target = try? target(plan, warn: { _ in }) else { return nil }
        let outcome = try RestoreChecks(home: home, plan: plan, host: host).run(target)
        try outcome.refuse(plan, server: home.name)
        outcome.warn(reporter)
        return outcome.path
    }

    private func restore() throws -> RestoreReport {
        var plan = try RestorePlanner(home: home, request: request, reporter: reporter).plan()
        try archiveWhatHasArrived()
        let host = try reachableHost(of: plan)
        plan.isDelta = try checkDestination(plan, host)
        let path = try checkBeforehand(plan, host)
        let hooks = RecoveryHooks(home: home, plan: plan, reporter: reporter)
        if request.runsHooks { try hooks.run(.pre) }
        let report = try RestoreWork(home: home, plan: plan, host: host, path: path, reporter: reporter).run()
        if request.runsHooks { try hooks.run(.post) }
        return report
    }

    /// What waits in the queues may be part of the way.
    ///
    /// A restore without it is better than none: the checks find what is missing.
    private func archiveWhatHasArrived() throws {
        do {
            try WALIntake(home: home, reporter: reporter).run()
        } catch let failure as Failure {
            reporter.warning("WAL files that have arrived could not be archived: \(failure.message)")
        }
    }

    /// Refuses a destination that must not be written to; true when what is there can be completed.
    private func checkDestination(_ plan: RestorePlan, _ host: any RestoreHost) throws -> Bool {
        try DestinationGuard(plan: plan, host: host).check() == .delta
    }
}

/// Errors of all rooms in the words of a restore.
enum RestoreError {
    /// The text; an interruption is named as the reference names it.
    static func text(_ error: any Error) -> String {
        guard !isInterruption(error) else { return "Process interrupted by user (KeyboardInterrupt)" }
        var text = "\(error)"
        while text.utf8.last == UInt8(ascii: "\n") { text.unicodeScalars.removeLast() }
        return text
    }

    /// True when the user asked the program to end.
    static func isInterruption(_ error: any Error) -> Bool {
        if error is SignalWatch.Interrupted { return true }
        if case .interrupted? = error as? ProcessError { return true }
        return false
    }

    /// Puts an error into the words for what was being done; an interruption stays what it is.
    static func naming<Result>(_ words: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let failure as Failure {
            throw Failure(words + failure.message, hint: failure.hint, cause: failure)
        } catch  where isInterruption(error) {
            throw Failure(text(error), cause: error)
        } catch {
            throw Failure(words + text(error), cause: error)
        }
    }
}
