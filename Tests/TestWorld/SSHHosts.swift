import Glibc

/// An ssh server of the world: a "host" that is reached by its name, as `ssh postgres@angus`.
///
/// Every program in the world that says `ssh` reaches it: a wrapper earlier in the search path brings the world's own
/// ssh configuration, which maps the host names to ports of 127.0.0.1.
public final class SSHHost {
    /// Its name, as commands say it.
    public let name: String
    /// The account that may log in.
    public let account: Account
    private let world: World
    private let port: Int
    private var server: BackgroundProgram?

    init(world: World, name: String, account: Account, environment: [String: String]) throws {
        self.world = world
        self.name = name
        self.account = account
        port = try world.freePort()
        let folder = try world.makeDirectory("ssh-\(name)", mode: 0o755)
        try world.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/host_key"]).orThrow()
        try world.write("", to: "\(folder)/authorized_keys")
        try world.write(
            """
            Port \(port)
            ListenAddress 127.0.0.1
            HostKey \(folder)/host_key
            PidFile none
            AuthorizedKeysFile \(folder)/authorized_keys
            AllowUsers \(account.name)
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM \(getuid() == 0 ? "yes" : "no")
            UseDNS no
            PrintMotd no
            PrintLastLog no
            MaxStartups 100
            MaxSessions 100
            LogLevel VERBOSE

            """
                + (environment.isEmpty
                    ? "" : "SetEnv " + environment.map { "\($0)=\($1)" }.joined(separator: " ") + "\n"),
            to: "\(folder)/sshd_config"
        )
        if getuid() == 0 { try Shell.makeDirectory("/run/sshd") }
        try start()
    }

    /// Starts the server and waits until it accepts connections.
    public func start() throws {
        let server = try world.start([
            "/usr/sbin/sshd", "-D", "-e", "-f", world.path("ssh-\(name)/sshd_config"),
        ])
        self.server = server
        let isUp = Shell.wait(seconds: 10) { !server.isRunning || Shell.accepts(port: port) }
        guard isUp, server.isRunning else { throw WorldError("sshd does not start: \(server.outcome)") }
    }

    /// How many connections have logged in since it was started.
    public var loginCount: Int {
        (server?.outcome.err ?? "").split(separator: "\n").count { $0.contains("Accepted publickey") }
    }

    /// Takes the host off the network: connections are refused, those that exist end.
    public func stop() throws {
        guard let server else { return }
        // Sessions are process groups of their own, so they are looked for before their parent is gone.
        let sessions = try descendants(of: server.pid)
        server.end()
        for session in sessions { kill(session, SIGKILL) }
    }

    private func descendants(of parent: Int32) throws -> [Int32] {
        let children = try world.run(["pgrep", "-P", "\(parent)"]).lines.compactMap { Int32($0) }
        return try children.flatMap { try [$0] + descendants(of: $0) }
    }

    /// The lines of the world's ssh configuration that lead here.
    var clientConfiguration: String {
        """
        Host \(name)
            HostName 127.0.0.1
            Port \(port)

        """
    }

    /// Lets the holder of that account's key in.
    public func authorize(_ other: Account) throws {
        let key = try world.read("\(world.keyFile(of: other)).pub")
        let file = "ssh-\(name)/authorized_keys"
        try world.write(try world.read(file) + key, to: file)
    }

    /// Forgets every key.
    public func authorizeNobody() throws {
        try world.write("", to: "ssh-\(name)/authorized_keys")
    }
}

extension World {
    /// Brings up hosts with ssh, each with the one account that lives there and what sessions find in their environment.
    public func sshHosts(
        _ hosts: KeyValuePairs<String, Account>,
        environments: [String: [String: String]] = [:]
    ) throws -> [SSHHost] {
        let servers = try hosts.map {
            try SSHHost(world: self, name: $0, account: $1, environment: environments[$0] ?? [:])
        }
        try write(
            servers.map(\.clientConfiguration).joined() + """
                Host *
                    IdentityFile \(path("key-%u"))
                    IdentitiesOnly yes
                    UserKnownHostsFile \(path("known-hosts-%u"))
                    StrictHostKeyChecking accept-new
                    LogLevel ERROR

                """,
            to: "ssh_config"
        )
        try write(
            """
            #!/bin/bash
            shopt -s extglob
            exec /usr/bin/ssh -F \(path("ssh_config")) \(Self.sshArguments)

            """,
            to: "bin/ssh",
            mode: 0o755
        )
        return servers
    }

    /// Makes the ssh key of an account unless it has one.
    public func makeKey(of account: Account) throws {
        let file = keyFile(of: account)
        guard !exists(file) else { return }
        let folder = try makeDirectory("keygen-\(account.name)", as: account)
        try run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/key"], as: account).orThrow()
        try run(["mv", "\(folder)/key", file]).orThrow()
        try run(["mv", "\(folder)/key.pub", "\(file).pub"]).orThrow()
        try write("", to: "known-hosts-\(account.name)", as: account)
    }

    /// What the wrapper passes on: where all accounts are the current user, the login name says nothing.
    private static var sshArguments: String {
        getuid() == 0 ? "\"$@\"" : "\"${@#@(postgres|barman)@}\""
    }

    func keyFile(of account: Account) -> String { path("key-\(account.name)") }
}

extension Shell {
    /// Whether something accepts connections on that port of 127.0.0.1.
    static func accepts(port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
