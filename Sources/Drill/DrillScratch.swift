import Catalog
import Failure
import Files
import Glibc
import Processes
import SystemPackage

/// The directory of one drill: locked while the drill lives, removed at its end.
///
/// A drill that was killed leaves its directory and perhaps its server; the next one finds the lock free and takes both away.
struct DrillScratch {
    let directory: FilePath
    /// Where the server's socket is: outside when the path of the directory is too long for one.
    let socketDirectory: FilePath
    private let lock: FileLock

    /// `sun_path` holds 107 bytes (unix(7)).
    private static let socketPathLimit = 107
    static let port = 54320

    init(for home: ServerHome, in parent: FilePath?) throws {
        let parent = parent ?? home.backupDirectory.removingLastComponent()
        let prefix = ".drill-\(home.name)-"
        do {
            // Two drills may begin in one instant: neither must sweep away what the other has not locked yet.
            (directory, lock) = try FileLock.withLock(home.lockPath(.drill), waiting: true) {
                try Self.sweep(parent, prefix)
                let directory = try FileSystem.createTemporaryDirectory(prefix: prefix, in: parent)
                return (directory, try FileLock.acquire(directory.appending("lock")))
            }
        } catch let error as FileError {
            throw Failure("cannot make a directory for the drill in '\(parent)': \(error)")
        } catch let error as LockError {
            try SignalWatch.check()
            throw Failure(error.description, cause: error)
        }
        let inside = directory.appending("s")
        if inside.appending(".s.PGSQL.\(Self.port).lock").string.utf8.count <= Self.socketPathLimit {
            try FileSystem.createDirectory(inside, permissions: [.ownerReadWriteExecute])
            socketDirectory = inside
        } else {
            socketDirectory = try FileSystem.createTemporaryDirectory(prefix: "barman-drill-", in: "/tmp")
        }
    }

    var data: FilePath { directory.appending("data") }
    var log: FilePath { directory.appending("server.log") }

    /// Removes everything.
    func remove() throws {
        lock.release()
        if !socketDirectory.starts(with: directory) { try FileSystem.removeTree(socketDirectory) }
        try FileSystem.removeTree(directory)
    }

    /// Takes away what drills left that did not live to do it.
    private static func sweep(_ parent: FilePath, _ prefix: String) throws {
        guard try FileSystem.isDirectory(parent) else { return }
        for name in try FileSystem.names(in: parent) where name.hasPrefix(prefix) {
            let old = parent.appending(name)
            guard let lock = try? FileLock.acquire(old.appending("lock")) else { continue }
            stopServer(in: old.appending("data"))
            lock.release()
            try FileSystem.removeTree(old)
        }
    }

    /// Ends a server that outlived its drill; its number is in `postmaster.pid`, beside the directory it works in.
    private static func stopServer(in data: FilePath) {
        // Without the file there is no server.
        guard let bytes = try? FileSystem.read(data.appending("postmaster.pid")) else { return }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.count > 1, lines[1] == data.string, let number = pid_t(lines[0]), number > 1,
            let link = try? FileSystem.linkTarget(FilePath("/proc/\(number)/cwd")),
            let place = try? FileSystem.canonicalPath(data), link == place
        else { return }
        kill(number, SIGQUIT)
        for _ in 0..<100 where kill(number, 0) == 0 {
            guard Interruption.pause(seconds: 0.1) else { return }
        }
        _ = kill(number, SIGKILL)
    }
}
