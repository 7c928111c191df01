import Failure
import Files
import Processes

/// The rows of a check as they are found out; stops the check when its time is up.
final class CheckSheet {
    /// Thrown when the time is up.
    struct TimedOut: Error {}

    private(set) var report: CheckReport
    let deadline: Deadline
    private let reporter: any Reporter
    /// The labels whose failure is of no consequence here.
    private let ignorable: Set<String>
    private let onResult: (CheckResult) -> Void
    /// True once a row has failed that is of consequence.
    private(set) var hasFailed = false

    init(
        server: String,
        isActive: Bool,
        deadline: Deadline,
        ignorable: Set<String>,
        reporter: any Reporter,
        onResult: @escaping (CheckResult) -> Void
    ) {
        report = CheckReport(server: server, isActive: isActive)
        self.deadline = deadline
        self.ignorable = ignorable
        self.reporter = reporter
        self.onResult = onResult
    }

    /// Announces what is looked at next.
    func begin(_ label: String) throws {
        try SignalWatch.check()
        guard !deadline.hasPassed else { throw TimedOut() }
        log(.debug, "Starting check: '\(label)'")
    }

    /// Adds a row.
    func add(_ label: String, _ isOK: Bool, _ hint: String? = nil, lines: [String] = []) {
        // A question that was cut off by the deadline has no answer to report.
        guard !deadline.hasPassed else { return }
        record(CheckResult(label, isOK: isOK, hint: hint, lines: lines))
    }

    /// Adds a row that is shown only when it failed.
    func addFailure(_ label: String, _ hint: String? = nil, lines: [String] = []) {
        add(label, false, hint, lines: lines)
    }

    /// Adds the row that says that the time was up.
    func addTimeout() {
        record(CheckResult("check timeout", isOK: false, hint: "barman check command timed out"))
    }

    /// Notes the sizes for performance data.
    func setSizes(newestBackup: Int64? = nil, wal: Int64? = nil) {
        if let newestBackup { report.newestBackupBytes = newestBackup }
        if let wal { report.walBytes = wal }
    }

    private func record(_ result: CheckResult) {
        let server = report.server
        if result.isOK {
            log(.debug, "Check '\(result.label)' succeeded for server '\(server)'")
        } else if ignorable.contains(result.label) {
            log(.info, "Ignoring failed check '\(result.label)' for server '\(server)'")
        } else {
            log(.error, "Check '\(result.label)' failed for server '\(server)'")
            hasFailed = true
        }
        report.results.append(result)
        onResult(result)
    }

    private func log(_ level: LogLevel, _ text: String) {
        reporter.log(level, "barman.server", text)
    }
}
