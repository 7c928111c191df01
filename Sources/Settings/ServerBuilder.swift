import Failure
import Files
import SystemPackage

/// Turns sections into servers and models, in the order of their appearance.
struct ServerBuilder {
    private let global: GlobalSettings
    private let picture: MergedSections
    private let barman: MergedSections.Section
    /// What `[barman]` gives for each option, parsed once.
    private let inherited: [ParsedOption?]
    private let inheritedTexts: [String]
    /// The defaults that do not depend on the server.
    private let defaults: [OptionValue?]

    init(_ configuration: Configuration) throws(Failure) {
        global = configuration.global
        picture = configuration.picture
        barman = picture["barman"] ?? MergedSections.Section(name: "barman")
        var inherited: [ParsedOption?] = []
        var texts: [String] = []
        var defaults: [OptionValue?] = []
        for specification in OptionTable.server {
            var parsed: ParsedOption?
            var text = ""
            if specification.scope.contains(.global), let entry = barman[specification.name] {
                text = try Self.text(of: entry, in: barman)
                parsed = Self.parse(text, as: specification, section: "barman")
            }
            inherited.append(parsed)
            texts.append(text)
            defaults.append(Self.constantDefault(of: specification))
        }
        self.inherited = inherited
        inheritedTexts = texts
        self.defaults = defaults
    }

    func build(reporter: any Reporter) throws(Failure) -> ServerList {
        var servers: [ServerSettings] = []
        var models: [String: ModelSettings] = [:]
        for section in picture.sections where section.name != "barman" {
            if section.name == "all" {
                let text = "the reserved word 'all' is not allowed as server name.Please rename it."
                reporter.log(.critical, "barman.config", text)
                throw Failure("FATAL: \(text)", kind: .plain)
            }
            for entry in section.entries {
                // Every option is resolved before any is looked at: a bad reference ends the run whatever its name.
                _ = try Self.text(of: entry, in: section)
            }
            if try isModel(section) {
                models[section.name] = try model(section, reporter: reporter)
            } else {
                servers.append(try server(section, reporter: reporter))
            }
        }
        let appearance = servers.map(\.name)
        servers.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var list = ServerList(servers: servers, appearance: appearance, models: models, globalErrors: [])
        PathConflicts.mark(&list)
        ActiveModel.apply(to: &list, reporter: reporter)
        for index in list.servers.indices { list.servers[index].applyRules() }
        return list
    }

    private func isModel(_ section: MergedSections.Section) throws(Failure) -> Bool {
        guard let entry = section["model"] else { return false }
        let text: String
        do {
            text = try section.resolve(entry)
        } catch {
            throw error.failure
        }
        guard let isModel = OptionParser.boolean(text) else {
            throw Failure(OptionParser.booleanReason, kind: .exception)
        }
        return isModel
    }

    // MARK: Servers

    private func server(
        _ section: MergedSections.Section,
        reporter: any Reporter
    ) throws(Failure) -> ServerSettings {
        var entries = [MergedSections.Entry?](repeating: nil, count: OptionTable.server.count)
        for entry in section.entries {
            if let option = ServerOption(name: entry.name) {
                entries[option.rawValue] = entry
            } else {
                reporter.warning("Invalid configuration option \"\(entry.name)\" in [\(section.name)] section.")
            }
        }
        var values = [OptionValue?](repeating: nil, count: OptionTable.server.count)
        for index in values.indices {
            values[index] = try value(at: index, entry: entries[index], section: section, values, reporter)
        }
        return ServerSettings(
            name: section.name,
            barmanHome: global.barmanHome,
            configured: values,
            section: section,
            fallback: barman
        )
    }

    private func value(
        at index: Int,
        entry: MergedSections.Entry?,
        section: MergedSections.Section,
        _ values: [OptionValue?],
        _ reporter: any Reporter
    ) throws(Failure) -> OptionValue? {
        let specification = OptionTable.server[index]
        if let entry, specification.scope.contains(.server) {
            let text = try Self.text(of: entry, in: section)
            switch Self.parse(text, as: specification, section: section.name) {
            case .value(let value): return value
            case .unset: return nil
            case .absent: break
            case .invalid(let reason): warn(text, specification, section.name, reason, reporter)
            }
        }
        switch inherited[index] {
        case .value(let value): return value
        case .unset: return nil
        case .absent, nil: break
        case .invalid(let reason): warn(inheritedTexts[index], specification, "barman", reason, reporter)
        }
        return defaults[index] ?? computedDefault(of: specification, server: section.name, values)
    }

    private static func constantDefault(of specification: OptionSpecification) -> OptionValue? {
        guard let text = specification.defaultText, !text.utf8.contains(UInt8(ascii: "{")),
            case .value(let value) = OptionParser.parse(text, as: specification.type, key: "", section: "")
        else {
            if case .words = specification.type { return .words([]) }
            return nil
        }
        return value
    }

    /// A default that is made of values of the same server.
    private func computedDefault(
        of specification: OptionSpecification,
        server: String,
        _ values: [OptionValue?]
    ) -> OptionValue? {
        guard let text = specification.defaultText else { return nil }
        let value = { (option: ServerOption) -> String? in
            guard case .string(let text) = values[option.rawValue] else { return nil }
            return text
        }
        switch text {
        case "{home}/{name}": return .string(global.barmanHome + "/" + server)
        case "{name}": return .string(server)
        case "{conninfo}": return value(.conninfo).map { .string($0) }
        case "{wals}": return value(.walsDirectory).map { .string($0) }
        default: break
        }
        let prefix = "{backup}"
        guard text.hasPrefix(prefix) else { return nil }
        return value(.backupDirectory).map { .string($0 + text.dropFirst(prefix.count)) }
    }

    // MARK: Models

    private func model(
        _ section: MergedSections.Section,
        reporter: any Reporter
    ) throws(Failure) -> ModelSettings {
        var values = [OptionValue?](repeating: nil, count: OptionTable.server.count)
        var entries = values.map { _ in MergedSections.Entry?.none }
        for entry in section.entries where entry.name != "model" {
            if let option = ServerOption(name: entry.name), option.specification.scope.contains(.model) {
                entries[option.rawValue] = entry
            } else {
                reporter.warning("Invalid configuration option \"\(entry.name)\" in [\(section.name)] section.")
            }
        }
        guard entries[ServerOption.cluster.rawValue] != nil else {
            let text = "Parameter \"cluster\" is required in [\(section.name)] section."
            reporter.log(.error, "barman.config", text)
            throw Failure(
                "ERROR: \(text)\nYour configuration is missing required parameters. Exiting.",
                kind: .plain
            )
        }
        for (index, specification) in OptionTable.server.enumerated() {
            guard let entry = entries[index] else { continue }
            let text = try Self.text(of: entry, in: section)
            switch Self.parse(text, as: specification, section: section.name) {
            case .value(let value): values[index] = value
            case .unset, .absent: break
            case .invalid(let reason): warn(text, specification, section.name, reason, reporter)
            }
        }
        return ModelSettings(name: section.name, values: values, section: section, fallback: barman)
    }

    // MARK: Parts

    private static func text(
        of entry: MergedSections.Entry,
        in section: MergedSections.Section
    ) throws(Failure) -> String {
        do {
            return try section.text(of: entry)
        } catch {
            throw error.failure
        }
    }

    /// Directories without a text keep their default, where the reference breaks down.
    private static func parse(
        _ text: String,
        as specification: OptionSpecification,
        section: String
    ) -> ParsedOption {
        let parsed = OptionParser.parse(text, as: specification.type, key: specification.name, section: section)
        let needsValue = specification.name.hasSuffix("_directory") || specification.type == .lateInteger
        return parsed == .unset && needsValue && specification.defaultText != nil ? .absent : parsed
    }

    private func warn(
        _ text: String,
        _ specification: OptionSpecification,
        _ section: String,
        _ reason: String,
        _ reporter: any Reporter
    ) {
        reporter.warning(
            "Ignoring invalid configuration value '\(text)' for key \(specification.name) "
                + "in [\(section)] section: \(reason)"
        )
    }
}
