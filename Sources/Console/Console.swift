public import Failure
public import Notation
import Synchronization
public import SystemPackage

/// The only code that prints: messages, results, JSON, colours and progress.
///
/// Every message goes out with one `write` the moment it is made. All calls may come from any thread.
public final class Console: Reporter {
    /// Who reads the answer.
    public enum Format: Sendable {
        /// Text for people.
        case console
        /// One JSON object, printed by `finish()`.
        case json
        /// Nothing at all until the command prints its one summary itself: `check --nagios`.
        case silent
    }

    /// A colour of text on a terminal.
    public enum Colour: Int, Sendable {
        /// For what failed.
        case red = 31
        /// For what is fine.
        case green = 32
        /// For what needs a look.
        case yellow = 33
    }

    private struct State {
        var format: Format
        var quiet: Bool
        var debug: Bool
        var coloured: Bool
        var log: LogFile?
        var failed = false
        var messages: [(kind: String, texts: [String])] = []
        var results: [(key: String, value: JSONValue)] = []
        var bar: ProgressBar?
        var finished = false
    }

    private let state: Mutex<State>
    private let output: FileDescriptor
    private let errors: FileDescriptor

    /// Makes a console that writes to the two descriptors, which stay the caller's.
    public init(
        format: Format = .console,
        quiet: Bool = false,
        debug: Bool = false,
        coloured: Bool = false,
        log: LogFile? = nil,
        output: FileDescriptor = .standardOutput,
        errors: FileDescriptor = .standardError
    ) {
        self.output = output
        self.errors = errors
        let showsProgress = format == .console && !quiet && Terminal.isTerminal(errors)
        state = Mutex(
            State(
                format: format,
                quiet: quiet,
                debug: debug,
                coloured: coloured,
                log: log,
                bar: showsProgress ? ProgressBar() : nil
            )
        )
    }

    // MARK: Messages

    /// A detail for those who asked for it with `-d`.
    public func debug(_ text: String) {
        message(.debug, text)
    }

    /// A message for the user on standard output.
    public func info(_ text: String) {
        message(.info, text)
    }

    /// A display line on standard output that is not logged.
    public func show(_ text: String) {
        message(.info, text, logged: false)
    }

    /// Display lines, written together; for results of any length.
    public func show(lines: [String]) {
        state.withLock { state in
            switch state.format {
            case .json:
                for line in lines { Self.collect("_INFO", Secrets.masked(line), into: &state) }
            case .silent: break
            case .console where state.quiet: break
            case .console:
                var text = ""
                for line in lines {
                    text += Secrets.masked(line) + "\n"
                    if text.utf8.count > 1 << 16 {
                        write(text, to: output, &state)
                        text = ""
                    }
                }
                write(text, to: output, &state)
            }
        }
    }

    /// `WARNING: text` on standard error.
    public func warning(_ text: String) {
        message(.warning, text)
    }

    /// `ERROR: text` on standard error; the program will end with status 1.
    public func error(_ text: String) {
        message(.error, text)
    }

    /// `EXCEPTION: text` on standard error; the program will end with status 1.
    public func exception(_ text: String) {
        message(.exception, text)
    }

    /// A line for the log file alone.
    public func log(_ level: LogLevel, _ logger: String, _ text: String) {
        state.withLock { $0.log?.write(level, logger, Secrets.masked(text)) }
    }

    /// Shows how far a long work has come, on a terminal only.
    public func progress(_ update: ProgressUpdate) {
        state.withLock { state in
            guard var bar = state.bar, let text = bar.text(for: update) else { return }
            state.bar = bar
            Self.put(text, to: errors)
        }
    }

    // MARK: Results

    /// True when the answer is collected as JSON.
    public var isJSON: Bool { state.withLock { $0.format == .json } }

    /// True after an error, an exception or `markFailed()`.
    public var hasFailed: Bool { state.withLock { $0.failed } }

    /// Makes the program end with status 1 without a message.
    public func markFailed() {
        state.withLock { $0.failed = true }
    }

    /// Puts a value at the top level of the JSON answer; a second value of the same key replaces the first.
    public func set(_ key: String, _ value: JSONValue) {
        state.withLock { state in
            if let index = state.results.firstIndex(where: { $0.key == key }) {
                state.results[index].value = value
            } else {
                state.results.append((key, value))
            }
        }
    }

    /// Mutes everything from here on; the command prints its one summary with `printDirectly(_:)`.
    public func silence() {
        state.withLock { $0.format = .silent }
    }

    /// Writes to standard output whatever the format and `-q`, unmasked and without a newline of ours.
    public func printDirectly(_ text: String) {
        state.withLock { write(text, to: output, &$0) }
    }

    /// The text in a colour if colours are on.
    public func painted(_ text: String, _ colour: Colour) -> String {
        state.withLock { Self.painted(text, colour, $0) }
    }

    /// Prints the JSON answer, if that is the format; the last thing a program does.
    public func finish() {
        state.withLock { state in
            guard !state.finished else { return }
            state.finished = true
            clearBar(&state)
            guard state.format == .json, !state.quiet else { return }
            let messages = state.messages.map { (key: $0.kind, value: JSONValue.array($0.texts.map(JSONValue.string))) }
            let answer = JSONValue.object(state.results.map { (key: $0.key, value: $0.value) } + messages)
            write(Secrets.masked(answer).text(sortedKeys: true, indent: nil), to: output, &state)
        }
    }

    // MARK: Inside

    private enum MessageKind {
        case debug, info, warning, error, exception

        var prefix: String {
            switch self {
            case .debug: "DEBUG: "
            case .info: ""
            case .warning: "WARNING: "
            case .error: "ERROR: "
            case .exception: "EXCEPTION: "
            }
        }

        var key: String {
            switch self {
            case .debug: "_DEBUG"
            case .info: "_INFO"
            case .warning: "_WARNING"
            case .error: "_ERROR"
            case .exception: "_EXCEPTION"
            }
        }

        var level: LogLevel {
            switch self {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error, .exception: .error
            }
        }

        var colour: Colour? {
            switch self {
            case .debug, .info: nil
            case .warning: .yellow
            case .error, .exception: .red
            }
        }
    }

    private func message(_ kind: MessageKind, _ text: String, logged: Bool = true) {
        let masked = Secrets.masked(text)
        state.withLock { state in
            if kind == .error || kind == .exception { state.failed = true }
            switch state.format {
            case .json:
                if kind != .debug || state.debug { Self.collect(kind.key, masked, into: &state) }
            case .silent: break
            case .console: print(kind, masked, &state)
            }
            if logged { state.log?.write(kind.level, "barman", masked) }
        }
    }

    private func print(_ kind: MessageKind, _ text: String, _ state: inout State) {
        if kind == .info {
            if !state.quiet { write(text + "\n", to: output, &state) }
            return
        }
        if kind == .debug && !state.debug { return }
        var line = kind.prefix + text
        if let colour = kind.colour { line = Self.painted(line, colour, state) }
        clearBar(&state)
        Self.put(line + "\n", to: errors)
    }

    private static func painted(_ text: String, _ colour: Colour, _ state: State) -> String {
        state.coloured && state.format == .console ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }

    private static func collect(_ kind: String, _ text: String, into state: inout State) {
        if let index = state.messages.firstIndex(where: { $0.kind == kind }) {
            state.messages[index].texts.append(text)
        } else {
            state.messages.append((kind, [text]))
        }
    }

    private func clearBar(_ state: inout State) {
        if let text = state.bar?.clearing() { Self.put(text, to: errors) }
    }

    /// Writes to standard output; an answer that could not be written is a failure, told once.
    private func write(_ text: String, to descriptor: FileDescriptor, _ state: inout State) {
        guard !text.isEmpty else { return }
        clearBar(&state)
        guard let problem = Self.put(text, to: descriptor), !state.failed || problem != .brokenPipe else { return }
        state.failed = true
        if problem != .brokenPipe {
            Self.put("ERROR: [Errno \(problem.rawValue)] \(problem) while writing the output\n", to: errors)
        }
    }

    /// Prints texts as they are on standard output and standard error; for what ends before there is a console.
    public static func printRaw(_ output: String, _ errorOutput: String) {
        put(output, to: .standardOutput)
        put(errorOutput, to: .standardError)
    }

    /// Prints a text on standard error before, or in spite of, every setting.
    public static func printPlain(_ text: String) {
        put(text + "\n", to: .standardError)
    }

    /// Writes all of the text as UTF-8 and returns what went wrong, if anything did.
    @discardableResult
    private static func put(_ text: String, to descriptor: FileDescriptor) -> Errno? {
        do {
            try descriptor.writeAll(text.utf8)
            return nil
        } catch let problem as Errno {
            return problem
        } catch {
            return .ioError
        }
    }
}
