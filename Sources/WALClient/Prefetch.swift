import Files
import Glibc
import Processes
import SystemPackage

/// The place where files fetched ahead of replay wait, as `barman-wal-restore` sees it.
///
/// A directory of our own below the spool directory for each server of each backup host: `NAME` is a whole, verified file,
/// `.NAME.part` one on its way; `delivered` holds the name that PostgreSQL got last, `lock` is held by the process that fetches.
struct Prefetch {
    private let arguments: RestoreArguments
    let directory: FilePath

    /// Makes the directories that are missing, one level of the spool only; `nil` if they are not safe to use.
    init?(_ arguments: RestoreArguments) throws {
        self.arguments = arguments
        guard let boot = Self.bootIdentity() else { return nil }
        directory = arguments.spool.appending(Self.prefix(arguments) + boot)
        do throws(FileError) {
            if try !FileSystem.isDirectory(arguments.spool) { try FileSystem.createDirectory(arguments.spool) }
        } catch {
            guard error.errno == .fileExists, PrivateDirectory.isTrusted(arguments.spool) else {
                let message = "Cannot create '\(arguments.spool)' directory: \(error)"
                throw RestoreRun.Ending(message: message, status: 2)
            }
        }
        guard PrivateDirectory.prepare(directory) else { return nil }
    }

    /// What the names of the directories for this server begin with.
    static func prefix(_ arguments: RestoreArguments) -> String { ".ahead-\(arguments.common.host.serverKey)-" }

    /// What changes when the machine starts anew: files of before are not used, since nobody made them durable.
    private static func bootIdentity() -> String? {
        // Without it nothing is fetched ahead.
        guard let bytes = try? FileSystem.read("/proc/sys/kernel/random/boot_id", limit: 100) else { return nil }
        let text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        return text.utf8.count == 36 ? String(text.prefix(18)) : nil
    }

    /// Delivers a file that was fetched ahead, after waiting for it if it is on its way; returns false if there is none.
    func take(_ name: String, to destination: FilePath) throws -> Bool {
        guard FilePath.Component(name)?.kind == .regular, !name.hasPrefix("."), name != Self.deliveredName,
            name != Self.lockName
        else { return false }
        let source = directory.appending(name)
        let part = directory.appending(".\(name).part")
        var waits = 0
        while true {
            do throws(FileError) {
                try ReceivedWAL.move(source, to: destination)
                delivered(name)
                return true
            } catch {
                if error.isLackOfRoom { throw error }
                guard error.isMissing else {
                    let message = "Failure moving \(source) to \(destination): \(error)"
                    throw RestoreRun.Ending(message: message, status: 2)
                }
            }
            // At most two minutes; then it is fetched here.
            guard waits < 60_000, isWorking, try FileSystem.exists(part) else { return false }
            usleep(2000)
            waits += 1
        }
    }

    /// Tells the process that fetches how far PostgreSQL is, and starts it if there is none.
    ///
    /// That it cannot be told only makes the next file come from the backup host.
    func delivered(_ name: String) {
        try? note(name)
        guard arguments.parallel > 1, !isWorking else { return }
        var request = ProcessRequest("/proc/self/exe", [Prefetcher.word] + arguments.words)
        request.newSession = true
        request.output = .discard
        request.errorOutput = .discard
        request.workingDirectory = "/"
        _ = try? request.start()
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
