public import SystemPackage

/// How another host is reached: the configured `ssh_command`, with the options that keep it from asking questions.
public struct SSHCommand: Sendable, Equatable {
    /// Options that make ssh fail rather than ask.
    public static let batchOptions = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]

    /// The program, `ssh` as a rule.
    public let program: String
    /// The words after it, host included.
    public private(set) var arguments: [String]
    /// Directories put before the others in PATH.
    public var pathPrefix: String?

    /// Takes the option's text apart at blanks; nil when there is nothing in it.
    public init?(_ text: String, extraOptions: [String] = SSHCommand.batchOptions, pathPrefix: String? = nil) {
        let words = ShellWords.splitAtBlanks(text)
        guard let program = words.first else { return nil }
        self.program = program
        arguments = words.dropFirst() + extraOptions
        self.pathPrefix = pathPrefix
    }

    /// Takes the option's text apart as a shell does, so that quotes keep words together; nil when there is nothing in it.
    public init?(
        shellWords text: String,
        extraOptions: [String] = [],
        pathPrefix: String? = nil
    ) throws(ShellWords.SplitError) {
        let words = try ShellWords.split(text)
        guard let program = words.first else { return nil }
        self.program = program
        arguments = words.dropFirst() + extraOptions
        self.pathPrefix = pathPrefix
    }

    /// Whether the socket of a shared connection (ssh_config(5), ControlPath) can have this path.
    public static func canShare(at socket: FilePath) -> Bool {
        // The longest path of a socket, less what ssh appends while it makes it (unix(7), ssh's muxserver_listen).
        let longest = 107 - 17
        // ssh would take `%` for an escape, and blanks for the end of the word.
        let isPlain = !socket.string.utf8.contains { [0x20, 0x25, 0x22, 0x27, 0x5C, 0x09].contains($0) }
        return isPlain && socket.string.utf8.count <= longest
    }

    /// The same with options before the others, which so have the last word (ssh_config(5): the first value counts).
    public func with(options: [String]) -> SSHCommand {
        var command = self
        command.arguments = options.flatMap { ["-o", $0] } + arguments
        return command
    }

    /// A request that runs these words as one command on the other host; each arrives there as it is here.
    ///
    /// The other host's shell sees them quoted. The status is the command's, or 255 when ssh itself failed.
    public func request(remote words: [String]) -> ProcessRequest {
        request(remoteShellText: ShellWords.join(words))
    }

    /// A request that runs this text with the other host's shell.
    public func request(remoteShellText text: String) -> ProcessRequest {
        var request = ProcessRequest(program, arguments + [text])
        request.pathPrefix = pathPrefix
        return request
    }

    /// Runs these words as one command on the other host, to its end.
    public func run(remote words: [String], input: ProcessRequest.Input = .none) throws -> ProcessOutcome {
        var request = request(remote: words)
        request.input = input
        return try request.run()
    }

    /// The value of rsync's `-e`: the program, then each argument between single quotes.
    ///
    /// rsync takes it apart itself: a quote between quotes is written twice (rsync(1), `--rsh`). What a shell would want, and the
    /// reference writes, ends rsync with a syntax error.
    public var rsyncShell: String {
        let isPlain = ShellWords.quote(program) == program
        let first = isPlain ? program : ShellWords.singleQuote(program, writingQuotesAs: "''")
        return ([first] + arguments.map { ShellWords.singleQuote($0, writingQuotesAs: "''") }).joined(separator: " ")
    }

    /// A path on the other host as rsync is given it: the host itself is part of the shell command.
    public static func rsyncPath(_ path: String) -> String { ":" + path }
}
