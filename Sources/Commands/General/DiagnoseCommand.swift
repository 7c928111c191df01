import Catalog
import Console
import Notation
import Postgres
import Processes
import Settings
import SystemPackage
import Upkeep

/// `diagnose`: everything that support asks for, as one JSON document.
enum DiagnoseCommand {
    static let specification = CommandSpecification(
        name: "diagnose",
        summary: "Print everything support asks for, as one JSON document.",
        options: [.flag("--show-config-source", help: "name the file that each option comes from")],
        run: run
    )

    private typealias Members = [(key: String, value: JSONValue)]

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        let list = try context.everyServerAndModel()
        let diagnosis = Diagnosis(context: context, showsSources: arguments.flag("show_config_source"))
        let document: JSONValue = .object([
            ("global", try diagnosis.global(errors: list.globalErrors)),
            ("models", .object(list.models.values.map { ($0.name, diagnosis.model($0)) })),
            ("servers", .object(try list.homes.map { ($0.name, try diagnosis.server($0)) })),
        ])
        // Texts are masked before they are packed: in the document quotes have backslashes before them.
        context.console.show(Secrets.masked(document).text(indent: 4))
    }

    /// Collects the parts of the document.
    private struct Diagnosis {
        let context: Context
        let showsSources: Bool

        private var global: GlobalSettings { context.configuration.global }

        func global(errors: [String]) throws -> JSONValue {
            var config: Members = global.entries
                .map { ($0.key, value(.string($0.value), from: global.configurationFile)) }
            func complete(_ name: String, _ text: JSONValue) {
                let isSet = global.entries[name] != nil
                config.removeAll { $0.key == name }
                config.append((name, value(text, from: isSet ? global.configurationFile : "default")))
            }
            complete("barman_lock_directory", .string(global.lockDirectory.string))
            complete("config_changes_queue", .string(global.configChangesQueue.string))
            complete("lock_directory_cleanup", .bool(global.lockDirectoryCleanup))
            config.append(("errors_list", .array(errors.map(JSONValue.string))))
            let system = try SystemInformation.local(runtime: Product.runtime).members
            let moment: Members = [
                ("barman_ver", .string(Product.referenceVersion)), ("timestamp", .string(Timestamp.now().isoText)),
            ]
            return .object([("config", .object(config)), ("system_info", .object(system + moment))])
        }

        func model(_ model: ModelSettings) -> JSONValue {
            let options = OptionTable.modelOptions.filter { !ServerOption.added.contains($0) || model[$0] != nil }
            var config: Members = options.map { option in
                (
                    option.name,
                    value(OptionText.diagnosis(model[option], of: option), from: model.namedSource(of: option)?.string)
                )
            }
            config.append(("model", value(.bool(true), from: model.sourceOfModel?.string)))
            return .object([("config", .object(config))])
        }

        func server(_ home: ServerHome) throws -> JSONValue {
            let settings = home.settings
            var config: Members = settings.shownOptions.map { option in
                (
                    option.name,
                    value(OptionText.diagnosis(settings[option], of: option), from: settings.namedSource(of: option))
                )
            }
            config.append(("name", value(.string(home.name), from: "default")))
            let live = LiveValues.of(settings, server: context.postgres(of: home), environment: context.environment)
            var members: Members = [
                ("active_model", .optional(settings.activeModel)),
                ("backups", .object(try BackupCatalog.load(home).all.map { ($0.id, backup($0)) })),
                ("config", .object(config)),
                ("msg_list", .array(settings.messages.map(JSONValue.string))),
                ("status", .object(live.map { ($0.key, $0.diagnosis) })),
                ("wals", .object([("last_archived_wal_per_timeline", .object(try newestSegments(home)))])),
            ]
            if let system = try remoteSystem(settings) { members.append(("system_info", .object(system))) }
            return .object(members)
        }

        private func backup(_ info: BackupInfo) -> JSONValue {
            .object(BackupRecordJSON.members(of: info, .diagnosis))
        }

        private func newestSegments(_ home: ServerHome) throws -> Members {
            try XlogDatabase(home).newestStoredSegments().map { ($0.key, $0.value.jsonValue) }
        }

        private func remoteSystem(_ settings: ServerSettings) throws -> Members? {
            guard let command = settings.sshCommand,
                let ssh = SSHCommand(command, pathPrefix: settings.pathPrefix)
            else { return nil }
            return try SystemInformation.remote(ssh, runtime: Product.runtime)?.members
        }

        /// A value of the configuration, with the file it comes from if that was asked for.
        private func value(_ value: JSONValue, from source: String?) -> JSONValue {
            showsSources ? .object([("source", .string(source ?? "default")), ("value", value)]) : value
        }
    }
}
