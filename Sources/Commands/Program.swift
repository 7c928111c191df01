import Console
import Failure
import Files
import Glibc
import Notation
import Processes
import Settings
import SystemPackage

/// The program from its first word to its exit status.
public enum Program {
    /// Runs the command that the words (without the program's own name) ask for; returns the exit status.
    public static func run(_ words: [String], environment: [String: String]) -> Int32 {
        let invocation: Invocation
        do {
            invocation = try Invocation(parsing: words, columns: Terminal.helpColumns(environment: environment))
        } catch {
            Console.printRaw(error.output, error.errorOutput)
            return error.exitStatus
        }
        SignalWatch.install()
        do {
            return try run(invocation, environment: environment)
        } catch {
            return Console.announceEarly(error)
        }
    }

    /// Steps 2 to 6 of the start: what fails here is told in plain words on standard error.
    private static func run(_ invocation: Invocation, environment: [String: String]) throws -> Int32 {
        var environment = environment
        let main = try MainConfiguration.read(explicitPath: invocation.configurationFile, environment: environment)
        try UserSwitch.become(main.global.barmanUser, environment: &environment)
        let console = try makeConsole(invocation, main.global)
        let status: Int32
        do {
            try perform(invocation, main, environment, console)
            status = 0
        } catch let interruption as SignalWatch.Interrupted {
            status = endInterrupted(by: interruption.signal, console)
        } catch {
            status =
                Interruption.isRequested
                ? endInterrupted(by: Interruption.signalNumber, console) : console.announce(error)
        }
        // Work that was asked to end has cleaned up after itself by now, whether it told us or not.
        if Interruption.signalNumber == SIGTERM { return die(of: SIGTERM, console) }
        console.finish()
        return status != 0 || !console.hasFailed ? status : 1
    }

    private static func perform(
        _ invocation: Invocation,
        _ main: MainConfiguration,
        _ environment: [String: String],
        _ console: Console
    ) throws {
        let configuration = try main.loadExtras(environment: environment, reporter: console)
        let words = invocation.words.map(PythonText.quoted).joined(separator: ", ")
        console.log(
            .debug,
            "barman.cli",
            "Initialised Barman version \(Product.referenceVersion) "
                + "(config: \(main.global.configurationFile), args: [\(words)])"
        )
        let context = Context(console: console, configuration: configuration, environment: environment)
        guard let command = invocation.command else {
            console.silence()
            console.printDirectly(CommandTable.helpText(columns: context.helpColumns))
            return
        }
        guard let run = command.run else {
            throw Failure("command '\(command.name)' is not available in this version yet")
        }
        try run(context, invocation.arguments)
    }

    /// Opens the log and decides how answers look.
    private static func makeConsole(_ invocation: Invocation, _ global: GlobalSettings) throws -> Console {
        let format: LogFormat
        do {
            format = try global.logFormat.map { try LogFormat(parsing: $0) } ?? .standard
        } catch {
            throw Failure("\(error)", kind: .exception)
        }
        let requested = invocation.logLevel.map { GlobalSettings.threshold($0).threshold }
        let log = LogFile(path: global.logFile, threshold: requested ?? global.logThreshold, format: format)
        if log.problem != nil {
            log.write(.warning, "barman.utils", "Failed opening the requested log file. Using standard error instead.")
        }
        if let unknown = global.unknownLogLevel, requested == nil {
            log.write(.warning, "barman.utils", "unknown log_level in config file: \(unknown)")
        }
        let isTerminal = Terminal.isTerminal(.standardOutput) && Terminal.isTerminal(.standardError)
        return Console(
            format: invocation.isJSON ? .json : .console,
            quiet: invocation.isQuiet,
            debug: invocation.showsDebug,
            coloured: invocation.colour == "always" || (invocation.colour != "never" && isTerminal),
            log: log
        )
    }

    /// The end after a signal: SIGINT is an error of its own, any other one kills the program as if it was never caught.
    private static func endInterrupted(by number: Int32, _ console: Console) -> Int32 {
        guard number == SIGINT || number == 0 else { return die(of: number, console) }
        console.error("Process interrupted by user (KeyboardInterrupt)")
        return 1
    }

    /// Ends the program the way the signal does, without an answer.
    private static func die(of number: Int32, _ console: Console) -> Int32 {
        console.silence()
        console.finish()
        signal(number, SIG_DFL)
        raise(number)
        return 128 + number
    }
}
