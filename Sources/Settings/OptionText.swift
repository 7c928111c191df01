public import Notation

/// How values are shown by `show-servers`, on the console and in JSON.
public enum OptionText {
    /// The console form of a value: Python's text.
    public static func console(_ value: OptionValue?, of option: ServerOption) -> String {
        switch value {
        case nil: return "None"
        case .string(let text): return text
        case .integer(let number), .size(let number): return String(number)
        case .boolean(let isOn): return isOn ? "True" : "False"
        case .interval(let seconds): return clock(seconds)
        case .words(let words): return set(words, of: option)
        case .list(let items): return "[" + items.map(PythonText.quoted).joined(separator: ", ") + "]"
        case .rates(let rates):
            let items = rates.map { "\(PythonText.quoted($0.tablespace)): \($0.kilobytesPerSecond)" }
            return "{" + items.joined(separator: ", ") + "}"
        case .policy(let policy): return policy.canonicalText
        }
    }

    /// The JSON form of a value.
    public static func json(_ value: OptionValue?, of option: ServerOption) -> JSONValue {
        switch value {
        case nil: return .null
        case .integer(let number), .size(let number): return .integer(number)
        case .boolean(let isOn): return .bool(isOn)
        case .list(let items): return .array(items.map { .string($0) })
        case .rates(let rates): return .object(rates.map { ($0.tablespace, .integer($0.kilobytesPerSecond)) })
        case .string, .interval, .words, .policy: return .string(console(value, of: option))
        }
    }

    /// The form of a value in `diagnose` and `sync-info`: sets as words between commas, spans in words.
    public static func diagnosis(_ value: OptionValue?, of option: ServerOption) -> JSONValue {
        switch value {
        case .words(let words): .string(words.joined(separator: ","))
        case .interval(let seconds): .string(HumanText.duration(seconds: Double(seconds)))
        default: json(value, of: option)
        }
    }

    /// `BackupOptions({'concurrent_backup'})`, `RecoveryOptions()`.
    private static func set(_ words: [String], of option: ServerOption) -> String {
        guard case .words(_, _, let name) = option.specification.type else { return words.joined(separator: ",") }
        if words.isEmpty { return "\(name)()" }
        return "\(name)({" + words.map(PythonText.quoted).joined(separator: ", ") + "})"
    }

    /// `1 day, 0:00:00`.
    private static func clock(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        let padded = { (number: Int64) in number < 10 ? "0\(number)" : String(number) }
        let time = "\(seconds / 3_600 % 24):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
        if days == 0 { return time }
        return "\(days) day\(days == 1 ? "" : "s"), \(time)"
    }
}

extension ServerSettings {
    /// What `show-servers` prints for an option.
    ///
    /// For `last_backup_maximum_age` this is the configured age alone; the reader adds that of the last backup.
    public func consoleText(of option: ServerOption) -> String {
        if option == .lastBackupMaximumAge, let seconds = lastBackupMaximumAgeSeconds {
            return HumanText.duration(seconds: Double(seconds))
        }
        return OptionText.console(self[option], of: option)
    }

    /// What `show-servers` puts into JSON for an option; an unset `last_backup_maximum_age` is the word `None`.
    public func jsonValue(of option: ServerOption) -> JSONValue {
        if option == .lastBackupMaximumAge { return .string(consoleText(of: option)) }
        return OptionText.json(self[option], of: option)
    }

    /// The options that lists show: all of release 3.19.1, and those of ours that are set.
    public var shownOptions: [ServerOption] {
        ServerOption.allCases.filter { !ServerOption.added.contains($0) || self[$0] != nil }
    }
}
