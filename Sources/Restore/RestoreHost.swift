import Files
import Processes
import SystemPackage

/// The host that a backup is restored to: this one, or one behind ssh.
protocol RestoreHost: Sendable {
    /// Whether a directory shows no entries, dot files apart; a missing one shows none.
    func looksEmpty(_ directory: String) throws -> Bool
    /// The content of a file; `nil` when it is not there.
    func readIfPresent(_ path: String) throws -> [UInt8]?
    /// Makes a directory and those above it, and sees to it that files can be made in it.
    func prepareDirectory(_ path: String, isPrivate: Bool) throws
    /// Makes a symbolic link, replacing one that is there.
    func makeLink(_ path: String, to target: String) throws
    /// Gives a file another name if it is there.
    func renameIfPresent(_ path: String, to newPath: String) throws
    /// Writes a file; an existing one keeps its permissions.
    func write(_ bytes: [UInt8], to path: String) throws
    /// Replaces the content of a file, and keeps the old one beside it.
    func edit(_ path: String, keepingOriginalAt original: String, contents: [UInt8]) throws
    /// Removes a file if it is there.
    func removeIfPresent(_ path: String) throws
    /// Makes empty files in a directory.
    func writeEmptyFiles(_ names: [String], in directory: String) throws
}

/// This host.
struct LocalRestoreHost: RestoreHost {
    func looksEmpty(_ directory: String) throws -> Bool {
        let path = FilePath(directory)
        guard let kind = try FileSystem.kindIfPresent(path) else { return true }
        guard kind == .directory else { return false }
        return try FileSystem.names(in: path).allSatisfy { $0.hasPrefix(".") }
    }

    func readIfPresent(_ path: String) throws -> [UInt8]? {
        try FileSystem.readIfPresent(FilePath(path))
    }

    func prepareDirectory(_ path: String, isPrivate: Bool) throws {
        let path = FilePath(path)
        if isPrivate {
            // Those above it are made for others too, as mkdir -p does.
            let parent = path.removingLastComponent()
            if !parent.isEmpty { try FileSystem.createDirectories(parent) }
            try FileSystem.createDirectories(path, permissions: [.ownerReadWriteExecute])
        } else {
            try FileSystem.createDirectories(path)
        }
        let probe = path.appending(".barman_write_check")
        try OwnedDescriptor(opening: probe, .writeOnly, options: [.create]).close()
        try FileSystem.unlink(probe)
    }

    func makeLink(_ path: String, to target: String) throws {
        try FileSystem.unlinkIfPresent(FilePath(path))
        try FileSystem.symlink(at: FilePath(path), to: FilePath(target))
    }

    func renameIfPresent(_ path: String, to newPath: String) throws {
        guard try FileSystem.exists(FilePath(path)) else { return }
        try FileSystem.rename(FilePath(path), to: FilePath(newPath))
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        let file = try OwnedDescriptor(opening: FilePath(path), .writeOnly, options: [.create, .truncate])
        try file.writeAll(bytes)
        try file.close()
    }

    func edit(_ path: String, keepingOriginalAt original: String, contents: [UInt8]) throws {
        let status = try FileSystem.status(of: FilePath(path))
        try FileSystem.rename(FilePath(path), to: FilePath(original))
        let file = try OwnedDescriptor(
            opening: FilePath(path),
            .writeOnly,
            options: [.create, .truncate],
            permissions: status.permissions
        )
        try file.setPermissions(status.permissions)
        try file.writeAll(contents)
        try file.close()
    }

    func removeIfPresent(_ path: String) throws {
        try FileSystem.unlinkIfPresent(FilePath(path))
    }

    func writeEmptyFiles(_ names: [String], in directory: String) throws {
        for name in names { try write([], to: join(directory, name)) }
    }
}

/// A host behind ssh; each call is one command there.
struct RemoteRestoreHost: RestoreHost {
    let ssh: SSHCommand

    /// Whether the host answers at all.
    func answers() throws -> Bool {
        // The reference quotes the word; so does a shell history.
        var request = ssh.request(remoteShellText: "'true'")
        request.errorOutput = .collect(limitBytes: 1 << 16)
        do {
            return try request.run().isSuccess
        } catch let error as ProcessError where error.isNotFound {
            return false
        }
    }

    func looksEmpty(_ directory: String) throws -> Bool {
        // A missing directory is empty; that ssh fails is not told by that.
        let outcome = try run("if [ -e \"$1\" ] || [ -L \"$1\" ]; then ls -- \"$1\"; fi", [directory])
        return outcome.output.isEmpty
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

    func edit(_ path: String, keepingOriginalAt original: String, contents: [UInt8]) throws {
        try run("cp -p -- \"$1\" \"$2\" && cat > \"$1\"", [path, original], input: .bytes(contents))
    }

    func removeIfPresent(_ path: String) throws {
        try run("rm -f -- \"$1\"", [path])
    }

    func writeEmptyFiles(_ names: [String], in directory: String) throws {
        // The names come on standard input: a command line has no room for all of them.
        let script = "cd -- \"$1\" && while read -r name; do : > \"$name\" || exit 1; done"
        try run(script, [directory], input: .bytes(Array(names.map { $0 + "\n" }.joined().utf8)))
    }

    /// Makes everything on the file systems of these directories durable.
    func sync(_ directories: [String]) throws {
        try run("sync -f -- \"$@\" 2>/dev/null || sync", directories)
    }

    /// Runs a script with arguments; each arrives as it is, whatever is in it.
    @discardableResult
    private func run(
        _ script: String,
        _ arguments: [String],
        input: ProcessRequest.Input = .none
    ) throws -> ProcessOutcome {
        var request = ssh.request(remote: ["sh", "-c", script, "barman"] + arguments)
        request.input = input
        return try request.runChecked()
    }
}
