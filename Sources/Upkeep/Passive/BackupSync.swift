import Backup
public import Catalog
public import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage

/// `sync-backup`: copies one backup from the primary node to a passive one.
///
/// The record says `SYNCING` while files are copied, and what the primary's says only when every file is on disk. A copy that was
/// cut off goes on where it ended when the command is given again, as `cron` does.
public struct BackupSync {
    private let home: ServerHome
    private let reporter: any Reporter

    /// Prepares to copy backups to a passive server.
    public init(home: ServerHome, reporter: any Reporter) {
        self.home = home
        self.reporter = reporter
    }

    /// Brings the backup of that literal ID here, or says why that is not needed.
    public func run(_ id: String) throws {
        do {
            try PrimaryNode.requirePassive(home)
            let primary = try PrimaryInfo(of: home)
            switch try SyncDecision(id, primary, try BackupCatalog.load(home), now: .now()) {
            case .absent: throw Failure("Backup \(id) is absent on \(home.name) server")
            case .localOnly:
                reporter.info(
                    "Backup \(id) is absent on \(home.name) server, but present locally (local copy only)"
                )
            case .present: reporter.info("Backup \(id) is already synced with \(home.name) server")
            case .obsolete:
                reporter.info("Remote backup \(home.name)/\(id) is obsolete for local retention policies.")
            case .purge(let info):
                reporter.warning(
                    "Backup \(id) is absent on \(home.name) server and is incomplete locally, purging local backup"
                )
                try BackupDeletion(home: home, reporter: reporter).run(info)
            case .copy(let remote): try copyLocked(remote, primary)
            }
        } catch {
            throw UpkeepFailure.named(error)
        }
    }

    private func copyLocked(_ remote: BackupInfo, _ primary: PrimaryInfo) throws {
        let lock = try acquire(
            .syncBackup(remote.id),
            "Another synchronisation process for backup \(remote.id) of server \(home.name) is already running."
        )
        defer { lock.release() }
        // Nobody may delete what is being copied.
        let idLock = try acquire(
            .backupID(remote.id),
            "Another process is holding the lock for backup \(remote.id) of server \(home.name)."
        )
        defer { idLock.release() }
        var catalog = try BackupCatalog.load(home)
        // Whoever had the locks before may have done the work.
        if catalog[remote.id]?.status.isCompleted == true {
            return reporter.info("Backup \(remote.id) is already synced with \(home.name) server")
        }
        let copy = BackupSyncCopy(home: home, reporter: reporter, remote: remote, primary: primary)
        try copy.run(&catalog)
    }

    private func acquire(_ lock: ServerHome.Lock, _ refusal: String) throws -> FileLock {
        do {
            return try FileLock.acquire(home.lockPath(lock))
        } catch LockError.busy {
            throw Failure(refusal)
        }
    }
}

/// The copy of one backup, whose locks are held.
private struct BackupSyncCopy {
    let home: ServerHome
    let reporter: any Reporter
    let remote: BackupInfo
    let primary: PrimaryInfo
    private var directory: FilePath { home.backupDirectory(of: remote.id) }

    init(home: ServerHome, reporter: any Reporter, remote: BackupInfo, primary: PrimaryInfo) {
        self.home = home
        self.reporter = reporter
        self.remote = remote
        self.primary = primary
    }

    func run(_ catalog: inout BackupCatalog) throws {
        guard remote.snapshotsInfo == nil else {
            throw Failure(
                "Backup \(remote.id) of server \(home.name) is made of disk snapshots, which can not be copied from node to node"
            )
        }
        var info = remote
        info.serverName = home.name
        info.childrenBackupIDs = catalog.childrenHere(of: info.id)
        info.status = .syncing
        step(1, "parse server information")
        try catalog.save(info)
        do {
            try joinParent(info, &catalog)
            step(2, "file copy")
            try copyFiles(catalog)
            step(3, "finalise sync")
            info.status = remote.status
            try catalog.save(info)
        } catch {
            try fail(info, error, &catalog)
        }
    }

    private func step(_ number: Int, _ text: String) {
        reporter.log(
            .info,
            "barman.server",
            "Synchronising with server \(home.name) backup \(remote.id): step \(number)/3: \(text)"
        )
    }

    /// Enters an incremental backup with its parent, whose deletion must find it.
    private func joinParent(_ info: BackupInfo, _ catalog: inout BackupCatalog) throws {
        guard let id = info.parentBackupID, var parent = try catalog.refresh(id), !parent.children.contains(info.id)
        else { return }
        parent.childrenBackupIDs = parent.children + [info.id]
        try catalog.save(parent)
    }

    // MARK: Files

    private func copyFiles(_ catalog: BackupCatalog) throws {
        let source = try primary.directory("basebackups_directory") + "/\(remote.id)/"
        let isDoubted = CopyMark.isDoubted(in: directory)
        if isDoubted { try CopyMark.removeDoubtedCopy(in: directory) }
        let isFresh = try isDoubted || !FileSystem.isDirectory(directory)
        let isContinued = CopyMark.read(in: directory)?.isOfThisStart ?? false
        try FileSystem.createDirectories(directory)
        let fileSystem = isFresh ? try WholeFileSystem(of: directory) : nil
        try CopyMark.write(in: directory)
        var item = CopyItem(
            label: remote.id,
            source: SSHCommand.rsyncPath(source),
            destination: directory.string,
            kind: .directory
        )
        item.filter.protected = ["/backup.info", "/.backup.lock", "/\(CopyMark.name)"]
        item.filter.protected += (remote.tablespaces ?? []).map { "/data/pg_tblspc/\($0.oid)" }
        if let older = try olderCopy(catalog), isFresh || home.settings.reuseBackup == .link {
            item.olderCopies = [older]
        }
        item.linksOlderCopies = home.settings.reuseBackup != .copy
        item.destinationSharesFiles = !isFresh
        var options = RsyncCopy.Options()
        options.jobs = max(1, Int(clamping: home.settings.parallelJobs))
        options.startBatchSize = Int(clamping: home.settings.parallelJobsStartBatchSize)
        options.startBatchPeriodSeconds = Double(home.settings.parallelJobsStartBatchPeriodSeconds)
        options.isFresh = isFresh
        options.expectedBytes = remote.sizeBytes
        // A stored backup does not change: what looks the same is the same, unless the machine went down before it was on disk.
        options.horizonSeconds = isContinued ? Int64.max : nil
        _ = try RsyncCopy(try command(), options: options, reporter: reporter).run([item]) { try SignalWatch.check() }
        try CopyMark.doubt(in: directory)
        let result = try TreeSync.run([directory], on: fileSystem, check: { try SignalWatch.check() })
        try CopyMark.remove(in: directory)
        try FileSystem.syncDirectory(home.basebackupsDirectory)
        // A backup that is being deleted on the primary loses files without anybody complaining.
        if let expected = remote.sizeBytes, result.sizeBytes < expected - Self.recordBytes {
            throw IncompleteCopy(arrivedBytes: result.sizeBytes, expectedBytes: expected)
        }
    }

    /// More than a record takes: releases before 3.13.2 measured it as a part of the backup.
    private static let recordBytes: Int64 = 1 << 20

    private func command() throws -> RsyncCommand {
        let settings = home.settings
        let ssh = try PrimaryNode(of: home, reporter: reporter).ssh()
        var command = RsyncCommand(ssh: ssh, pathPrefix: settings.pathPrefix, reporter: reporter)
        command.isCompressed = settings.networkCompression
        command.bandwidthLimit = settings.bandwidthLimit.map { Int(clamping: $0) }
        command.sourceIsStatic = true
        command.retries = RsyncCommand.Retries(
            count: Int(clamping: settings.basebackupRetryTimes),
            pauseSeconds: Double(settings.basebackupRetrySleepSeconds)
        )
        return command
    }

    /// The nearest complete backup here, the newer one first; what was changed after the older of the two began is read.
    private func olderCopy(_ catalog: BackupCatalog) throws -> OlderCopy? {
        guard let reuse = home.settings.reuseBackup, reuse != .off else { return nil }
        let neighbour: (BackupInfo, Timestamp?)
        if let next = catalog.next(of: remote.id) {
            neighbour = (next, remote.beginTime)
        } else if let previous = catalog.previous(of: remote.id) {
            neighbour = (previous, previous.beginTime)
        } else {
            return nil
        }
        let directory = home.backupDirectory(of: neighbour.0.id)
        guard try FileSystem.isDirectory(directory) else { return nil }
        return OlderCopy(directory: directory, horizonSeconds: neighbour.1?.secondsSinceEpoch)
    }

    // MARK: Failures

    /// Stores and tells why the copy failed; a repeat goes on with it.
    private func fail(_ info: BackupInfo, _ error: any Error, _ catalog: inout BackupCatalog) throws {
        let text: String
        if let failure = error as? RsyncFailure {
            text = "failure syncing server \(home.name) backup \(info.id): \(failure.dump)"
        } else {
            text = "Backup failed syncing with \(home.name): \(error)"
        }
        var info = info
        info.status = .failed
        info.error = text
        // An interrupted copy still ends in order.
        let signal = Interruption.isRequested ? Interruption.signalNumber : nil
        if signal != nil { Interruption.takeBack() }
        defer { if let signal { Interruption.request(signal: signal) } }
        try catalog.save(info)
        guard signal == nil else { throw error }
        throw Failure(text, cause: error)
    }
}

/// Fewer bytes came than the primary's record says.
private struct IncompleteCopy: Error, CustomStringConvertible {
    let arrivedBytes: Int64
    let expectedBytes: Int64

    var description: String {
        "only \(arrivedBytes) bytes of \(expectedBytes) arrived; is the backup being deleted on the primary?"
    }
}

extension RsyncFailure {
    /// The outcome as the reference shows it.
    var dump: String {
        PythonLiteral.dictionary([
            (.string("ret"), .integer(Int64(outcome.status.code))), (.string("out"), .string(outcome.outputText)),
            (.string("err"), .string(outcome.errorText)),
        ]).text
    }
}
