public import Files
public import SystemPackage

/// A program to run: what it is called with, what it reads, and where its output goes.
///
/// Made and run on one thread; `run` blocks until the child has ended.
public struct ProcessRequest {
    /// What the child reads on standard input.
    public enum Input: Sendable {
        /// Nothing: it finds the end at once.
        case none
        /// These bytes, then the end.
        case bytes([UInt8])
        /// An open file of ours, lent.
        case descriptor(FileDescriptor)
        /// What we read ourselves.
        case inherited
    }

    /// Where the child's output goes.
    public enum Output {
        /// Into the outcome; a child that writes more is ended, with an error.
        case collect(limitBytes: Int)
        /// To a handler, a line at a time without its line end; a throw of the handler ends the child.
        case lines((String) throws -> Void)
        /// To a handler as it comes; a throw of the handler ends the child.
        case chunks((UnsafeRawBufferPointer) throws -> Void)
        /// Into an open file of ours, lent.
        case descriptor(FileDescriptor)
        /// Nowhere.
        case discard
        /// Where our own output goes.
        case inherited
    }

    /// Something to do every now and then while the child runs; a throw of it ends the child.
    public struct Tick {
        /// How often, at least.
        public let intervalSeconds: Double
        /// What.
        public let body: () throws -> Void

        /// Makes a tick.
        public init(everySeconds intervalSeconds: Double, _ body: @escaping () throws -> Void) {
            self.intervalSeconds = intervalSeconds
            self.body = body
        }
    }

    /// A path, or a name that is looked up in the PATH of the child's environment.
    public var executable: String
    /// The words after the program's name.
    public var arguments: [String]
    /// The whole environment of the child; nil for ours.
    public var environment: [String: String]?
    /// Variables added to that environment, replacing those of the same name.
    public var extraEnvironment: [String: String] = [:]
    /// Directories put before the others in PATH, separated by colons.
    public var pathPrefix: String?
    /// Where the child starts; nil for where we are.
    public var workingDirectory: FilePath?
    /// Standard input.
    public var input: Input = .none
    /// Standard output.
    public var output: Output = .collect(limitBytes: 64 << 20)
    /// Standard error: `.collect` keeps the last 64 KiB and never fails.
    public var errorOutput: Output = .collect(limitBytes: 64 << 10)
    /// Whether the child leads a session of its own, away from our terminal.
    public var newSession = false
    /// Seconds after which the child is ended, with an error.
    public var timeoutSeconds: Double?
    /// Seconds between SIGTERM and SIGKILL for a child that must end.
    public var graceSeconds: Double = 10
    /// Something to do while the child runs.
    public var tick: Tick?
    /// Whether the child goes on when our program is asked to end; for clean-up.
    public var ignoresInterruption = false
    /// The wish to end that this child's run looks at; replaced in tests.
    public var interruption = InterruptionFlag.program

    /// Makes a request with nothing on standard input and both outputs collected.
    public init(_ executable: String, _ arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
    }

    /// The command line for messages and logs, secrets masked.
    public var commandText: String { MaskedCommand.text([executable] + arguments) }

    /// Runs the child to its end.
    ///
    /// A status other than 0 is not an error here.
    /// Throws `ProcessError`, or what a handler or the tick threw.
    public func run() throws -> ProcessOutcome {
        let pump = try ProcessPump(self)
        return try pump.run()
    }

    /// Runs the child to its end; a status other than 0 is `ProcessError.failed`.
    @discardableResult
    public func runChecked() throws -> ProcessOutcome {
        let outcome = try run()
        guard outcome.isSuccess else { throw ProcessError.failed(outcome) }
        return outcome
    }

    /// Starts the child in a session of its own and does not wait for it; returns its process number.
    ///
    /// It reads nothing, and writes nowhere unless `keepingDescriptors`.
    @discardableResult
    public func spawnDetached(keepingDescriptors: Bool = false) throws(ProcessError) -> Int32 {
        var request = self
        request.newSession = true
        let output: ChildStream = keepingDescriptors ? .inherited : .null
        return try Spawn.start(request, input: .null, output: output, errorOutput: output)
    }
}
