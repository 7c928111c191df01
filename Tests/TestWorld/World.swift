import Glibc
public import SystemPackage

/// A scratch world of real parts for one test: directories, PostgreSQL clusters, ssh servers, the built program and the oracle.
///
/// Everything in it is undone at the end, last made first, whether the test passed or not. `BARMAN_TEST_KEEP=1` keeps the
/// directory. A world belongs to one thread. As root, clusters run as user `postgres` and the backup host as user `barman`;
/// otherwise everything runs as the current user.
public final class World {
    /// The world's directory, which every user may traverse; its path is short enough for sockets.
    public let root: String
    /// What to undo at the end, in the order it was made.
    private var cleanUps: [() -> Void] = []
    /// How many programs ran, for the names of their output files.
    var launches = 0

    /// Runs a test in a world of its own and undoes the world.
    public static func with<Value>(_ body: (World) throws -> Value) throws -> Value {
        let world = try World()
        defer { world.end() }
        return try body(world)
    }

    /// The same for a test that waits without holding its thread.
    public static func withSuspending<Value>(_ body: (World) async throws -> Value) async throws -> Value {
        let world = try World()
        defer { world.end() }
        return try await body(world)
    }

    private init() throws {
        Self.exposeBuild()
        let worlds = "\(Scratch.root)/worlds"
        try Shell.makeDirectory(Scratch.root)
        try Shell.makeDirectory(worlds)
        var made: String?
        for _ in 0..<100 where made == nil {
            // The number is that of the process: worlds of dead processes are swept by scripts/run-tests.
            let candidate = "\(worlds)/\(getpid())-\(String(UInt16.random(in: 0...UInt16.max), radix: 36))"
            if mkdir(candidate, 0o755) == 0 { made = candidate }
        }
        guard let made else { throw WorldError("cannot make a world under \(worlds): \(errnoText())") }
        root = made
        _ = chmod(made, 0o755)
        for name in ["bin", "out", "s"] { try Shell.makeDirectory("\(made)/\(name)") }
        _ = chmod("\(made)/s", 0o777)
        _ = chmod("\(made)/out", 0o777)
    }

    /// The world's directory as a path.
    public var directory: FilePath { FilePath(root) }

    /// A path inside the world.
    public func path(_ name: String) -> String { "\(root)/\(name)" }

    /// Registers what to undo at the end; the last registered is undone first.
    public func atEnd(_ body: @escaping () -> Void) { cleanUps.append(body) }

    /// Makes a directory inside the world, owned by that account and closed to others.
    @discardableResult
    public func makeDirectory(_ name: String, as account: Account = .me, mode: UInt32 = 0o700) throws -> String {
        let path = name.hasPrefix("/") ? name : self.path(name)
        try Shell.makeDirectory(path)
        try give(path, to: account)
        guard chmod(path, mode) == 0 else { throw WorldError("chmod \(path): \(errnoText())") }
        return path
    }

    /// Writes a text file inside the world, owned by that account.
    @discardableResult
    public func write(
        _ text: String,
        to name: String,
        as account: Account = .me,
        mode: UInt32 = 0o644
    ) throws -> String {
        let path = name.hasPrefix("/") ? name : self.path(name)
        try Shell.write(Array(text.utf8), to: path)
        try give(path, to: account)
        guard chmod(path, mode) == 0 else { throw WorldError("chmod \(path): \(errnoText())") }
        return path
    }

    /// The contents of a file, inside the world unless the name is absolute.
    public func read(_ name: String) throws -> String {
        let path = name.hasPrefix("/") ? name : self.path(name)
        return String(decoding: try Shell.read(path), as: UTF8.self)
    }

    /// The names in a directory, sorted; empty when there is no such directory.
    public func names(in name: String) -> [String] {
        Shell.names(in: name.hasPrefix("/") ? name : path(name))
    }

    /// Whether there is a file of that name (symlinks count, even broken ones).
    public func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(name.hasPrefix("/") ? name : path(name), &status) == 0
    }

    /// The checkout that these tests were built from.
    public static var repository: String {
        var path = FilePath(#filePath)
        if let real = realpath(path.string, nil) {
            path = FilePath(platformString: real)
            free(real)
        }
        return path.removingLastComponent().removingLastComponent().removingLastComponent().string
    }

    /// A TCP port on 127.0.0.1 that was free a moment ago.
    public func freePort() throws -> Int { try Shell.freePort() }

    private func give(_ path: String, to account: Account) throws {
        guard let user = account.switchedUser else { return }
        guard let entry = getpwnam(user) else {
            throw WorldError("there is no user \(user): run scripts/bootstrap --tests")
        }
        guard chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0 else {
            throw WorldError("chown \(path): \(errnoText())")
        }
    }

    private func end() {
        for cleanUp in cleanUps.reversed() { cleanUp() }
        guard Environment["BARMAN_TEST_KEEP"] == nil else {
            // Not an error worth failing a test for: the sweep would only take the debris away earlier.
            try? Shell.write([], to: "\(root)/.keep")
            return
        }
        Shell.removeTree(root)
    }

    /// Lets other users read what was built: the program of the debug build is run as `barman` too.
    private static func exposeBuild() {
        umask(0o022)
    }
}

/// Something in the world could not be made; the test cannot run.
public struct WorldError: Error, CustomStringConvertible {
    /// What and why.
    public let description: String

    /// Makes an error.
    public init(_ description: String) { self.description = description }
}

/// Who runs a program in a world.
public enum Account: Sendable {
    /// Whoever runs the tests.
    case me
    /// The owner of clusters.
    case postgres
    /// The owner of the backup host.
    case barman

    /// The user to become, `nil` when no switch is possible or wanted.
    var switchedUser: String? {
        guard getuid() == 0 else { return nil }
        return switch self {
        case .me: nil
        case .postgres: "postgres"
        case .barman: "barman"
        }
    }

    /// The name of the user that this account is here.
    public var name: String {
        if let user = switchedUser { return user }
        guard let entry = getpwuid(getuid()) else { return "root" }
        return String(cString: entry.pointee.pw_name)
    }
}

/// The scratch environment that `scripts/bootstrap --tests` makes.
public enum Scratch {
    /// Its directory.
    public static var root: String { Environment["SWIFT_BARMAN_SCRATCH"] ?? "/var/tmp/swift-barman" }
    /// The oracle, release 3.19.1.
    public static var oracle: String { Environment["BARMAN_ORACLE"] ?? "\(root)/oracle/bin/barman" }
    /// The programs of a PostgreSQL version: 15, 17 or 18.
    public static func serverPrograms(_ version: Int) -> String { "\(root)/postgresql/\(version)/bin" }
}

/// The environment of this process.
public enum Environment {
    /// A variable; `nil` when unset or empty.
    public static subscript(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

func errnoText() -> String { String(cString: strerror(errno)) }
