import Glibc

/// A network between a client and a port of 127.0.0.1 that can fall silent: connections stay, new ones are accepted, and nothing
/// comes through until it is resumed.
public final class NetworkProxy {
    /// Where clients connect.
    public let port: Int
    private let program: BackgroundProgram

    fileprivate init(world: World, to target: Int) throws {
        let port = try world.freePort()
        self.port = port
        let program = try world.start(["python3", "-c", Self.script, "\(port)", "\(target)"])
        self.program = program
        guard Shell.wait(seconds: 10, until: { !program.isRunning || Shell.accepts(port: port) }), program.isRunning
        else { throw WorldError("the proxy does not start: \(program.outcome)") }
    }

    /// From now on nothing comes through, in either direction.
    public func fallSilent() { program.signal(SIGSTOP) }

    /// What waited comes through, and what follows.
    public func resume() { program.signal(SIGCONT) }

    private static let script = """
        import socket, sys, threading
        def copy(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        while True:
            near, _ = listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
            except OSError:
                near.close()
                continue
            for ends in ((near, far), (far, near)):
                threading.Thread(target=copy, args=ends, daemon=True).start()
        """
}

extension World {
    /// A network to a port of this machine.
    public func networkProxy(to port: Int) throws -> NetworkProxy { try NetworkProxy(world: self, to: port) }
}
