import Console
import Notation
import Restore

/// What `restore` says when it is done.
struct RestoreAnswer {
    let report: RestoreReport

    func give(to console: Console) {
        if console.isJSON {
            for (key, value) in json { console.set(key, value) }
            for text in jsonWarnings { console.warning(text) }
        } else {
            console.show(lines: lines)
        }
    }

    // MARK: Console

    private var lines: [String] {
        var lines: [String] = []
        if !report.changes.isEmpty {
            lines += ["", "IMPORTANT", "These settings have been modified to prevent data losses", ""]
            lines += report.changes.map(\.text)
        }
        if !report.warnings.isEmpty {
            lines += [
                "", "WARNING", "You are required to review the following options as potentially dangerous", "",
            ]
            lines += report.warnings.map(\.text)
        }
        if !report.missingFiles.isEmpty {
            lines += [
                "", "WARNING",
                "The following configuration files have not been saved during backup, "
                    + "hence they have not been restored.",
                "You need to manually restore them in order to start the restored PostgreSQL instance:", "",
            ]
            lines += report.missingFiles.map { "    \($0)" }
        }
        if report.usesGetWAL {
            lines += [
                "", "WARNING: 'get-wal' is in the specified 'recovery_options'.",
                "Before you start up the PostgreSQL server, please review the \(report.recoverySettingsFile) file",
                "inside the target directory. Make sure that 'restore_command' can be executed by the PostgreSQL user.",
            ]
        }
        lines += [
            "",
            "Restore operation completed (start time: \(report.startTime.catalogText), "
                + "elapsed time: \(HumanText.duration(seconds: report.elapsedSeconds)))",
            "Your PostgreSQL server has been successfully prepared for recovery!",
        ]
        return lines
    }

    // MARK: JSON

    private var json: [(key: String, value: JSONValue)] {
        [
            ("changes", array(report.changes)),
            ("changes_count", .integer(Int64(report.changes.count))),
            ("warnings", array(report.warnings)),
            ("warnings_count", .integer(Int64(report.warnings.count))),
            ("missing_files", .array(report.missingFiles.map(JSONValue.string))),
            ("recovery_start_time", .string(report.startTime.catalogText)),
            ("recovery_start_time_timestamp", .string(report.startTime.epochText)),
            ("recovery_elapsed_time", .string(HumanText.duration(seconds: report.elapsedSeconds))),
            ("recovery_elapsed_time_seconds", .double(report.elapsedSeconds)),
        ]
    }

    private func array(_ lines: [RestoreReport.ConfigurationLine]) -> JSONValue {
        .array(
            lines.map {
                .array([.string($0.file), .integer(Int64($0.line)), .string($0.key), .optional($0.value)])
            }
        )
    }

    private var jsonWarnings: [String] {
        var texts: [String] = []
        if !report.changes.isEmpty {
            texts.append(
                "IMPORTANT! Some settings have been modified to prevent data losses. See 'changes' key."
            )
        }
        if !report.warnings.isEmpty {
            texts.append(
                "WARNING! You are required to review the options as potentially dangerous. See 'warnings' key."
            )
        }
        if !report.missingFiles.isEmpty {
            texts.append(
                "WARNING! Some configuration files have not been saved during backup, "
                    + "hence they have not been restored. See 'missing_files' key."
            )
        }
        if report.usesGetWAL {
            texts.append(
                "WARNING: 'get-wal' is in the specified 'recovery_options'. Before you start up the PostgreSQL "
                    + "server, please review the recovery configuration inside the target directory. Make sure that "
                    + "'restore_command' can be executed by the PostgreSQL user."
            )
        }
        return texts
    }
}
