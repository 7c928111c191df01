import Commands

/// What the shells' completions know of the commands, in one form for all three.
struct CompletionWords {
    /// What is completed at the place of a positional.
    enum Place: String {
        case server, servers, backup, file, model, nothing
    }

    let command: CommandEntry

    /// Every way to write an option, those of the help included.
    var flags: [String] { ["--help", "-h"] + command.options.flatMap(\.flags) }

    /// The options whose next word is their value.
    var valued: [CommandEntry.Option] { command.options.filter(Self.takesNextWord) }

    /// What each positional takes; the last one repeats if `repeats`.
    var places: [Place] { command.positionals.map(Self.place) }

    /// Whether the last positional may be given several times.
    var repeats: Bool { command.positionals.last?.isRepeated ?? false }

    /// Every command, with its names.
    static let all = CommandEntry.all.map(CompletionWords.init)

    /// Every name of the command.
    var names: [String] { [command.name] + command.aliases }

    /// An option that always has a value; one that may have one takes it after `=` only.
    static func takesNextWord(_ option: CommandEntry.Option) -> Bool {
        option.placeholder.map { !$0.hasPrefix("[") } ?? false
    }

    /// Whether the value of an option is a path on this host.
    static func takesFile(_ option: CommandEntry.Option) -> Bool {
        let name = option.flags.first ?? ""
        return ["-dir", "directory", "path", "--config"].contains(where: name.hasSuffix)
    }

    private static func place(_ positional: CommandEntry.Positional) -> Place {
        switch positional.name {
        case "server_name": positional.isRepeated ? .servers : .server
        case "backup_id": .backup
        case "model_name": .model
        case let name where ["directory", "tarball", "path", "dest"].contains(where: name.hasSuffix): .file
        default: .nothing
        }
    }
}
