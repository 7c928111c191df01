import Catalog
import Settings

/// Options of a command line that take the place of a setting for one run.
struct SettingOverrides {
    private var values: [ServerOption: OptionValue?] = [:]
    private let arguments: ParsedArguments

    /// The options that backups and restores share.
    init(copying arguments: ParsedArguments) {
        self.arguments = arguments
        setNumber(.basebackupRetryTimes, "retry_times")
        setNumber(.basebackupRetrySleep, "retry_sleep")
        setNumber(.parallelJobs, "jobs")
        setNumber(.parallelJobsStartBatchPeriod, "jobs_start_batch_period")
        setNumber(.parallelJobsStartBatchSize, "jobs_start_batch_size")
        // The setting is a text until its rules are applied.
        if let limit = arguments.integer("bwlimit") { values[.bandwidthLimit] = .string(String(limit)) }
    }

    /// Replaces a numeric setting if the option was given.
    mutating func setNumber(_ option: ServerOption, _ name: String) {
        if let number = arguments.integer(name) { values[option] = .integer(Int64(number)) }
    }

    /// Replaces an on/off setting if one of the pair of options was given.
    mutating func setFlag(_ option: ServerOption, _ name: String) {
        if let isOn = arguments.optionalFlag(name) { values[option] = .boolean(isOn) }
    }

    /// Replaces a textual setting if the option was given.
    mutating func setText(_ option: ServerOption, _ name: String) {
        if let text = arguments.text(name) { values[option] = .string(text) }
    }

    /// The server with these settings.
    func applied(to home: ServerHome) -> ServerHome {
        values.isEmpty ? home : ServerHome(settings: home.settings.overriding(values), global: home.global)
    }
}
