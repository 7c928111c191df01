import Catalog
import Console
import Notation
import Postgres
import Settings
import Upkeep

/// `show-servers`: every option of a server, and what the running server says.
enum ShowServersCommand {
    static let specification = CommandSpecification(
        name: "show-servers",
        aliases: ["show-server"],
        summary: "Show the whole configuration of servers, with what PostgreSQL says of itself.",
        positionals: [.servers],
        run: run
    )

    @Sendable
    static func run(_ context: Context, _ arguments: ParsedArguments) throws {
        try context.forEach(context.servers(arguments.list("server_name"), .runAll)) { home in
            let values = try values(of: home, context)
            if context.console.isJSON {
                var members = values.map { (key: $0.key, value: $0.json) }
                if home.settings.description == nil, let index = members.firstIndex(where: { $0.key == "description" })
                {
                    members[index].value = .optional(home.stateText)
                }
                context.console.set(home.name, .object(members))
            } else {
                context.console.show(home.header)
                context.console.show(lines: values.map { "\t\($0.key): \($0.consoleText)" })
            }
        }
    }

    /// All lines in the order of their keys.
    private static func values(of home: ServerHome, _ context: Context) throws -> [LiveValue] {
        let settings = home.settings
        var values: [String: LiveValue] = [:]
        for option in settings.shownOptions {
            let name = option.name
            values[name] = LiveValue(
                key: name,
                consoleText: settings.consoleText(of: option),
                json: settings.jsonValue(of: option)
            )
        }
        let extra = [
            LiveValue("name", text: home.name),
            LiveValue("passive_node", flag: settings.isPassive),
            LiveValue("active_model", text: settings.activeModel),
        ]
        for value in extra { values[value.key] = value }
        let server = context.postgres(of: home)
        for value in LiveValues.of(settings, server: server, environment: context.environment) {
            values[value.key] = value
        }
        if let age = settings.lastBackupMaximumAgeSeconds {
            let text = try maximumAgeText(age, home)
            values["last_backup_maximum_age"] = LiveValue("last_backup_maximum_age", text: text)
        }
        return values.values.sorted { $0.key < $1.key }
    }

    /// The limit, and how old the newest backup is.
    private static func maximumAgeText(_ limitSeconds: Int64, _ home: ServerHome) throws -> String {
        let limit = HumanText.duration(seconds: Double(limitSeconds))
        guard let end = try BackupCatalog.load(home).newest()?.endTime else {
            return "\(limit) (WARNING! latest backup is No available backups old)"
        }
        let age = Timestamp.now().seconds(since: end)
        let text = HumanText.duration(seconds: age)
        return age <= Double(limitSeconds)
            ? "\(limit) (latest backup: \(text) )" : "\(limit) (WARNING! latest backup is \(text) old)"
    }
}
