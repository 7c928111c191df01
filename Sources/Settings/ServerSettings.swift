import Failure
import SystemPackage

/// The settings of one server: a value, cheap to copy, complete once the configuration is read.
public struct ServerSettings: Sendable {
    /// The name of its section.
    public let name: String
    /// The root of the catalog, as configured.
    public let barmanHome: String
    /// Why the server can not be used, commands print the first and `check` all; empty when it can.
    public private(set) var messages: [String] = []
    /// What is said each time a command loads this server.
    public private(set) var loadMessages: [SettingsMessage] = []
    /// The model put over this server, if any.
    public private(set) var activeModel: String?

    /// The values as configured, before the rules of the backup method and of policies.
    private var configured: [OptionValue?]
    /// The values in force.
    private var values: [OptionValue?]
    /// The messages that come before those of the rules.
    private var earlyMessages: [String] = []
    private let section: MergedSections.Section
    private let fallback: MergedSections.Section
    private var model: ModelSettings?

    init(
        name: String,
        barmanHome: String,
        configured: [OptionValue?],
        section: MergedSections.Section,
        fallback: MergedSections.Section
    ) {
        self.name = name
        self.barmanHome = barmanHome
        self.configured = configured
        values = configured
        self.section = section
        self.fallback = fallback
    }

    // MARK: Values

    /// The value in force, or nil when the option is unset.
    public subscript(_ option: ServerOption) -> OptionValue? { values[option.rawValue] }

    /// The value in force of the option of that name; nil when unset or unknown.
    public subscript(_ name: String) -> OptionValue? { ServerOption(name: name).flatMap { self[$0] } }

    /// The value as configured, before the rules; what a change of configuration is compared with.
    public func configuredValue(of option: ServerOption) -> OptionValue? { configured[option.rawValue] }

    /// The file that gave an option its value, or `default`.
    public func source(of option: ServerOption) -> String {
        let entry =
            section[option.name] ?? (option.specification.scope.contains(.global) ? fallback[option.name] : nil)
        return entry?.path.string ?? "default"
    }

    /// The file that `diagnose` names for an option: that of `[barman]` too, even if the option does not count there.
    public func namedSource(of option: ServerOption) -> String {
        (section[option.name] ?? fallback[option.name])?.path.string ?? "default"
    }

    /// The same server with other values for some options, as from a command line; the rules are applied anew.
    public func overriding(_ overrides: [ServerOption: OptionValue?]) -> ServerSettings {
        var copy = self
        for (option, value) in overrides { copy.configured[option.rawValue] = value }
        copy.applyRules()
        return copy
    }

    /// The same server with the connections of its WAL streaming host, and the line that says so.
    ///
    /// The line is nil, and the server as it was, when neither `wal_conninfo` nor `wal_streaming_conninfo` is set. It holds
    /// connection strings as the reference prints them: show it through a console, which masks passwords.
    public func forWALStreaming() -> (settings: ServerSettings, announcement: String?) {
        let streaming = self[.walStreamingConninfo]
        let normal = self[.walConninfo] ?? streaming
        guard let normal else { return (self, nil) }
        // Without a string of its own, streaming stays where it was: it does not follow the new `conninfo`.
        let overrides: [ServerOption: OptionValue?] = [
            .conninfo: normal, .streamingConninfo: streaming ?? self[.streamingConninfo],
        ]
        var parts = ["'conninfo' overridden with '\(OptionText.console(normal, of: .conninfo))'"]
        if let streaming {
            parts.insert(
                "'streaming_conninfo' overridden with '\(OptionText.console(streaming, of: .conninfo))'",
                at: 0
            )
        }
        return (overriding(overrides), "Configuration overrides applied: " + parts.joined(separator: " and "))
    }

    // MARK: Models

    /// The same server with a model put over it; every option that the model sets wins.
    public func applying(_ model: ModelSettings) -> ServerSettings {
        var copy = self
        for option in ServerOption.allCases where option != .cluster {
            if let value = model[option] { copy.configured[option.rawValue] = value }
        }
        copy.model = model
        copy.activeModel = model.name
        copy.applyRules()
        return copy
    }

    /// What putting a model over this server changes in what is configured.
    public func changes(through model: ModelSettings) -> [SettingsChange] {
        changes(through: model, of: configured)
    }

    /// What putting a model over this server changes in the values in force.
    func changesInForce(through model: ModelSettings) -> [SettingsChange] {
        changes(through: model, of: values)
    }

    private func changes(through model: ModelSettings, of values: [OptionValue?]) -> [SettingsChange] {
        ServerOption.allCases.compactMap { option in
            guard let value = model[option], value != values[option.rawValue] else { return nil }
            return SettingsChange(
                option: option,
                server: name,
                oldText: OptionText.console(values[option.rawValue], of: option),
                newText: OptionText.console(value, of: option),
                model: model.name
            )
        }
    }

    // MARK: Rules

    mutating func disable(_ message: String) {
        earlyMessages.append(message)
    }

    /// Computes the values in force and all messages from what is configured.
    mutating func applyRules() {
        var rules = ServerRules(server: name, values: configured)
        rules.apply()
        values = rules.values
        messages = earlyMessages + rules.disabling
        loadMessages = rules.loadMessages
        if !messages.isEmpty { values[ServerOption.disabled.rawValue] = .boolean(true) }
    }
}

/// One value that a model changes.
public struct SettingsChange: Sendable, Hashable, CustomStringConvertible {
    /// The option that changes.
    public let option: ServerOption
    /// The server it belongs to.
    public let server: String
    /// The value before, as text.
    public let oldText: String
    /// The value after, as text.
    public let newText: String
    /// The model that changes it.
    public let model: String

    /// The line of the reference for this change.
    public var description: String {
        "Changing value of option '\(option.name)' for server '\(server)' from '\(oldText)' to '\(newText)' "
            + "through the model '\(model)'"
    }
}
