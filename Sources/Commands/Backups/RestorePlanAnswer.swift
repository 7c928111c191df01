import Console
import Notation
import Restore

/// What `restore --plan` prints: the plan, what was found, and whether the restore can work.
struct RestorePlanAnswer {
    let forecast: RestoreForecast

    /// Prints the plan; what cannot work is an error, so that the program ends with status 1, and a note that somebody can do
    /// something about is a warning.
    func give(to console: Console) {
        if console.isJSON { console.set("plan", json) } else { console.show(lines: lines) }
        for warning in forecast.findings.compactMap(\.warning) { console.warning(warning) }
        for finding in forecast.findings where finding.verdict == .refused {
            let hint = finding.hint.map { "\nHINT: \($0)" } ?? ""
            console.error("\(finding.subject): \(finding.text)\(hint)")
        }
    }

    // MARK: Console

    private var lines: [String] {
        let forecast = forecast
        let estimatedSeconds = forecast.estimatedSeconds
        var rows = [
            ("Server", forecast.server),
            ("Backup", forecast.chain.joined(separator: " + ") + " (\(forecast.form))"),
            ("PostgreSQL version", forecast.version),
            ("Destination", forecast.destination + (forecast.remoteCommand.map { " by way of '\($0)'" } ?? "")),
        ]
        if forecast.isDelta { rows.append(("What is there", "is compared with the backup and completed")) }
        rows += forecast.tablespaces.map { ("Tablespace \($0.name)", $0.location) }
        rows.append(("Recovery target", forecast.target))
        if let time = forecast.earliestTime, let lsn = forecast.earliestLSN {
            rows.append(("Earliest target", "\(time.catalogText), \(lsn)"))
        }
        rows += forecast.wal.map { ("WAL of timeline \($0.timeline)", "\($0.first) to \($0.last) (\($0.count))") }
        if let partial = forecast.partial { rows.append(("Unfinished WAL", partial)) }
        rows.append(("WAL delivery", forecast.usesGetWAL ? "fetched by get-wal during recovery" : "copied"))
        rows.append(("Size", "\(HumanText.size(forecast.dataBytes)) and \(HumanText.size(forecast.walBytes)) of WAL"))
        rows += forecast.needs.map { need in
            let free = need.freeBytes.map { "\(HumanText.size($0)) free" } ?? "free space unknown"
            return (
                "Space", "\(HumanText.size(need.neededBytes)) needed, \(free): \(need.places.joined(separator: ", "))"
            )
        }
        rows.append(
            (
                "Time for the copy",
                "\(estimatedSeconds < 1 ? "" : "about ")\(HumanText.duration(seconds: estimatedSeconds)) "
                    + "(\(forecast.estimateBasis))"
            )
        )
        let verdicts = forecast.findings.map { finding in
            let word =
                switch finding.verdict {
                case .good: "OK"
                case .note: "NOTE"
                case .refused: "FAILED"
                }
            return "\t\(finding.subject): \(word) (\(finding.text))"
        }
        return ["Restore plan:"] + rows.map { "\t\($0.0): \($0.1)" } + ["Checks:"] + verdicts + [
            forecast.isPossible
                ? "Nothing has been written. The restore can be done."
                : "Nothing has been written. The restore cannot work."
        ]
    }

    // MARK: JSON

    private var json: JSONValue {
        .object([
            ("server", .string(forecast.server)),
            ("backup_id", .string(forecast.backup)),
            ("chain", .array(forecast.chain.map(JSONValue.string))),
            ("form", .string(forecast.form)),
            ("postgresql_version", .string(forecast.version)),
            ("destination", .string(forecast.destination)),
            ("remote_command", .optional(forecast.remoteCommand)),
            ("delta", .bool(forecast.isDelta)),
            ("tablespaces", .object(forecast.tablespaces.map { ($0.name, .string($0.location)) })),
            ("target", .string(forecast.target)),
            ("timeline", .optional(forecast.timeline.map { Int64($0) })),
            ("earliest_time", .optional(forecast.earliestTime?.catalogText)),
            ("earliest_lsn", .optional(forecast.earliestLSN)),
            ("wal", .array(forecast.wal.map(json))),
            ("partial_wal", .optional(forecast.partial)),
            ("get_wal", .bool(forecast.usesGetWAL)),
            ("size_bytes", .integer(forecast.dataBytes)),
            ("wal_bytes", .integer(forecast.walBytes)),
            ("space", .array(forecast.needs.map(json))),
            ("estimated_seconds", .double(forecast.estimatedSeconds)),
            ("estimate_basis", .string(forecast.estimateBasis)),
            ("checks", .array(forecast.findings.map(json))),
            ("possible", .bool(forecast.isPossible)),
        ])
    }

    private func json(_ stretch: RestoreForecast.Stretch) -> JSONValue {
        .object([
            ("timeline", .integer(Int64(stretch.timeline))), ("first", .string(stretch.first)),
            ("last", .string(stretch.last)), ("count", .integer(Int64(clamping: stretch.count))),
        ])
    }

    private func json(_ need: SpaceNeed) -> JSONValue {
        .object([
            ("places", .array(need.places.map(JSONValue.string))), ("needed_bytes", .integer(need.neededBytes)),
            ("free_bytes", .optional(need.freeBytes)),
        ])
    }

    private func json(_ finding: PlanFinding) -> JSONValue {
        .object([
            ("subject", .string(finding.subject)), ("verdict", .string(finding.verdict.rawValue)),
            ("text", .string(finding.text)), ("hint", .optional(finding.hint)),
        ])
    }
}
