public import Files
import Glibc
public import SystemPackage

/// A running process of ours that works for a server, found by the lock that it holds.
public struct ServerProcess: Sendable, Equatable {
    /// Its process number.
    public let process: Int32
    /// What it does: `receive-wal`, `sync-backup`, `backup`, `cron`, `archive-wal` or `sync-wal`.
    public let task: String
    /// The lock it holds.
    public let lock: FilePath

    /// The tasks in the order in which the names of locks are tried.
    private static let tasks = ["receive-wal", "sync-backup", "backup", "cron", "archive-wal", "sync-wal"]

    /// The processes that work for a server, in the order of the names of their locks.
    public static func list(server: String, lockDirectory: FilePath) throws(FileError) -> [ServerProcess] {
        var processes: [ServerProcess] = []
        for name in try FileSystem.names(in: lockDirectory) {
            guard let task = task(ofLock: name, server: server) else { continue }
            let lock = lockDirectory.appending(name)
            guard let holder = try FileLock.holder(of: lock) else { continue }
            processes.append(ServerProcess(process: holder, task: task, lock: lock))
        }
        return processes
    }

    /// The task whose lock has this name; nil for the lock of something else.
    static func task(ofLock name: String, server: String) -> String? {
        let prefix = ".\(server)-"
        guard name.hasPrefix(prefix), name.hasSuffix(".lock") else { return nil }
        let middle = name.dropFirst(prefix.count).dropLast(".lock".count)
        return tasks.first { task in
            task == "sync-backup" ? middle.hasSuffix("-sync-backup") : middle == task
        }
    }

    /// Asks the process to end (SIGINT), and looks once a second, at most ten times, whether it has; returns whether it did.
    public func terminate(
        pause: (Double) throws -> Void = { try SignalWatch.pause(seconds: $0) }
    ) throws -> Bool {
        guard kill(process, SIGINT) == 0 else { return errno == ESRCH }
        for _ in 0..<10 {
            if kill(process, 0) != 0, errno == ESRCH { return true }
            try pause(1)
        }
        return false
    }
}
