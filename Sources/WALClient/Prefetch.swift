import Files
import Glibc
import Processes
import SystemPackage

/// The place where files fetched ahead of replay wait, as `barman-wal-restore` sees it.
///
/// A directory of our own below the spool directory for each server of each backup host and each place that WAL is delivered to:
/// `NAME` is a whole, verified file, `.NAME.part` one on its way; `delivered` holds the name that PostgreSQL got last, `lock` is held by
/// the process that fetches.
struct Prefetch {
    private let arguments: RestoreArguments
    let directory: FilePath
    /// What the names of the directories for this server and this place begin with.
    private let prefix: String

    /// Makes the directories that are missing, one level of the spool only; `nil` if they are not safe to use.
    init?(_ arguments: RestoreArguments) throws {
        self.arguments = arguments
        // Two clusters may replay the same WAL, each at its own pace. What cannot be found cannot be written to either.
        guard let place = try? FileSystem.canonicalPath(arguments.destination.removingLastComponent()).string,
            let boot = Self.bootIdentity()
        else { return nil }
        prefix = ".ahead-\(BackupHost.key(["ahead", arguments.common.host.serverKey, place]))-"
        directory = arguments.spool.appending(prefix + boot)
        try Self.makeSpool(arguments.spool)
        // Whoever can write to the spool can put another directory in the place of ours.
        guard PrivateDirectory.isTrusted(arguments.spool), PrivateDirectory.prepare(directory) else { return nil }
    }

    private static func makeSpool(_ spool: FilePath) throws {
        do throws(FileError) {
            if try FileSystem.isDirectory(spool) { return }
            try FileSystem.createDirectory(spool, permissions: FilePermissions(rawValue: 0o755))
        } catch {
            // Another call may have been faster.
            if error.errno == .fileExists, try FileSystem.isDirectory(spool) { return }
            throw RestoreRun.Ending(message: "Cannot create '\(spool)' directory: \(error)", status: 2)
        }
    }

    /// What changes when the machine starts anew: files of before are not used, since nobody made them durable.
    private static func bootIdentity() -> String? {
        // Without it nothing is fetched ahead.
        guard let bytes = try? FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 100) else { return nil }
        let text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        return text.utf8.count == 36 ? String(text.prefix(18)) : nil
    }

    /// Delivers a file that was fetched ahead, after waiting for it if it is on its way; returns false if there is none, or none that
    /// can be had: then it is to be fetched.
    func take(_ name: String, to destination: FilePath) throws -> Bool {
        guard FilePath.Component(name)?.kind == .regular, !name.hasPrefix("."), name != Self.deliveredName,
            name != Self.lockName
        else { return false }
        let source = directory.appending(name)
        let part = directory.appending(".\(name).part")
        var waits = 0
        // At most two minutes. What nobody looks after may be of another cluster that had this name before.
        while waits < 60_000, isWorking {
            do throws(FileError) {
                try ReceivedWAL.move(source, to: destination)
                delivered(name)
                return true
            } catch {
                if error.isLackOfRoom { throw error }
                guard error.isMissing else { return false }
            }
            guard try FileSystem.exists(part) else { return false }
            usleep(2000)
            waits += 1
        }
        return false
    }

    /// Tells the process that fetches how far PostgreSQL is, and starts it if there is none.
    ///
    /// That this fails only makes the next file come from the backup host.
    func delivered(_ name: String) {
        try? note(name)
        if arguments.parallel > 1 { try? startFetching() }
    }

    /// Starts the process that fetches, unless there is one.
    ///
    /// It gets the lock with its standard input, in a place that is empty already: nobody ever finds the lock held over files of one
    /// before it, that was killed.
    private func startFetching() throws {
        let lock = try OwnedDescriptor(
            opening: directory.appending(Self.lockName),
            .readWrite,
            options: .create,
            permissions: FilePermissions(rawValue: 0o600)
        )
        guard try lock.tryLock() else { return }
        try clear()
        let place = try FileSystem.currentDirectory().string
        var request = ProcessRequest("/proc/self/exe", [Prefetcher.word, place] + arguments.words)
        request.input = .descriptor(lock.raw)
        request.newSession = true
        request.output = .discard
        request.errorOutput = .discard
        request.workingDirectory = "/"
        _ = try request.start()
    }

    /// Whether this process was given the lock.
    func isOurs() throws -> Bool {
        let path = directory.appending(Self.lockName)
        let lock = try OwnedDescriptor(duplicating: .standardInput, path: path)
        return try lock.status().isSameFile(as: FileSystem.status(of: path)) && lock.tryLock()
    }

    /// Removes every file but those that are still wanted.
    func clear(keeping names: [String] = []) throws {
        let kept = Set(names + [Self.lockName, Self.deliveredName])
        for name in try FileSystem.names(in: directory) where !kept.contains(name) && !name.hasPrefix(".delivered.") {
            try FileSystem.unlinkIfPresent(directory.appending(name))
        }
    }

    /// Removes what was left before the machine was started anew.
    func removeStale() {
        // It is in nobody's way if it cannot be removed.
        guard let names = try? FileSystem.names(in: arguments.spool) else { return }
        for name in names where name.hasPrefix(prefix) && name != directory.lastComponent?.string {
            _ = try? FileSystem.removeTree(arguments.spool.appending(name))
        }
    }

    static let deliveredName = "delivered"
    static let lockName = "lock"

    private func note(_ name: String) throws(FileError) {
        let temporary = directory.appending(".delivered.\(getpid())")
        let file = try OwnedDescriptor(opening: temporary, .writeOnly, options: [.create, .truncate])
        try file.writeAll(Array(name.utf8))
        try file.close()
        try FileSystem.rename(temporary, to: directory.appending(Self.deliveredName))
    }

    /// Whether somebody holds the lock.
    private var isWorking: Bool {
        // Without a lock file there is nobody.
        guard let file = try? OwnedDescriptor(opening: directory.appending(Self.lockName)) else { return false }
        return (try? file.tryLock()) == false
    }
}
