import Files
import Processes
import SystemPackage

/// A host behind ssh; each call is one command there.
struct RemoteRestoreHost: RestoreHost {
    /// How the host is reached with much to send.
    let ssh: SSHCommand
    private let connection: SharedConnection?
    private let connectionTrouble: String?

    /// Connects if it can; `trouble` tells whether that worked.
    init(ssh: SSHCommand) throws {
        self.ssh = ssh
        let outcome = try Self.namingProgram(ssh) { try SharedConnection.connect(ssh) }
        if case .open(let connection) = outcome { self.connection = connection } else { connection = nil }
        if case .failed(let reason) = outcome { connectionTrouble = reason } else { connectionTrouble = nil }
    }

    /// Turns the error about a missing program into what is said of it.
    private static func namingProgram(
        _ ssh: SSHCommand,
        _ body: () throws -> SharedConnection.Outcome
    ) throws -> SharedConnection.Outcome {
        do {
            return try body()
        } catch let error as ProcessError where error.isNotFound {
            return .failed("There is no program '\(ssh.program)' here.")
        }
    }

    /// How the host is reached for a small command.
    var control: SSHCommand { connection?.command ?? ssh }

    /// Why the host does not answer; `nil` when it does.
    func trouble() throws -> String? {
        if let connectionTrouble { return connectionTrouble }
        // The reference quotes the word; so does a shell history.
        var request = control.request(remoteShellText: "'true'")
        request.errorOutput = .collect(limitBytes: 1 << 16)
        let outcome = try Self.namingProgram(ssh) {
            let outcome = try request.run()
            guard !outcome.isSuccess else { return .unshared }
            let said = String(decoding: outcome.errorOutput, as: UTF8.self)
            return .failed(SharedConnection.reason(said, outcome.status))
        }
        if case .failed(let reason) = outcome { return reason }
        return nil
    }

    func looksEmpty(_ directory: String) throws -> Bool {
        // A missing directory is empty; that ssh fails is not told by that.
        let outcome = try run("if [ -e \"$1\" ] || [ -L \"$1\" ]; then ls -- \"$1\"; fi", [directory])
        return outcome.output.isEmpty
    }

    func names(in directory: String) throws -> [String] {
        let outcome = try run("[ ! -d \"$1\" ] || ls -A -- \"$1\"", [directory])
        return outcome.outputText.split(separator: "\n").map(String.init)
    }

    func state(of directory: String, tablespaces: [Int64]) throws -> DestinationState {
        let script =
            "[ -d \"$1\" ] || { [ -e \"$1\" ] && echo entries; exit 0; }; cd -- \"$1\" || exit 1; shift; "
            + "[ -z \"$(ls)\" ] || echo entries; "
            + "[ -f \(UnfinishedMark.name) ] && echo \"mark $(cat \(UnfinishedMark.name))\"; "
            + "[ -f PG_VERSION ] && echo \"version $(cat PG_VERSION)\"; "
            + "[ -f global/pg_control ] && echo \"system $(od -An -tx1 -N8 global/pg_control)\"; "
            + "if [ -f postmaster.pid ]; then read -r pid < postmaster.pid; "
            + "case $(cat \"/proc/$pid/comm\" 2>/dev/null || ps -o comm= -p \"$pid\" 2>/dev/null) in *postgres*|*postmaster*) echo \"pid $pid\";; esac; fi; "
            + "for oid; do [ -L \"pg_tblspc/$oid\" ] && echo \"link $oid $(readlink \"pg_tblspc/$oid\")\"; done; :"
        let outcome = try run(script, [directory] + tablespaces.map { String($0) })
        var state = DestinationState()
        for line in outcome.outputText.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            let value = words.count == 2 ? String(words[1]) : ""
            switch words.first {
            case "entries": state.looksEmpty = false
            case "mark": state.mark = Array(value.utf8)
            case "version": state.version = value
            case "system": state.systemID = value
            case "pid": state.runningPID = value
            case "link":
                let parts = value.split(separator: " ", maxSplits: 1)
                if parts.count == 2, let oid = Int64(parts[0]) { state.links[oid] = String(parts[1]) }
            default: break
            }
        }
        return state
    }

    func readIfPresent(_ path: String) throws -> [UInt8]? {
        let outcome = try run("if [ -e \"$1\" ]; then printf y && cat -- \"$1\"; fi", [path])
        return outcome.output.isEmpty ? nil : Array(outcome.output.dropFirst())
    }

    func prepareDirectory(_ path: String, isPrivate: Bool) throws {
        let mode = isPrivate ? "-m 700 " : ""
        let script =
            "[ -d \"$1\" ] || mkdir -p \(mode)-- \"$1\" && : > \"$1/.barman_write_check\" && "
            + "rm -- \"$1/.barman_write_check\""
        try run(script, [path])
    }

    func makeLink(_ path: String, to target: String) throws {
        try run("rm -f -- \"$1\" && ln -s -- \"$2\" \"$1\"", [path, target])
    }

    func renameIfPresent(_ path: String, to newPath: String) throws {
        try run("if [ -e \"$1\" ]; then mv -- \"$1\" \"$2\"; fi", [path, newPath])
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        try run("cat > \"$1\"", [path], input: .bytes(bytes))
    }

    func writeDurably(_ bytes: [UInt8], to path: String) throws {
        let script =
            "umask 077 && cat > \"$1.new\" && mv -- \"$1.new\" \"$1\" && { \(Self.syncScript("\"$1\"")); }"
        try run(script, [path], input: .bytes(bytes))
    }

    func renameDurably(_ path: String, to newPath: String) throws {
        try run("mv -- \"$1\" \"$2\" && { \(Self.syncScript("\"$2\"")); }", [path, newPath])
    }

    func edit(_ path: String, keepingOriginalAt original: String, contents: [UInt8]) throws {
        try run("cp -p -- \"$1\" \"$2\" && cat > \"$1\"", [path, original], input: .bytes(contents))
    }

    func removeIfPresent(_ path: String) throws {
        try run("rm -f -- \"$1\"", [path])
    }

    func removeDurably(_ name: String, from directories: [String]) throws {
        let script = "name=$1; shift; for d; do rm -f -- \"$d/$name\" || exit 1; done; \(Self.syncScript("\"$@\""))"
        try run(script, [name] + directories)
    }

    func writeEmptyFiles(_ names: [String], in directory: String) throws {
        // The names come on standard input: a command line has no room for all of them.
        let script = "cd -- \"$1\" && while read -r name; do : > \"$name\" || exit 1; done"
        try run(script, [directory], input: .bytes(Array(names.map { $0 + "\n" }.joined().utf8)))
    }

    /// Makes everything on the file systems of these directories durable, and on those that links in them lead to.
    func sync(_ directories: [String], on fileSystems: [String: WholeFileSystem]) throws {
        let script =
            "for d; do for e in \"$d\"/*; do if [ -L \"$e\" ] && [ -d \"$e\" ]; then set -- \"$@\" \"$e\"; fi; done; done; "
            + Self.syncScript("\"$@\"")
        try run(script, directories)
    }

    /// Only a sync that knows nothing of file systems may be done without: one that fails means that data is lost.
    private static func syncScript(_ paths: String) -> String {
        "if sync -f /dev/null 2>/dev/null; then sync -f -- \(paths); else sync; fi"
    }

    /// The absolute path of a directory that is there, without symbolic links.
    func absolutePath(_ directory: String) throws -> String {
        let outcome = try run("cd -P -- \"$1\" && pwd -P && printf x", [directory])
        // The line's end is pwd's, any before it are the name's.
        return String(decoding: outcome.output.dropLast(2), as: UTF8.self)
    }

    /// The checksum (SHA-256) of every regular file below these directories, by its path.
    func digests(below directories: [String]) throws -> [FilePath: String] {
        let script =
            "if command -v sha256sum >/dev/null; then s=sha256sum; else s='shasum -a 256'; fi; "
            + "find -H \"$@\" -type f -print0 | xargs -0 $s --"
        var digests: [FilePath: String] = [:]
        var request = control.request(remote: ["sh", "-c", script, "barman"] + directories)
        request.output = .lines { line in
            // A name with a line end or backslash is told in another form: such a file is sent.
            guard !line.hasPrefix("\\"), line.utf8.count > 66 else { return }
            digests[FilePath(String(line.dropFirst(66)))] = String(line.prefix(64))
        }
        try request.runChecked()
        return digests
    }

    /// Everything below a directory, seen from it.
    func names(below directory: String) throws -> [FilePath] {
        let outcome = try run("cd -- \"$1\" && find . -print0", [directory])
        return outcome.output.split(separator: 0).compactMap { bytes in
            let path = bytes.dropFirst(2)
            return path.isEmpty ? nil : FilePath(String(decoding: path, as: UTF8.self))
        }
    }

    /// Removes things below a directory, with what is in them.
    func removeTrees(_ paths: [FilePath], below directory: String) throws {
        var list: [UInt8] = []
        for path in paths { list += Array("./\(path.string)".utf8) + [0] }
        try run("cd -- \"$1\" && xargs -0 rm -rf --", [directory], input: .bytes(list))
    }

    /// Runs a script with arguments; each arrives as it is, whatever is in it.
    @discardableResult
    private func run(
        _ script: String,
        _ arguments: [String],
        input: ProcessRequest.Input = .none
    ) throws -> ProcessOutcome {
        var request = control.request(remote: ["sh", "-c", script, "barman"] + arguments)
        request.input = input
        return try request.runChecked()
    }
}
