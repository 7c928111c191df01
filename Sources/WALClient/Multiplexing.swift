import Files
import Processes
import SystemPackage

/// Calls that share one ssh connection: OpenSSH's multiplexing, with its socket in a private directory.
struct Multiplexing: Sendable {
    /// The socket of the connection.
    let socket: FilePath
    private let host: BackupHost
    /// How long the connection stays when nobody uses it.
    static let idleSeconds = 120

    /// The connection to a host; `nil` when there is no safe place for its socket, and every call goes its own way.
    init?(to host: BackupHost, in directory: FilePath) {
        self.host = host
        socket = directory.appending(host.connectionKey)
        guard SSHCommand.canShare(at: socket), PrivateDirectory.prepare(directory) else {
            return nil
        }
    }

    /// What ssh is told: options of its configuration.
    var options: [String] {
        let shared = ["ControlMaster=auto", "ControlPersist=\(Self.idleSeconds)", "ControlPath=\(socket)"]
        // Who makes the connection chooses the cipher for all.
        return shared + (isEstablished ? [] : CipherChoice(for: host).options)
    }

    /// Whether there is a connection to share already.
    var isEstablished: Bool {
        // What cannot be looked at cannot be used.
        (try? FileSystem.kindIfPresent(socket, followingLinks: false)) == .other
    }

    /// Forgets a connection that does not work, so that the next call makes a new one.
    func forget() {
        // If it cannot be forgotten, the next call finds out again.
        _ = try? FileSystem.unlinkIfPresent(socket)
    }
}
