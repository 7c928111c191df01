import Failure
import Files
import SystemPackage

/// The configuration files in a restored directory: made safe, completed with the recovery settings, and reported on.
struct RestoredConfiguration {
    /// What the user is told.
    struct Result {
        var changes: [RestoreReport.ConfigurationLine] = []
        var warnings: [RestoreReport.ConfigurationLine] = []
        var missingFiles: [String] = []
    }

    let plan: RestorePlan
    let host: any RestoreHost
    let reporter: any Reporter

    init(plan: RestorePlan, host: any RestoreHost, reporter: any Reporter) {
        self.plan = plan
        self.host = host
        self.reporter = reporter
    }

    /// Edits what is there; `settings` are appended to the file for recovery settings.
    func edit(_ settings: [String]) throws -> Result {
        reporter.info("Identify dangerous settings in destination directory.")
        var result = Result()
        for name in usualFiles + extraFile(settings) {
            let path = join(plan.destination, name)
            let isSettingsFile = name == plan.recoverySettingsFile
            var content = try host.readIfPresent(path)
            if content == nil {
                if usualFiles.contains(name) { result.missingFiles.append(name) }
                guard isSettingsFile, plan.version >= 12_00_00 else { continue }
                // It is reported as missing all the same: what was in it is lost.
                try host.write([], to: path)
                content = []
            }
            guard let content, isSettingsFile || name == "postgresql.conf" || name == "postgresql.auto.conf" else {
                continue
            }
            try edit(name, content, appending: isSettingsFile ? settings : [], into: &result)
        }
        return result
    }

    private let usualFiles = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"]

    /// The file the user wants the settings in, when it is none of the usual ones.
    private func extraFile(_ settings: [String]) -> [String] {
        let name = plan.recoverySettingsFile
        return settings.isEmpty || usualFiles.contains(name) || name == "recovery.conf" ? [] : [name]
    }

    private func edit(
        _ name: String,
        _ content: [UInt8],
        appending settings: [String],
        into result: inout Result
    ) throws {
        let edit = ConfigurationEdit(editing: content, appending: settings)
        let path = join(plan.destination, name)
        try RestoreError.naming(plan.remote == nil ? "" : "remote copy of configuration files failed: ") {
            try host.edit(path, keepingOriginalAt: path + ".origin", contents: edit.content)
        }
        func line(_ finding: ConfigurationEdit.Finding) -> RestoreReport.ConfigurationLine {
            RestoreReport.ConfigurationLine(file: name, line: finding.line, key: finding.key, value: finding.value)
        }
        result.changes += edit.changes.map(line)
        result.warnings += edit.warnings.map(line)
    }
}
