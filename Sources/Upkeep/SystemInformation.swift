import Files
public import Notation
public import Processes

/// What support asks about the host of barman or of a database: kernel, release, versions of programs.
public struct SystemInformation: Sendable {
    /// The facts by the names of the reference.
    public let members: [(key: String, value: JSONValue)]

    /// How long a host may take for one answer.
    private static let timeoutSeconds: Double = 30

    /// Asks this host.
    ///
    /// `runtime` describes this program.
    public static func local(runtime: String) throws -> SystemInformation {
        try SystemInformation(runtime: runtime) { ProcessRequest($0[0], Array($0.dropFirst())) }
    }

    /// Asks the host behind `ssh`; nil when it cannot be reached.
    public static func remote(_ ssh: SSHCommand, runtime: String) throws -> SystemInformation? {
        guard try answer(ssh.request(remote: ["true"])) != nil else { return nil }
        return try SystemInformation(runtime: runtime) { ssh.request(remote: $0) }
    }

    private init(runtime: String, request: ([String]) -> ProcessRequest) throws {
        func text(_ words: String...) throws -> String? {
            try Self.answer(request(words)).map { Self.trimmed($0.outputText) }
        }
        let ssh = try Self.answer(request(["ssh", "-V"]))
        members = [
            ("kernel_ver", .optional(try text("uname", "-a"))),
            ("python_executable", .string(CronRun.ownExecutable)),
            ("python_ver", .string(runtime)),
            ("release", .optional(try Self.release(text("lsb_release", "-a")) ?? text("cat", "/etc/os-release"))),
            ("rsync_ver", .optional(try text("rsync", "--version").map(Self.firstLine))),
            // OpenSSH tells its version on standard error.
            ("ssh_ver", .optional(ssh.map { Self.trimmed($0.outputText + $0.errorText) })),
        ]
    }

    /// What a command answered; nil when it failed or is not there.
    private static func answer(_ request: ProcessRequest) throws -> ProcessOutcome? {
        var request = request
        request.timeoutSeconds = timeoutSeconds
        do {
            let outcome = try request.run()
            return outcome.isSuccess ? outcome : nil
        } catch {
            if Interruption.isRequested { throw error }
            return nil
        }
    }

    private static func release(_ text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        return text
    }

    private static func firstLine(_ text: String) -> String {
        String(text.prefix { !$0.isNewline })
    }

    private static func trimmed(_ text: String) -> String {
        let reversed = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }
        return String(reversed.reversed())
    }
}
