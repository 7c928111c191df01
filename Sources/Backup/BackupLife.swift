import Archive
import Catalog
import Failure
import Files
import Notation
import Postgres
import Processes
import Settings
import SystemPackage
import WAL

/// The life of one backup while its server is locked: a record that always tells how far it came.
final class BackupLife {
    let home: ServerHome
    let postgres: PostgresServer
    /// Tells the user, and `status` of other processes how far the backup is.
    let reporter: BackupReporter
    let options: BackupOptions
    private(set) var catalog: BackupCatalog
    private let hooks: BackupHooks
    /// The record as it will be stored next.
    var info: BackupInfo
    /// What is being done, for the text of a failure.
    var action = "starting backup"
    /// When the copy began, by our clock.
    var copyStart: Timestamp

    init(_ run: BackupRun) throws {
        home = run.home
        postgres = run.postgres
        options = run.options
        catalog = try BackupCatalog.load(run.home)
        hooks = BackupHooks(home: run.home, family: .backup, reporter: run.reporter)
        copyStart = Timestamp.now()
        let id = try Self.freshID(catalog)
        reporter = BackupReporter(run.reporter, home: run.home, backupID: id)
        info = BackupInfo(id: id, serverName: run.home.name, mode: run.home.defaultMode)
        info.systemID = run.postgres.facts().systemID
        info.backupName = run.options.name
        info.parentBackupID = run.parent?.id
    }

    /// The time as an id; a second that has one already is waited for.
    private static func freshID(_ catalog: BackupCatalog) throws -> String {
        while true {
            let id = Timestamp.now().backupIDText
            if catalog[id] == nil { return id }
            try SignalWatch.pause(seconds: 0.2)
        }
    }

    /// The directory of this backup.
    var directory: FilePath { home.backupDirectory(of: info.id) }

    /// The copies that are no good to go on with once a sync has failed: those that this one shares files with.
    private var doubtedBySync: [FilePath] = []
    /// The file system of the copy, opened before anything is written to it.
    private var fileSystem: WholeFileSystem?
    /// What lets the disk begin while the copy goes on; ticked by the copy.
    private(set) var earlySync: EarlySync?
    /// The segment that the server must have archived before the backup is complete, if it archives at all.
    var segmentToArchive: WALSegmentName?

    /// Takes the backup; returns its record, whose status tells whether it worked.
    func run() throws -> BackupInfo {
        try save()
        try joinParent()
        reporter.progress(ProgressUpdate(label: "Starting", doneBytes: 0, totalBytes: nil, isFinished: true))
        defer { reporter.finish() }
        var failure: (any Error)?
        do {
            try take()
        } catch {
            failure = error
            // A write that still fails marks the copy; the failure to tell is the first one.
            try? earlySync?.end()
        }
        // An interrupted backup still ends in order: record, scripts. A second signal interrupts that as well.
        let signal = Interruption.isRequested ? Interruption.signalNumber : nil
        if signal != nil { Interruption.takeBack() }
        defer { if let signal { Interruption.request(signal: signal) } }
        if let failure { noteFailure(failure) }
        try save()
        postgres.close()
        try hooks.run(.post, for: info, catalog: catalog, error: info.error)
        if info.status != .failed { try writeManifest() }
        return info
    }

    private func take() throws {
        reporter.info("Starting backup using \(info.mode ?? "") method for server \(home.name) in \(directory)")
        try hooks.run(.pre, for: info, catalog: catalog)
        switch home.settings.backupMethod {
        case .postgres: try StreamBackup(self).run()
        case .rsync, .localRsync, .snapshot, .localToCloud: try RsyncBackup(self).run()
        }
        createRestorePoint()
        action = "calculating backup size"
        try measureAndSync()
        try save()
        try waitForArchiving()
        info.status = .waitingForWALs
        announceEnd()
        if options.waits {
            try save()
            try waitForWAL()
        }
    }

    /// Stores the record; durable on return.
    func save() throws(Failure) {
        try catalog.save(info)
    }

    /// Enters an incremental backup with its parent, whose deletion must find it even if we die.
    private func joinParent() throws {
        guard let id = info.parentBackupID, var parent = try catalog.refresh(id) else { return }
        guard !parent.children.contains(info.id) else { return }
        parent.childrenBackupIDs = parent.children + [info.id]
        try catalog.save(parent)
    }

    private func noteFailure(_ error: any Error) {
        info.status = .failed
        info.error = "failure \(action) (\(ErrorText.firstLine(error)))"
        reporter.error("Backup failed \(action).\nDETAILS: \(ErrorText.full(error))")
    }

    /// Tells what a server does first, which may take minutes unless it is asked to hurry.
    func tellWaitForCheckpoint() {
        reporter.progress(
            ProgressUpdate(label: "Waiting for checkpoint", doneBytes: 0, totalBytes: nil, isFinished: true)
        )
    }

    /// A mark in the WAL; of no consequence if it cannot be made.
    private func createRestorePoint() {
        do {
            _ = try postgres.createRestorePoint("barman_\(info.id)")
        } catch {
            reporter.log(.debug, Self.logger, "No restore point: \(error)")
        }
    }

    /// To be called when the directory of the backup is there and empty.
    ///
    /// `copies` are marked from before the sync: this one, if it may be gone on with, and older ones that it shares files with.
    func openFileSystem(doubting copies: [FilePath] = []) throws(FileError) {
        doubtedBySync = copies
        fileSystem = try WholeFileSystem(of: directory)
        earlySync = try EarlySync(of: directory, doubting: copies)
    }

    /// Makes the copy durable, before the end of the backup is archived: the server does that meanwhile.
    private func measureAndSync() throws {
        let began = Interruption.monotonicSeconds
        try earlySync?.end()
        for copy in doubtedBySync { try CopyMark.doubt(in: copy) }
        let result = try TreeSync.run(
            [directory],
            on: fileSystem,
            check: { try SignalWatch.check() },
            progress: { done, total in
                reporter.progress(
                    ProgressUpdate(label: "Syncing", doneBytes: done, totalBytes: total, isFinished: done == total)
                )
            }
        )
        if doubtedBySync.contains(directory) { try CopyMark.remove(in: directory) }
        try FileSystem.syncDirectory(home.basebackupsDirectory)
        let seconds = PythonText.fixed(Interruption.monotonicSeconds - began, decimals: 3)
        reporter.log(.debug, Self.logger, "Backup \(info.id) is on disk after a sync of \(seconds) seconds")
        info.sizeBytes = result.sizeBytes
        info.deduplicatedSizeBytes = result.deduplicatedBytes
        let size = HumanText.size(result.sizeBytes)
        guard home.settings.reuseBackup == .link else {
            reporter.info("Backup size: \(size)")
            return
        }
        let ratio =
            result.sizeBytes > 0 ? 1 - Double(result.deduplicatedBytes) / Double(result.sizeBytes) : 0
        reporter.info(
            "Backup size: \(size). Actual size on disk: \(HumanText.size(result.deduplicatedBytes)) "
                + "(-\(HumanText.percentage(ratio)) deduplication ratio)."
        )
    }

    private func announceEnd() {
        let offset = hexadecimal(info.endOffset ?? 0)
        reporter.info("Backup end at LSN: \(info.endXlog ?? "None") (\(info.endWAL ?? "None"), \(offset))")
        let elapsed = HumanText.duration(seconds: Timestamp.now().seconds(since: copyStart))
        reporter.info("Backup completed (start time: \(copyStart.naiveText), elapsed time: \(elapsed))")
    }

    /// Waits for the end of the backup in the archive; then the record may become `DONE`.
    private func waitForWAL() throws {
        guard let end = info.endWAL else { return }
        do {
            try WALWait(home: home, reporter: reporter).untilArchived(end, timeoutSeconds: options.waitTimeoutSeconds)
        } catch  where ErrorText.isInterruption(error) {
            reporter.info("Got CTRL-C. Continuing without waiting for '\(end)' to be archived")
            Interruption.takeBack()
        }
        info = try BackupConsistencyCheck(home: home, reporter: reporter).update(info)
    }

    private func writeManifest() throws {
        // A streamed backup has the manifest of its server.
        guard home.settings.autogenerateManifest, info.type == .rsync else { return }
        try BackupManifest.write(for: info, in: home, reporter: reporter)
        reporter.info("Backup manifest for backup '\(info.id)' successfully generated for server \(home.name)")
    }

    static let logger = "barman.backup"
}

/// Eight upper-case hexadecimal digits.
func hexadecimal(_ value: Int64) -> String {
    let text = String(UInt64(bitPattern: value), radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 8 - text.utf8.count)) + text
}
