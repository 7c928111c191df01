import Backup
import Files
import Processes
import SystemPackage

/// The host that a backup is restored to: this one, or one behind ssh.
protocol RestoreHost: Sendable {
    /// Whether a directory shows no entries, dot files apart; a missing one shows none.
    func looksEmpty(_ directory: String) throws -> Bool
    /// The names in a directory, dot files too; none when it is missing.
    func names(in directory: String) throws -> [String]
    /// What is known of a directory that a restore would write to.
    func state(of directory: String, tablespaces: [Int64]) throws -> DestinationState
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
    /// Writes a file that is on disk, with its name, when this returns.
    func writeDurably(_ bytes: [UInt8], to path: String) throws
    /// Gives a file another name, durably.
    func renameDurably(_ path: String, to newPath: String) throws
    /// Makes everything below these directories durable, and what is in directories that links in them lead to: people move
    /// `pg_wal` elsewhere, and a delta restore leaves it there.
    ///
    /// `fileSystems` are those of some of them, opened before anything was written.
    func sync(_ directories: [String], on fileSystems: [String: WholeFileSystem]) throws
    /// Removes a file if it is there.
    func removeIfPresent(_ path: String) throws
    /// Removes a file from each of these directories if it is there, durably; from the last one last.
    func removeDurably(_ name: String, from directories: [String]) throws
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

    func names(in directory: String) throws -> [String] {
        try FileSystem.isDirectory(FilePath(directory)) ? FileSystem.names(in: FilePath(directory)) : []
    }

    func state(of directory: String, tablespaces: [Int64]) throws -> DestinationState {
        let path = FilePath(directory)
        var state = DestinationState()
        state.looksEmpty = try looksEmpty(directory)
        guard try FileSystem.isDirectory(path) else { return state }
        state.mark = try FileSystem.readIfPresent(path.appending(UnfinishedMark.name), limit: 1 << 16)
        state.version = try text(path.appending("PG_VERSION"))
        if try FileSystem.exists(path.pushing(ControlFile.path)) {
            let bytes = try FileSystem.readPrefix(path.pushing(ControlFile.path), count: 8)
            let digits = Array("0123456789abcdef")
            state.systemID = String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        }
        state.runningPID = try runningServer(in: path)
        for oid in tablespaces {
            let link = path.appending("pg_tblspc/\(oid)")
            guard try FileSystem.kindIfPresent(link, followingLinks: false) == .symbolicLink else { continue }
            state.links[oid] = try FileSystem.linkTarget(link).string
        }
        return state
    }

    private func text(_ path: FilePath) throws -> String? {
        try FileSystem.readIfPresent(path, limit: 1 << 16).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The process that `postmaster.pid` names, unless it is gone or something else by now.
    private func runningServer(in directory: FilePath) throws -> String? {
        guard let line = try text(directory.appending("postmaster.pid"))?.split(separator: "\n").first,
            let pid = Int32(line.filter { !$0.isWhitespace }), pid > 0
        else { return nil }
        guard let name = try text(FilePath("/proc/\(pid)/comm")) else { return nil }
        return name.hasPrefix("postgres") || name.hasPrefix("postmaster") ? String(pid) : nil
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

    func writeDurably(_ bytes: [UInt8], to path: String) throws {
        // A name of its own: what a killed run left is replaced by the next one.
        try FileSystem.replaceDurably(
            FilePath(path),
            contents: bytes,
            permissions: [.ownerReadWrite],
            temporaryName: FilePath(path).lastComponent.map { "\($0.string).new" }
        )
    }

    func renameDurably(_ path: String, to newPath: String) throws {
        try FileSystem.syncFile(FilePath(path))
        try FileSystem.rename(FilePath(path), to: FilePath(newPath))
        try FileSystem.syncParent(of: FilePath(newPath))
    }

    func sync(_ directories: [String], on fileSystems: [String: WholeFileSystem]) throws {
        var synced: [FilePath] = []
        func sync(_ directory: FilePath, on fileSystem: WholeFileSystem?) throws {
            guard !synced.contains(where: { directory.starts(with: $0) }) else { return }
            _ = try TreeSync.run([directory], on: fileSystem, check: { try SignalWatch.check() })
            synced.append(directory)
        }
        for directory in directories {
            let place = try FileSystem.realPath(FilePath(directory))
            try sync(place, on: fileSystems[directory])
            // What is none of the backup's is left alone, and may be closed to us: hidden names, and what was logged.
            for name in try FileSystem.names(in: place)
            where !name.hasPrefix(".") && name != "log" && name != "pg_log" {
                let entry = place.appending(name)
                guard try FileSystem.kindIfPresent(entry, followingLinks: false) == .symbolicLink,
                    try FileSystem.isDirectory(entry)
                else { continue }
                try sync(FileSystem.realPath(entry), on: nil)
            }
        }
    }

    func removeIfPresent(_ path: String) throws {
        try FileSystem.unlinkIfPresent(FilePath(path))
    }

    func removeDurably(_ name: String, from directories: [String]) throws {
        for directory in directories {
            try FileSystem.unlinkIfPresent(FilePath(directory).appending(name))
            try FileSystem.syncDirectory(FilePath(directory))
        }
    }

    func writeEmptyFiles(_ names: [String], in directory: String) throws {
        for name in names { try write([], to: join(directory, name)) }
    }
}
