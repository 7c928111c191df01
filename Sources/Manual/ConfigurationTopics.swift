import Settings

/// The options of configuration files, sorted by what they are about.
struct ConfigurationTopic {
    let title: String
    let options: [OptionSpecification]

    /// Every option once: the topics below, and whatever none of them names at the end.
    static let all: [ConfigurationTopic] = {
        var rest = OptionTable.server
        var topics: [ConfigurationTopic] = [
            ConfigurationTopic(title: "The program as a whole", options: OptionTable.global)
        ]
        for (title, isMember) in plan {
            topics.append(ConfigurationTopic(title: title, options: rest.filter { isMember($0.name) }))
            rest.removeAll { isMember($0.name) }
        }
        if !rest.isEmpty { topics.append(ConfigurationTopic(title: "Further options", options: rest)) }
        return topics
    }()

    /// Whether the options of the topic belong to `[barman]` alone.
    var isGlobalOnly: Bool { options.allSatisfy { $0.scope == .global } }

    private static var plan: [(title: String, isMember: (String) -> Bool)] {
        [
            ("Servers and models", { ["active", "cluster", "description", "disabled"].contains($0) }),
            (
                "Connections to PostgreSQL",
                { $0.hasSuffix("conninfo") || ["primary_checkpoint_timeout", "keepalive_interval"].contains($0) }
            ),
            (
                "Ways to other hosts",
                { ["ssh_command", "primary_ssh_command", "forward_config_path", "path_prefix"].contains($0) }
            ),
            ("Archiving WAL", { isAboutWAL($0) }),
            ("Base backups", { isAboutBackups($0) }),
            ("What is kept", { $0.contains("retention") || ["minimum_redundancy", "worm_mode"].contains($0) }),
            ("Limits that check looks at", { $0.hasPrefix("last_") || $0.hasPrefix("max_") || $0 == "check_timeout" }),
            (
                "Restores",
                {
                    $0.contains("staging_") && !$0.hasPrefix("cloud")
                        || ["recovery_options", "combine_mode"].contains($0)
                }
            ),
            ("Encryption", { $0.hasPrefix("encryption") }),
            ("Where things are stored", { $0.hasSuffix("_directory") && !$0.hasPrefix("cloud") }),
            ("Scripts before and after", { $0.hasSuffix("_script") }),
            (
                "Object stores and snapshots",
                { ["aws_", "azure_", "gcp_", "cloud_", "snapshot_"].contains(where: $0.hasPrefix) }
            ),
        ]
    }

    private static func isAboutWAL(_ name: String) -> Bool {
        let names = ["compression", "compression_level", "create_slot", "slot_name"]
        return name.contains("archiver") || name.hasPrefix("custom_") || names.contains(name)
    }

    private static func isAboutBackups(_ name: String) -> Bool {
        if name.hasSuffix("_directory") { return false }
        let prefixes = ["backup_", "basebackup_", "parallel_jobs", "streaming_backup", "warehousepg"]
        let names = [
            "autogenerate_manifest", "bandwidth_limit", "immediate_checkpoint", "network_compression", "reuse_backup",
            "tablespace_bandwidth_limit",
        ]
        return prefixes.contains(where: name.hasPrefix) || names.contains(name)
    }
}

extension OptionSpecification {
    /// What a user may write, for people.
    var values: String { type.description }

    /// The value that counts when none is given, for people; nil when there is none.
    var standard: String? {
        guard let text = defaultText, !text.isEmpty else { return nil }
        return text.replacing("{home}", with: "barman_home")
            .replacing("{backup}", with: "backup_directory")
            .replacing("{wals}", with: "wals_directory")
            .replacing("{name}", with: "the server's name")
            .replacing("{conninfo}", with: "conninfo")
    }

    /// The sections that may hold it, for people.
    var places: String {
        [(OptionScope.global, "[barman]"), (.server, "servers"), (.model, "models")]
            .filter { scope.contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
