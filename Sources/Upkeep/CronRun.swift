public import Catalog
public import Failure
import Files
import Notation
import Processes
public import Settings
import SystemPackage

/// One turn of `cron`: starts what must run for each server, and keeps their catalogs in order.
public struct CronRun {
    private let configuration: Configuration
    private let homes: [ServerHome]
    let reporter: any Reporter
    private let executable: String
    private let keepsDescriptors: Bool

    /// Prepares a turn over these servers, which are active and usable, in the order of their names.
    ///
    /// `executable` is what runs in the background, this very program.
    public init(
        configuration: Configuration,
        homes: [ServerHome],
        reporter: any Reporter,
        executable: String = CronRun.ownExecutable,
        keepsDescriptors: Bool = false
    ) {
        self.configuration = configuration
        self.homes = homes
        self.reporter = reporter
        self.executable = executable
        self.keepsDescriptors = keepsDescriptors
    }

    /// The file of the running program.
    public static var ownExecutable: String {
        do {
            return try FileSystem.linkTarget("/proc/self/exe").string
        } catch {
            // Without /proc the name we were called by has to do.
            return CommandLine.arguments.first ?? "barman"
        }
    }

    // MARK: Configuration changes

    /// Makes the changes of the configuration that wait in the queue, under its lock; to be called before servers are loaded.
    ///
    /// Returns whether the configuration has changed, and has to be read again.
    public static func processConfigurationQueue(
        _ configuration: Configuration,
        reporter: any Reporter
    ) throws(Failure) -> Bool {
        let lock: FileLock
        do {
            lock = try FileLock.acquire(configuration.global.lockDirectory.appending(".config-update.lock"))
        } catch .busy {
            reporter.warning("another process is updating barman configuration files")
            return false
        } catch {
            throw error.failure
        }
        defer { lock.release() }
        var queue = try ChangeQueue(configuration, reporter: reporter)
        return try !queue.process().isEmpty
    }

    // MARK: Servers

    /// Does the turn.
    ///
    /// What goes wrong with one server is reported and does not keep the others from theirs.
    ///
    /// Throws only when the program is asked to end.
    public func run() throws {
        for home in homes {
            try SignalWatch.check()
            do {
                try turn(of: home)
            } catch let interruption as SignalWatch.Interrupted {
                throw interruption
            } catch let error as LockError {
                reporter.report(error.failure)
            } catch let error as FileError {
                reporter.error(error.description)
            } catch let failure as Failure where failure.kind == .error {
                reporter.report(failure)
            } catch {
                reporter.log(.error, "barman.cli", "\(error)")
                reporter.exception(
                    "Unable to run cron on server '\(home.name)', "
                        + "please look in the barman log file for more details."
                )
            }
        }
        guard configuration.global.lockDirectoryCleanup else { return }
        do {
            try LockDirectory.clean(configuration.global.lockDirectory)
        } catch {
            reporter.error(error.description)
        }
    }

    /// Tells what a turn would start and delete; takes no lock and changes nothing.
    public func preview() throws {
        for home in homes {
            try SignalWatch.check()
            do {
                try preview(of: home)
            } catch let interruption as SignalWatch.Interrupted {
                throw interruption
            } catch let failure as Failure {
                reporter.report(failure)
            } catch {
                reporter.error("\(error)")
            }
        }
    }

    private func preview(of home: ServerHome) throws {
        if home.settings.isPassive {
            reporter.show("Would synchronise server \(home.name) with its primary")
        } else {
            reporter.show("Would start WAL archiving for server \(home.name)")
            if home.settings.streamingArchiver, try isFree(.receiveWAL, home) {
                reporter.show("Would start streaming archiver for server \(home.name)")
            }
        }
        let catalog = try BackupCatalog.load(home)
        if let info = catalog.oldest([.waitingForWALs]) {
            reporter.show("Would start check-backup for backup \(info.id) of server \(home.name)")
        }
        try RetentionEnforcement(home: home, reporter: reporter).preview(catalog, now: .now())
    }

    private func turn(of home: ServerHome) throws {
        let lock: FileLock
        do {
            lock = try FileLock.acquire(home.lockPath(.cron))
        } catch .busy {
            reporter.info(
                "Another cron process is already running on server \(home.name). Skipping to the next server"
            )
            return
        }
        defer { lock.release() }
        if home.settings.isPassive {
            try synchronise(home)
        } else {
            try startArchiving(home)
            try startOrStopReceiving(home)
        }
        let catalog = try BackupCatalog.load(home)
        try startBackupCheck(catalog)
        try RetentionEnforcement(home: home, reporter: reporter).run(catalog, now: .now())
    }

    private func startArchiving(_ home: ServerHome) throws {
        guard try isFree(.archiveWAL, home) else {
            reporter.info(
                "Another archive-wal process is already running on server \(home.name). "
                    + "Skipping to the next server"
            )
            return
        }
        reporter.show("Starting WAL archiving for server \(home.name)")
        // With hundreds of servers, processes that find nothing to do would be most of the work of a turn.
        guard PendingWAL.mayWait(home, reporter: reporter) else {
            return log(.debug, "No WAL file waits to be archived for server \(home.name)")
        }
        try start("archive-wal", [home.name])
    }

    private func startOrStopReceiving(_ home: ServerHome) throws {
        guard home.settings.streamingArchiver else {
            let receivers = try ServerProcess.list(server: home.name, lockDirectory: home.lockDirectory)
                .filter { $0.task == "receive-wal" }
            for receiver in receivers {
                if try receiver.terminate() {
                    reporter.info("Stopped process receive-wal(\(receiver.process))")
                } else {
                    reporter.error("Cannot terminate process receive-wal(\(receiver.process))")
                }
            }
            return
        }
        guard try isFree(.receiveWAL, home) else {
            return log(.debug, "Another STREAMING ARCHIVER process is running for server \(home.name)")
        }
        reporter.show("Starting streaming archiver for server \(home.name)")
        try start("receive-wal", [home.name])
    }

    /// One waiting backup a turn, the oldest.
    private func startBackupCheck(_ catalog: BackupCatalog) throws {
        let home = catalog.home
        guard let info = catalog.oldest([.waitingForWALs]) else { return }
        guard try isFree(.backupID(info.id), home) else {
            return log(.debug, "Another process is holding the lock for backup \(info.id) of server \(home.name)")
        }
        reporter.show("Starting check-backup for backup \(info.id) of server \(home.name)")
        try start("check-backup", [home.name, info.id])
    }

    /// Whether nobody has a lock.
    func isFree(_ lock: ServerHome.Lock, _ home: ServerHome) throws -> Bool {
        let path = home.lockPath(lock)
        do {
            return try FileLock.state(of: path) == .free
        } catch  where error.isPermissionDenied {
            throw LockError.permissionDenied(path)
        }
    }

    /// Starts a command of this program in the background and does not wait for it.
    func start(_ command: String, _ arguments: [String]) throws {
        let words = ["-c", configuration.global.configurationFile, "-q", command] + arguments
        let process = try ProcessRequest(executable, words).spawnDetached(keepingDescriptors: keepsDescriptors)
        log(.debug, "BarmanSubProcess: [\(process)] \(([executable] + words).joined(separator: " "))")
    }

    private func log(_ level: LogLevel, _ text: String) {
        reporter.log(level, "barman.server", text)
    }
}
