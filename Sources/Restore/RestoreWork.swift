import Archive
import Backup
import Catalog
import Failure
import Files
import Notation
import Pipeline
import Processes
import Settings
import SystemPackage
import WAL

/// The part of a restore that writes, step by step in the order of the reference.
struct RestoreWork {
    let home: ServerHome
    let plan: RestorePlan
    let host: any RestoreHost
    /// The WAL that recovery reads, as it was found before.
    let path: RecoveryPath?
    let reporter: any Reporter

    private var request: RestoreRequest { plan.request }
    private var settings: ServerSettings { home.settings }

    func run() throws -> RestoreReport {
        let start = Timestamp.now()
        let began = Interruption.monotonicSeconds
        announce()
        let target = try RecoveryTarget(
            request,
            backupVersion: plan.version,
            backupEnd: plan.info.endTime,
            warn: { reporter.warning($0) }
        )
        let wal = try walDelivery(target)
        if let text = target.announcement(timeline: try targetTimelineText(target)) { reporter.info(text) }
        try wal?.checkBeforehand()

        try prepareDestinations()
        let fileSystems = try openFileSystems()
        try copyBaseBackup()
        try placeMetadata()
        try wal?.run()
        let recoverySettings = try recoverySettings(target, walDirectory: wal?.directory)
        try prepareArchiveStatus(target)
        let configuration = try RestoredConfiguration(plan: plan, host: host, reporter: reporter).edit(recoverySettings)
        let syncSeconds = try makeStartable(target, on: fileSystems)
        return RestoreReport(
            changes: configuration.changes,
            warnings: configuration.warnings,
            missingFiles: configuration.missingFiles,
            usesGetWAL: plan.usesGetWAL,
            recoverySettingsFile: plan.recoverySettingsFile,
            startTime: start,
            elapsedSeconds: Interruption.monotonicSeconds - began,
            syncSeconds: syncSeconds
        )
    }

    // MARK: Before the copy

    private func announce() {
        let kind = plan.remote == nil ? "local" : "remote"
        reporter.info("Starting \(kind) restore for server \(home.name) using backup \(plan.info.id)")
        reporter.info("Destination directory: \(request.destination)")
        if let command = request.remoteSSHCommand { reporter.info("Remote command: \(command)") }
        if !plan.usesGetWAL, plan.info.status == .waitingForWALs, path?.holdsWAL(of: plan.info) != true {
            reporter.warning(
                "IMPORTANT: You have requested a recovery operation for a backup that does not have yet all the WAL "
                    + "files that are required for consistency."
            )
        }
        let staging = [
            request.stagingPath, request.stagingLocation, request.recoveryStagingPath, request.localStagingPath,
            request.combineMode,
        ]
        if staging.contains(where: { $0 != nil }) {
            reporter.info("The staging options are not needed: a backup goes to its destination in one pass.")
        }
        guard request.partialWAL else { return }
        if plan.usesGetWAL {
            reporter.warning("The --partial-wal option was ignored as it only works with --no-get-wal.")
        } else if request.targetImmediate {
            reporter.warning("The --partial-wal option was ignored as it has no effect with --target-immediate.")
        }
    }

    /// The number behind the timeline the user asked for.
    private func targetTimelineText(_ target: RecoveryTarget) throws -> String? {
        switch target.timeline {
        case "current": plan.info.timeline?.description
        case "latest": try WALArchive(home).newestTimeline()?.description
        default: target.timeline
        }
    }

    private func walDelivery(_ target: RecoveryTarget) throws -> WALDelivery? {
        guard !plan.usesGetWAL, let path else { return nil }
        return WALDelivery(home: home, plan: plan, target: target, path: path, host: host, reporter: reporter)
    }

    // MARK: Copy

    private func prepareDestinations() throws {
        reporter.info("Copying the base backup.")
        try RestoreError.naming("unable to initialise destination directory '\(plan.destination)': ") {
            try host.prepareDirectory(plan.destination, isPrivate: true)
        }
        for tablespace in plan.tablespaces {
            let words = "unable to prepare '\(tablespace.name)' tablespace (destination '\(tablespace.destination)'): "
            try RestoreError.naming(words) { try host.prepareDirectory(tablespace.destination, isPrivate: true) }
        }
    }

    /// The file systems of the destinations on this host, by those, for one sync of very many files.
    ///
    /// A delta restore keeps what an earlier one wrote: what could not be written of that is found out file by file only.
    private func openFileSystems() throws -> [String: WholeFileSystem] {
        guard plan.remote == nil, !plan.isDelta else { return [:] }
        return try Dictionary(
            destinations.map { ($0, try WholeFileSystem(of: FilePath($0))) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// Where the data directory and the tablespaces go.
    private var destinations: [String] { [plan.destination] + plan.tablespaces.map(\.destination) }

    private func copyBaseBackup() throws {
        try RestoreError.naming("Failure copying base backup: ") {
            for directory in destinations {
                try host.writeDurably(UnfinishedMark(plan: plan).contents, to: join(directory, UnfinishedMark.name))
            }
            // Whatever an older restore left there must not start from now on.
            try host.removeIfPresent(controlFile)
            try BaseBackupCopy(home: home, plan: plan, host: host, reporter: reporter).run()
        }
        try linkTablespaces()
    }

    private var controlFile: String { join(plan.destination, ControlFile.path.string) }

    private func linkTablespaces() throws {
        guard !plan.tablespaces.isEmpty else { return }
        let directory = join(plan.destination, "pg_tblspc")
        try RestoreError.naming("unable to initialize tablespace directory '\(directory)': ") {
            try host.prepareDirectory(directory, isPrivate: false)
        }
        for tablespace in plan.tablespaces {
            let words = "unable to prepare '\(tablespace.name)' tablespace (destination '\(tablespace.destination)'): "
            try RestoreError.naming(words) {
                try host.makeLink(join(directory, String(tablespace.oid)), to: tablespace.destination)
            }
            reporter.info("\t\(tablespace.oid), \(tablespace.name), \(tablespace.destination)")
        }
    }

    /// The record of the backup, for a later delta restore; and the manifest out of the way of the server.
    private func placeMetadata() throws {
        try RestoreError.naming("copy of recovery metadata file failed: ") {
            let bytes: [UInt8]
            if plan.remote == nil {
                bytes = Array(plan.info.fileText.utf8)
            } else {
                let path = home.backupInfoPath(plan.info.id)
                bytes = try FileSystem.readIfPresent(path) ?? FileSystem.read(home.legacyBackupInfoPath(plan.info.id))
            }
            try host.write(bytes, to: join(plan.destination, ".barman-recover.info"))
        }
        let manifest = join(plan.destination, BackupManifest.fileName)
        try host.renameIfPresent(manifest, to: "\(manifest).\(plan.info.id)")
    }

    // MARK: Recovery

    /// Prepares recovery when there is anything to prepare; returns the lines for the settings file of 12 and later.
    private func recoverySettings(_ target: RecoveryTarget, walDirectory: String?) throws -> [String] {
        guard target.isPointInTime || plan.usesGetWAL || request.standbyMode else { return [] }
        reporter.info("Generating recovery configuration")
        let recovery = RecoverySettings(
            source: try walSource(walDirectory),
            standbyMode: request.standbyMode,
            target: target,
            version: plan.version
        )
        let isOld = plan.version > 0 && plan.version < 12_00_00
        let file = isOld ? "recovery.conf" : request.standbyMode ? "standby.signal" : "recovery.signal"
        let text = isOld ? recovery.lines.map { $0 + "\n" }.joined() : ""
        try RestoreError.naming(plan.remote == nil ? "" : "remote copy of \(file) failed: ") {
            try host.write(Array(text.utf8), to: join(plan.destination, file))
        }
        return isOld ? [] : recovery.lines
    }

    private func walSource(_ walDirectory: String?) throws -> RecoverySettings.Source {
        guard plan.usesGetWAL else {
            if request.restoreCommand != nil {
                reporter.warning(
                    "The provided custom restore command was ignored as it only works with get-wal mode."
                )
            }
            guard !request.standbyMode, let walDirectory else { return .none }
            return .directory(walDirectory)
        }
        if let command = request.restoreCommand {
            let escaped = RecoverySettings.doublingQuotes(command)
            reporter.info("Custom restore command override: restore_command = '\(escaped)'")
            return .custom(command: command)
        }
        let user = home.global.barmanUser
        guard plan.remote != nil else { return .localGetWAL(user: user, server: home.name) }
        return .remoteGetWAL(
            user: user,
            host: HostName.fullyQualified(),
            server: home.name,
            port: request.recoveryOptionPort,
            jobs: settings.parallelJobs
        )
    }

    private func prepareArchiveStatus(_ target: RecoveryTarget) throws {
        let directory = join(plan.walDestination(isPointInTime: target.isPointInTime), "archive_status")
        try RestoreError.naming("unable to create the archive_status directory '\(directory)': ") {
            try host.prepareDirectory(directory, isPrivate: false)
        }
    }

    // MARK: End

    /// Makes everything durable, then puts `pg_control` in place, durably; returns the seconds the syncs took.
    private func makeStartable(_ target: RecoveryTarget, on fileSystems: [String: WholeFileSystem]) throws -> Double {
        let began = Interruption.monotonicSeconds
        let walDirectory = plan.walDestination(isPointInTime: target.isPointInTime)
        do {
            try host.sync(destinations + [walDirectory], on: fileSystems)
        } catch let failure as FileError {
            noteFailedSync()
            throw failure
        }
        try RestoreError.naming("Failure copying base backup: ") {
            try host.renameDurably(join(plan.destination, ControlFile.waitingPath.string), to: controlFile)
        }
        // A power cut must not bring a mark back: the next restore would take what has run since for half of one.
        try host.removeDurably(UnfinishedMark.name, from: destinations.reversed())
        let seconds = Interruption.monotonicSeconds - began
        let text = PythonText.fixed(seconds, decimals: 3)
        reporter.log(.debug, Self.logger, "The restored files are on disk after a final sync of \(text) seconds")
        return seconds
    }

    /// Keeps a repeat from completing this restore: it would compare with what is in the cache, not on the disk.
    private func noteFailedSync() {
        var mark = UnfinishedMark(plan: plan)
        mark.hasFailedSync = true
        // Where not even this can be written, the failure of the sync is what there is to tell.
        try? host.writeDurably(mark.contents, to: join(plan.destination, UnfinishedMark.name))
    }

    static let logger = "barman.recovery_executor"
}
