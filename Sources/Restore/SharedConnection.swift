import Files
import Glibc
import Processes
import SystemPackage

/// One ssh connection for all the small commands of a restore: to log in for each of them takes longer than they do.
///
/// A master of OpenSSH's multiplexing (ssh_config(5), `ControlMaster`) is a child of ours and runs `cat` over there, which ends when we
/// do, however that happens. Where ssh connects but cannot share, each command logs in by itself.
final class SharedConnection: Sendable {
    /// What came of the attempt to connect.
    enum Outcome {
        /// The connection.
        case open(SharedConnection)
        /// The host cannot be reached; why, in words.
        case failed(String)
        /// Nothing can be shared: the command is no plain ssh, or there is no place for the socket.
        case unshared
    }

    /// How the other host is reached over this connection; when it is lost, ssh makes one of its own.
    let command: SSHCommand

    private let directory: FilePath
    private let master: RunningProcess
    private let lifeline: OwnedDescriptor

    /// What the other host says once a command runs there; the socket is made before.
    private static let greeting = "barman-is-there"

    /// Connects, and waits until that has worked or failed.
    static func connect(_ ssh: SSHCommand) throws -> Outcome {
        guard FilePath(ssh.program).lastComponent == "ssh" else { return .unshared }
        let directory = try FileSystem.createTemporaryDirectory(prefix: "barman-ssh-")
        let socket = directory.appending("s")
        guard SSHCommand.canShare(at: socket) else {
            remove(directory)
            return .unshared
        }
        do {
            let outcome = try connect(ssh, directory, socket)
            if case .open = outcome { return outcome }
            remove(directory)
            return outcome
        } catch {
            remove(directory)
            throw error
        }
    }

    private static func connect(_ ssh: SSHCommand, _ directory: FilePath, _ socket: FilePath) throws -> Outcome {
        let (output, errors) = (try ScratchFile(in: directory), try ScratchFile(in: directory))
        var pipe = try ChildPipe()
        guard let reader = pipe.reader.take(), let writer = pipe.writer.take() else { return .unshared }
        var request = ssh.with(options: ["ControlMaster=yes", "ControlPersist=no", "ControlPath=\(socket)"])
            .request(remote: ["sh", "-c", "echo \(greeting); exec cat"])
        request.input = .descriptor(reader.raw)
        request.output = .descriptor(output.file.raw)
        request.errorOutput = .descriptor(errors.file.raw)
        let master = try request.start()
        var status: ProcessStatus?
        do {
            while status == nil, try !text(output).contains(greeting) {
                try SignalWatch.pause(seconds: 0.005)
                status = master.statusIfEnded()
            }
        } catch {
            end(master)
            throw error
        }
        if let status {
            return .failed(reason(try text(errors), status))
        }
        let connection = SharedConnection(ssh, directory, socket, master, writer)
        return try FileSystem.kindIfPresent(socket, followingLinks: false) == nil ? .unshared : .open(connection)
    }

    /// Why ssh ended: what it said last.
    static func reason(_ said: String, _ status: ProcessStatus) -> String {
        let last = said.split(whereSeparator: \.isNewline).last
        return last.map { "It said: \($0)" } ?? "It ended with \(status) and said nothing."
    }

    private static func end(_ master: RunningProcess) {
        master.terminate()
        // A signal that comes just before ssh waits for something is lost to it.
        for _ in 0..<100 {
            if master.statusIfEnded() != nil { return }
            usleep(5_000)
        }
        master.send(signal: SIGKILL)
        _ = master.wait()
    }

    private static func text(_ scratch: ScratchFile) throws -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = try bytes.withUnsafeMutableBytes { try scratch.file.read(into: $0, at: 0) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private init(
        _ ssh: SSHCommand,
        _ directory: FilePath,
        _ socket: FilePath,
        _ master: RunningProcess,
        _ lifeline: consuming OwnedDescriptor
    ) {
        command = ssh.with(options: ["ControlMaster=no", "ControlPath=\(socket)"])
        self.directory = directory
        self.master = master
        self.lifeline = lifeline
    }

    deinit {
        Self.end(master)
        Self.remove(directory)
    }

    private static func remove(_ directory: FilePath) {
        // What is left behind is an empty directory.
        _ = try? FileSystem.removeTree(directory)
    }
}
