import Upkeep

/// The answer of `check --nagios`: one line for the operator, and one for each failed check.
struct MonitoringAnswer: Equatable {
    /// The text, newline included.
    let text: String
    /// 0 for OK, 2 for critical.
    let exitStatus: Int32

    init(_ reports: [CheckReport], hasConfigurationErrors: Bool) {
        let bad = reports.filter(\.hasFailed)
        let performance = Self.performance(of: reports)
        let isCritical = hasConfigurationErrors || bad.contains(where: \.isActive)
        if isCritical, let first = bad.first {
            let issues = bad.map { report in
                " * \(report.server) FAILED: \(report.failures.map(\.label).joined(separator: ", "))"
            }
            let subject =
                reports.count == 1
                ? "server \(first.server) has issues" : "\(bad.count) server out of \(reports.count) have issues"
            let details = bad.flatMap { report in
                report.failures.map {
                    "\(report.server).\($0.label): FAILED" + ($0.hint.map { " (\($0))" } ?? "") + "\n"
                }
            }
            text = "BARMAN CRITICAL - \(subject)\(issues.joined())\(performance)\n\(details.joined())"
            exitStatus = 2
            return
        }
        guard !isCritical else {
            text = "BARMAN CRITICAL - Global configuration errors\n"
            exitStatus = 2
            return
        }
        exitStatus = 0
        let ignored = bad.map { " * IGNORING: \($0.server)" }.joined()
        let good = reports.filter { !$0.hasFailed }
        switch good.count {
        case 0: text = "BARMAN OK - No server configured\(ignored)\n"
        case 1 where reports.count == 1:
            text = "BARMAN OK - Ready to serve the Espresso backup for \(good[0].server)\(ignored)\(performance)\n"
        default:
            let names = good.map { " * \($0.server)" }.joined()
            text =
                "BARMAN OK - Ready to serve the Espresso backup for \(good.count) servers\(names)\(ignored)\(performance)\n"
        }
    }

    /// `|pg=123B pg_wals=45B`: what graphs are drawn from.
    private static func performance(of reports: [CheckReport]) -> String {
        guard !reports.isEmpty else { return "" }
        let values = reports.map { "\($0.server)=\($0.newestBackupBytes)B \($0.server)_wals=\($0.walBytes)B" }
        return "|" + values.joined(separator: " ")
    }
}
