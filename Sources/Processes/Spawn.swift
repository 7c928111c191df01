import CLinux
import Files
import Glibc
import SystemPackage

/// What a standard descriptor of a child is connected to.
enum ChildStream {
    case null
    case inherited
    case descriptor(Int32)
}

/// Starting a child: nothing of ours leaks into it but what the request names.
enum Spawn {
    static func start(
        _ request: ProcessRequest,
        input: ChildStream,
        output: ChildStream,
        errorOutput: ChildStream
    ) throws(ProcessError) -> Int32 {
        SignalWatch.prepareForChildren()
        let environment = ChildEnvironment(request)
        let path = try environment.locate(request.executable)
        let words = [request.executable] + request.arguments
        guard !(words + environment.entries).contains(where: { $0.utf8.contains(0) }) else {
            throw .notStarted(executable: request.executable, errno: .invalidArgument)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, stream) in [(Int32(0), input), (1, output), (2, errorOutput)] {
            connect(stream, to: target, in: &actions)
        }
        linux_spawn_add_closefrom(&actions, 3)
        if let directory = request.workingDirectory {
            _ = directory.withPlatformString { linux_spawn_add_chdir(&actions, $0) }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setAttributes(&attributes, newSession: request.newSession)

        var process: pid_t = 0
        let arguments = CStringList(words)
        let variables = CStringList(environment.entries)
        let status = posix_spawn(&process, path, &actions, &attributes, arguments.pointers, variables.pointers)
        withExtendedLifetime((arguments, variables)) {}
        guard status == 0 else { throw .notStarted(executable: request.executable, errno: Errno(rawValue: status)) }
        return process
    }

    private static func connect(
        _ stream: ChildStream,
        to target: Int32,
        in actions: inout posix_spawn_file_actions_t
    ) {
        switch stream {
        case .inherited: break
        case .null:
            posix_spawn_file_actions_addopen(&actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0)
        case .descriptor(let number): posix_spawn_file_actions_adddup2(&actions, number, target)
        }
    }

    /// Signals as a fresh program has them: none blocked, none ignored.
    private static func setAttributes(_ attributes: inout posix_spawnattr_t, newSession: Bool) {
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
        if newSession { flags |= linux_POSIX_SPAWN_SETSID }
        posix_spawnattr_setflags(&attributes, flags)
    }
}

extension ProcessRequest {
    /// The path of the program that would be started; throws when there is none.
    public func executablePath() throws(ProcessError) -> String { try ChildEnvironment(self).locate(executable) }
}

/// The environment of a child, and the lookup of programs in it.
struct ChildEnvironment {
    /// `NAME=value`, as the kernel takes them.
    let entries: [String]
    private let searchPath: String

    init(_ request: ProcessRequest) {
        var added = request.extraEnvironment
        var inherited = request.environment.map { $0.map { "\($0.key)=\($0.value)" } } ?? Self.ours()
        var path = added["PATH"] ?? Self.value(of: "PATH", in: inherited)
        if let prefix = request.pathPrefix, !prefix.isEmpty {
            path = path.map { "\(prefix):\($0)" } ?? prefix
            added["PATH"] = path
        }
        inherited.removeAll { added[Self.name(of: $0)] != nil }
        entries = inherited + added.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        searchPath = path ?? "/usr/local/bin:/usr/bin:/bin"
    }

    /// The path of a program: as it is when it has a slash, otherwise the first one found on the search path.
    func locate(_ executable: String) throws(ProcessError) -> String {
        guard !executable.utf8.contains(UInt8(ascii: "/")) else { return executable }
        var denied = false
        for directory in searchPath.split(separator: ":", omittingEmptySubsequences: false) where !executable.isEmpty {
            let candidate = FilePath(directory.isEmpty ? "." : String(directory)).appending(executable)
            // A directory that cannot be looked into does not have the program.
            guard (try? FileSystem.kindIfPresent(candidate)) == .regular else { continue }
            if FileSystem.isAccessible(candidate, for: .execute) { return candidate.string }
            denied = true
        }
        throw .notStarted(executable: executable, errno: denied ? .permissionDenied : .noSuchFileOrDirectory)
    }

    private static func ours() -> [String] {
        var entries: [String] = []
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next = next.successor()
        }
        return entries
    }

    private static func name(of entry: String) -> String {
        String(entry.prefix { $0 != "=" })
    }

    private static func value(of name: String, in entries: [String]) -> String? {
        entries.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

/// Words in the form that the kernel takes: a list of C strings with a null at the end.
private final class CStringList {
    private(set) var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ words: [String]) {
        pointers = words.map { strdup($0) } + [nil]
    }

    deinit {
        for pointer in pointers { free(pointer) }
    }
}
