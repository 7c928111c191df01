import Glibc

/// How a program ended and what it said.
public struct Outcome: Sendable, CustomStringConvertible {
    /// The command line, for messages.
    public let command: String
    /// The exit status, or 128 plus the signal, as a shell says it.
    public let status: Int32
    /// Standard output.
    public let out: String
    /// Standard error.
    public let err: String

    /// Everything, for the message of a failed expectation.
    public var description: String {
        "$ \(command)\n[status \(status)]\n--- stdout\n\(out)--- stderr\n\(err)"
    }

    /// The lines of standard output.
    public var lines: [String] {
        out.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Itself when the status is 0; throws otherwise.
    @discardableResult
    public func orThrow() throws -> Outcome {
        guard status == 0 else { throw WorldError(description) }
        return self
    }
}

/// A program that runs beside the test.
public final class BackgroundProgram {
    /// Its process, which leads a group of its own.
    public let pid: Int32
    private let command: String
    private let outputFile: String
    private let errorFile: String
    private var status: Int32?

    init(pid: pid_t, command: String, outputFile: String, errorFile: String) {
        self.pid = pid
        self.command = command
        self.outputFile = outputFile
        self.errorFile = errorFile
    }

    /// Whether it is still running.
    public var isRunning: Bool {
        poll()
        return status == nil
    }

    /// Sends a signal to its whole group.
    public func signal(_ number: Int32) {
        guard isRunning else { return }
        kill(-pid, number)
    }

    /// Waits for its end; past the deadline it is killed and an error thrown.
    @discardableResult
    public func wait(seconds: Int = 120) throws -> Outcome {
        var waitedMicroseconds = 0
        var pause: useconds_t = 500
        while isRunning {
            guard waitedMicroseconds < seconds * 1_000_000 else {
                end()
                throw WorldError("still running after \(seconds) s and killed:\n\(outcome)")
            }
            usleep(pause)
            waitedMicroseconds += Int(pause)
            pause = min(pause * 2, 20_000)
        }
        return outcome
    }

    /// Kills it if it still runs.
    public func end() {
        guard isRunning else { return }
        kill(-pid, SIGKILL)
        var raw: Int32 = 0
        if waitpid(pid, &raw, 0) == pid { status = Self.exitStatus(raw) }
    }

    /// What it said so far.
    public var outcome: Outcome {
        // Without the files there is nothing it said.
        let out = (try? Shell.read(outputFile)) ?? []
        let err = (try? Shell.read(errorFile)) ?? []
        return Outcome(
            command: command,
            status: status ?? -1,
            out: String(decoding: out, as: UTF8.self),
            err: String(decoding: err, as: UTF8.self)
        )
    }

    private func poll() {
        guard status == nil else { return }
        var raw: Int32 = 0
        if waitpid(pid, &raw, WNOHANG) == pid { status = Self.exitStatus(raw) }
    }

    private static func exitStatus(_ raw: Int32) -> Int32 {
        raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
    }
}

extension World {
    /// The search path of every program in the world: what it shadows comes first.
    public var searchPath: String { "\(root)/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" }

    /// Runs a program to its end and returns what it said; a status other than 0 is no error.
    @discardableResult
    public func run(
        _ words: [String],
        as account: Account = .me,
        environment: [String: String] = [:],
        input: String? = nil,
        seconds: Int = 120
    ) throws -> Outcome {
        try start(words, as: account, environment: environment, input: input).wait(seconds: seconds)
    }

    /// Runs a line of shell to its end.
    @discardableResult
    public func shell(
        _ line: String,
        as account: Account = .me,
        environment: [String: String] = [:]
    ) throws -> Outcome {
        try run(["/bin/sh", "-c", line], as: account, environment: environment)
    }

    /// Starts a program beside the test; it is killed at the end of the world at the latest.
    public func start(
        _ words: [String],
        as account: Account = .me,
        environment: [String: String] = [:],
        input: String? = nil
    ) throws -> BackgroundProgram {
        launches += 1
        let base = path("out/\(launches)")
        if let input { try Shell.write(Array(input.utf8), to: "\(base).in") }
        var variables = [
            "PATH": searchPath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "HOME": path("home-\(account.name)"), "USER": account.name, "LOGNAME": account.name,
        ]
        if !exists("home-\(account.name)") { try makeDirectory("home-\(account.name)", as: account) }
        variables.merge(environment) { $1 }
        var command = ["/usr/bin/env", "-C", root] + words
        if let user = account.switchedUser {
            command.insert(
                contentsOf: ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--init-groups", "--"],
                at: 0
            )
        }
        let pid = try spawn(
            command,
            environment: variables,
            files: [input == nil ? "/dev/null" : "\(base).in", "\(base).out", "\(base).err"]
        )
        let program = BackgroundProgram(
            pid: pid,
            command: words.joined(separator: " "),
            outputFile: "\(base).out",
            errorFile: "\(base).err"
        )
        atEnd { program.end() }
        return program
    }

    /// Spawns in a group of its own, with the three files as standard streams.
    private func spawn(_ words: [String], environment: [String: String], files: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, files[0], O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, files[1], O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, files[2], O_WRONLY | O_CREAT | O_TRUNC, 0o644)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        var allSignals = sigset_t()
        sigemptyset(&noSignals)
        sigfillset(&allSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setsigdefault(&attributes, &allSignals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )

        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer {
            for pointer in arguments + variables { free(pointer) }
        }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, &attributes, &arguments, &variables)
        guard code == 0 else { throw WorldError("cannot start \(words[0]): \(String(cString: strerror(code)))") }
        return pid
    }
}
