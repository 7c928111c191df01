import Codecs
import Files
import Glibc
import Processes
import SystemPackage

/// The backup host as a client is told of it, and how it is called.
struct BackupHost: Sendable {
    let host: String
    let user: String
    let port: String?
    let configuration: String?
    let server: String
    /// Whether a host that does not answer is given up; not so where the exact call of the reference is wanted.
    let isWatched: Bool

    /// A host that is silent would keep PostgreSQL waiting, and nobody would hear of it.
    private static let watch = ["ConnectTimeout=30", "ServerAliveInterval=10", "ServerAliveCountMax=3"]

    /// What one call is: these words on the other host.
    func request(remote words: [String], multiplexing: Multiplexing?) -> ProcessRequest {
        let options = (isWatched ? Self.watch : []) + (multiplexing?.options ?? [])
        // Who makes a connection says why there is none; when a shared one is broken, another try follows.
        let verbosity = isWatched && multiplexing?.isEstablished != true ? ["-o", "LogLevel=ERROR"] : ["-q"]
        let connection = portWords + verbosity + ["-T"] + options.flatMap { ["-o", $0] }
        var request = ProcessRequest(Self.program, connection + [account, "barman"] + words)
        request.output = .inherited
        request.errorOutput = .inherited
        // The shared connection lives on: it must not stand in PostgreSQL's data directory, which may be unmounted.
        if multiplexing?.socket.isAbsolute == true { request.workingDirectory = "/" }
        return request
    }

    /// Asks ssh what it makes of its configuration for this host, without a connection (ssh(1), -G).
    var configurationRequest: ProcessRequest {
        var request = ProcessRequest(Self.program, portWords + ["-G", account])
        request.errorOutput = .discard
        return request
    }

    private var account: String { "\(user)@\(host)" }
    private var portWords: [String] { port.map { ["-p", $0] } ?? [] }

    /// The words of `put-wal`.
    func putWords(test: Bool) -> [String] {
        (configuration.map { ["--config='\($0)'"] } ?? []) + ["put-wal", server] + (test ? ["--test"] : [])
    }

    /// The words of `get-wal`; each option as it must stand there.
    func getWords(_ options: [String], _ wal: String) -> [String] {
        let command = (["get-wal"] + options + ["'\(server)'", "'\(wal)'"]).joined(separator: " ")
        return (configuration.map { ["--config \($0)"] } ?? []) + [command]
    }

    /// Tells connections apart: one for each account on each port of a host.
    var connectionKey: String { Self.key(["connection"] + route) }

    /// Tells servers apart, whatever they are called elsewhere.
    var serverKey: String { Self.key(["server"] + route + [configuration ?? "", server]) }

    /// What leads to the backup host: its name, as this ssh and its configuration know it.
    ///
    /// The same name may mean another machine to another `ssh` in the search path, or to an account with another home directory.
    private var route: [String] {
        // Without an ssh there is no way at all.
        let program = (try? ProcessRequest(Self.program).executablePath()) ?? ""
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        return [user, host, port ?? "", program, home]
    }

    private static let program = "ssh"

    /// A short name that two different lists of words do not share.
    static func key(_ words: [String]) -> String {
        let text = words.map { "\($0.utf8.count):\($0)" }.joined(separator: ",")
        return String(Checksum.hexadecimal(of: Array(text.utf8)).prefix(24))
    }
}
