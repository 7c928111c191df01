import Failure
import Notation

/// What a command line asks for: global options, a command and its arguments.
struct Invocation: Sendable {
    /// Why there is nothing to run: a text for one of the two streams and the exit status.
    struct Ending: Error, Equatable {
        var output = ""
        var errorOutput = ""
        var exitStatus: Int32 = 0
    }

    /// The value of `-c`, if it is not empty.
    let configurationFile: String?
    /// The value of `--color`, if given.
    let colour: String?
    /// The value of `--log-level`, if given.
    let logLevel: String?
    let isQuiet: Bool
    let showsDebug: Bool
    let isJSON: Bool
    /// The command; nil when none was given.
    let command: CommandSpecification?
    let arguments: ParsedArguments
    /// All words after the program, for the log.
    let words: [String]

    /// Reads the words after the program's name.
    init(parsing words: [String], columns: Int) throws(Ending) {
        let help = HelpText(columns: columns)
        let parser = ArgumentParser(options: CommandTable.globalOptions, positionals: [Self.commandPositional])
        let reading: ArgumentParser.Reading
        do {
            reading = try parser.read(words) { reading throws(ArgumentParser.Outcome) in
                let name = reading.command.first ?? ""
                guard CommandTable.command(named: name) == nil else { return }
                throw .complaint("argument command: " + ArgumentParser.invalidChoice(name, of: CommandTable.names))
            }
        } catch {
            throw Self.ending(error, program: "barman", help) {
                CommandTable.helpText(columns: columns)
            }
        }
        var arguments = ParsedArguments()
        var leftovers = reading.leftovers
        if let name = reading.command.first, let command = CommandTable.command(named: name) {
            self.command = command
            do {
                let inner = ArgumentParser(options: [.help] + command.options, positionals: command.positionals)
                let innerReading = try inner.read(Array(reading.command.dropFirst()))
                arguments = innerReading.arguments
                leftovers += innerReading.leftovers
            } catch {
                throw Self.ending(error, program: "barman \(command.name)", help, of: command) {
                    command.helpText(columns: columns)
                }
            }
        } else {
            command = nil
        }
        if !leftovers.isEmpty {
            let text = "unrecognized arguments: \(leftovers.joined(separator: " "))"
            throw Self.ending(.complaint(text), program: "barman", help) { "" }
        }
        let global = reading.arguments
        configurationFile = global.text("config").flatMap { $0.isEmpty ? nil : $0 }
        colour = global.text("color")
        logLevel = global.text("log_level")
        isQuiet = global.flag("quiet")
        showsDebug = global.flag("debug")
        isJSON = global.text("format") == "json"
        self.arguments = arguments
        self.words = words
    }

    private static let commandPositional = PositionalArgument("command", .command, help: "")

    private static func ending(
        _ outcome: ArgumentParser.Outcome,
        program: String,
        _ help: HelpText,
        of command: CommandSpecification? = nil,
        helpText: () -> String
    ) -> Ending {
        switch outcome {
        case .help: return Ending(output: helpText())
        case .version: return Ending(output: Product.versionLine + "\n")
        case .complaint(let text):
            let usage = command?.usage(help) ?? CommandTable.usage(help)
            return Ending(errorOutput: usage + "\(program): error: \(text)\n", exitStatus: 2)
        }
    }
}
