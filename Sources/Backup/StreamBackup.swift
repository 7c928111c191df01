import Catalog
import Failure
import Files
import Notation
import Postgres
import Processes
import Replication
import Settings
import Synchronization
import SystemPackage
import WAL

/// The method `postgres`: the server sends the files of the cluster over the replication protocol.
final class StreamBackup {
    private let life: BackupLife
    private let settings: ServerSettings
    private let format: StreamFormat
    private let encryptionKey: String?
    private var postgres: PostgresServer { life.postgres }
    private var reporter: any Reporter { life.reporter }

    /// What pg_basebackup writes into `backup_label`; scripts that look there find what they know.
    private static let label = "pg_basebackup base backup"
    private static let logger = "barman.backup_executor"

    init(_ life: BackupLife) throws(Failure) {
        self.life = life
        settings = life.home.settings
        format = try StreamFormat(settings)
        encryptionKey = try StreamFormat.encryptionKey(settings)
    }

    private var dataDirectory: FilePath { life.directory.appending("data") }

    /// Describes the cluster, receives it, notes where the backup begins and ends.
    func run() throws {
        let cluster = try life.describeCluster()
        life.action = "issuing start backup command"
        try noteStart()
        life.action = "copying files"
        reporter.info("Starting backup copy via pg_basebackup for \(life.info.id)")
        if encryptionKey != nil { reporter.info("Encrypting backup using gpg encryption") }
        life.copyStart = Timestamp.now()
        let began = Interruption.monotonicSeconds
        let intake = try receiveWithRetries(cluster)
        warnAboutFilesOutside(cluster)
        let seconds = Interruption.monotonicSeconds - began
        life.info.copyStats = .dictionary([
            (.string("copy_time"), .double(seconds)), (.string("total_time"), .double(seconds)),
        ])
        life.info.compression = format.recordedCompression
        life.info.encryption = encryptionKey == nil ? nil : "gpg"
        reporter.info("Copy done (time: \(HumanText.duration(seconds: seconds)))")
        try noteLabel(intake)
        try noteTablespaces(intake)
        reporter.info("Finalising the backup.")
        life.action = "issuing stop of the backup"
        try noteEnd()
        try FirstBackup(home: life.home, reporter: reporter).announceAndTrim(before: life.info, catalog: life.catalog)
    }

    // MARK: Positions

    /// Where the server is before the copy; the label tells the real beginning later.
    private func noteStart() throws {
        let position = try postgres.currentPosition()
        try life.begin(at: position.lsn, in: segment(of: position), time: position.timestamp)
    }

    /// The segment that the server names; a position on a boundary counts to the segment that ends there.
    private func segment(of position: WALPosition) -> WALSegmentName? {
        guard let segment = position.segment else { return nil }
        // Up to 16 the server does it so itself.
        guard let version = life.info.version, version >= 170_000, life.offset(of: position.lsn) == 0 else {
            return segment
        }
        return segment.previous(size: life.info.segmentSize) ?? segment
    }

    private func noteLabel(_ intake: StreamIntake) throws {
        guard let bytes = intake.backupLabel else {
            throw Failure("Could not find backup_label in \(dataDirectory.appending("base" + format.suffix))")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let label = LabelText(text) else {
            throw Failure("Failure parsing backup_label for backup \(life.info.id)")
        }
        life.info.backupLabel = text
        life.info.beginLSN = label.lsn
        life.info.beginSegment = label.segment
        life.info.timeline = label.segment.timeline
        life.info.beginOffset = life.offset(of: label.lsn)
    }

    /// The stream has the last word on which tablespaces there are: some may have come or gone since the server was asked.
    private func noteTablespaces(_ intake: StreamIntake) throws {
        let known = life.info.tablespaces ?? []
        let received = intake.archives.filter { $0.tablespaceOID != nil }
        guard Set(received.compactMap { $0.tablespaceOID.map(Int64.init) }) != Set(known.map(\.oid)) else { return }
        let names = known.map { ($0.oid, $0.name) } + (try postgres.tablespaces()).map { (Int64($0.oid), $0.name) }
        let nameOf = Dictionary(names) { first, _ in first }
        let tablespaces = received.compactMap { archive -> Catalog.Tablespace? in
            guard let oid = archive.tablespaceOID.map(Int64.init), let location = archive.location else { return nil }
            return Catalog.Tablespace(name: nameOf[oid] ?? String(oid), oid: oid, location: location)
        }
        life.info.tablespaces = tablespaces.isEmpty ? nil : tablespaces
    }

    /// Where the server is after the copy, and an end for its current segment.
    private func noteEnd() throws {
        let position = try postgres.currentPosition()
        let onStandby = life.info.timeline.map { life.segment(at: position.lsn, timeline: $0) }
        try life.end(at: position.lsn, in: segment(of: position) ?? onStandby, time: position.timestamp)
    }

    private func warnAboutFilesOutside(_ cluster: ClusterDescription) {
        let configuration = cluster.configurationFiles
        let files =
            ([configuration.configFile, configuration.hbaFile, configuration.identFile]
            .compactMap { $0 } + configuration.includedFiles).filter { !$0.hasPrefix(cluster.dataDirectory + "/") }
        guard !files.isEmpty else { return }
        let text =
            "pg_basebackup does not copy the PostgreSQL configuration files that reside outside PGDATA. "
            + "Please manually backup the following files:\n" + files.map { "\t\($0)\n" }.joined()
        if settings.backupOptions.contains(.externalConfiguration) {
            reporter.log(.debug, BackupLife.logger, text)
        } else {
            reporter.warning(text)
        }
    }

    // MARK: Copy

    /// Receives the backup; starts anew as often as the settings allow.
    private func receiveWithRetries(_ cluster: ClusterDescription) throws -> StreamIntake {
        var attempt = 0
        while true {
            do {
                return try receive(cluster)
            } catch {
                removeCopy(after: error)
                guard !ErrorText.isInterruption(error), attempt < settings.basebackupRetryTimes else {
                    throw transferFailure(error)
                }
                let pause = settings.basebackupRetrySleepSeconds
                reporter.warning("Failure executing a backup using pg_basebackup (attempt \(attempt))")
                reporter.warning(
                    "The files copied so far will be removed and the backup process will restart in \(pause) seconds"
                )
                reporter.log(.warning, Self.logger, ErrorText.full(error))
                try SignalWatch.pause(seconds: Double(pause))
                attempt += 1
            }
        }
    }

    private func transferFailure(_ error: any Error) -> any Error {
        guard !ErrorText.isInterruption(error) else { return error }
        var text = "data transfer failure on directory '\(dataDirectory)'\n\(ErrorText.full(error))"
        let possible = BaseBackupRequest.possibleRates
        if let rate = settings.bandwidthLimit, rate > 0, !possible.contains(rate) {
            let range = "from \(possible.lowerBound) to \(possible.upperBound) kB/s"
            text += "\nHINT:  bandwidth_limit can be \(range) for backup_method = postgres."
        }
        if life.info.isIncremental, Self.needsFullBackup(error) {
            text += "\nHINT:  Take a full backup; later incremental backups can build on it."
        }
        return Failure(text, cause: error)
    }

    /// Whether the server cannot go on from the parent, and has no advice of its own.
    private static func needsFullBackup(_ error: any Error) -> Bool {
        // ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE: WAL summaries or the parent's timeline are missing.
        guard let error = error as? PostgresError, error.sqlState == "55000" else { return false }
        return !error.remarks.contains { $0.hasPrefix("HINT") }
    }

    private func receive(_ cluster: ClusterDescription) throws -> StreamIntake {
        try prepareDirectories(cluster)
        let notices = Notices(reporter)
        // Nothing is asked on the ordinary connection for as long as this takes.
        postgres.close()
        let session = try postgres.openReplication(
            applicationName: settings.streamingBackupName ?? "barman_streaming_backup",
            onNotice: { notices.hear($0) }
        )
        try uploadParentManifest(session)
        let target = StreamTarget(
            directory: life.directory,
            format: format,
            encryptionKey: encryptionKey,
            pathPrefix: settings.pathPrefix,
            check: { try SignalWatch.check() }
        )
        let intake = StreamIntake(
            target,
            serverVersion: session.serverVersionNumber,
            reporter: reporter,
            expectedBytes: format.wireFormat == nil && life.info.parentBackupID == nil ? cluster.sizeBytes : nil
        )
        life.tellWaitForCheckpoint()
        do {
            let end = try BaseBackupReception.run(request, on: session, consumer: intake).end
            try intake.finish()
            life.expectArchiving(upTo: end.lsn, timeline: end.timeline)
        } catch {
            intake.abandon()
            throw notices.explanation(of: error)
        }
        return intake
    }

    private var request: BaseBackupRequest {
        var request = BaseBackupRequest(label: Self.label)
        request.isFastCheckpoint = settings.immediateCheckpoint
        request.rateLimitKilobytes = settings.bandwidthLimit.flatMap { $0 > 0 ? $0 : nil }
        request.hasTablespaceMap = format.layout == .archives
        request.waitsForArchiving = false
        request.compression = format.serverCompression
        request.isIncremental = life.info.parentBackupID != nil
        return request
    }

    private func uploadParentManifest(_ session: borrowing PostgresSession) throws {
        guard let parent = life.info.parentBackupID else { return }
        let manifest = try OwnedDescriptor(
            opening: try life.home.dataDirectory(of: parent).appending(BackupManifest.fileName)
        )
        do {
            try ManifestUpload.run(on: session) { buffer in
                try SignalWatch.check()
                return try manifest.read(into: buffer)
            }
        } catch let error as PostgresError where error.kind == .statementFailed {
            throw Failure("could not upload the manifest of backup \(parent): \(ErrorText.full(error))", cause: error)
        }
    }

    // MARK: Directories

    /// The data directory and one for each tablespace, empty and private.
    private func prepareDirectories(_ cluster: ClusterDescription) throws {
        try FileSystem.createDirectories(life.directory)
        try life.openFileSystem()
        for directory in directories(cluster) {
            try FileSystem.removeTree(directory)
            try FileSystem.createDirectories(directory, permissions: .ownerReadWriteExecute)
        }
    }

    private func directories(_ cluster: ClusterDescription) -> [FilePath] {
        let tablespaces = cluster.tablespaces.filter { $0.location.hasPrefix("/") }
        return [dataDirectory] + tablespaces.map { life.directory.appending(String($0.oid)) }
    }

    /// Half a copy is of no use to anybody, and may be large.
    ///
    /// But one that is damaged only because the source is damaged may be all that there will ever be.
    private func removeCopy(after error: any Error) {
        guard !(error is SourceDamage) else { return }
        do throws(FileError) {
            for name in try FileSystem.names(in: life.directory) where name != "backup.info" {
                try FileSystem.removeContents(of: life.directory.appending(name))
            }
        } catch {
            reporter.log(.warning, Self.logger, "Cannot remove the unfinished copy: \(error)")
        }
    }
}

/// The server found damaged pages in what it sent.
struct SourceDamage: Error, CustomStringConvertible {
    let description: String
}

/// What the server says during the copy; it is logged, and explains a failure.
private final class Notices: Sendable {
    private let reporter: any Reporter
    private let warnings = Mutex<[String]>([])

    /// So many of them explain enough.
    private static let most = 200

    init(_ reporter: any Reporter) {
        self.reporter = reporter
    }

    func hear(_ notice: PostgresNotice) {
        let isWarning = notice.severity == "WARNING"
        reporter.log(isWarning ? .warning : .info, "barman.backup_executor", "PostgreSQL: \(notice.message)")
        guard isWarning else { return }
        warnings.withLock { if $0.count < Self.most { $0.append(notice.message) } }
    }

    /// An error with what the server said before it, when it is about damage in its files.
    func explanation(of error: any Error) -> any Error {
        // ERRCODE_DATA_CORRUPTED (PostgreSQL manual, "PostgreSQL Error Codes").
        guard let failure = error as? PostgresError, failure.sqlState == "XX001" else { return error }
        let details = warnings.withLock { $0 }
        return SourceDamage(description: ([failure.message] + details).joined(separator: "\n"))
    }
}
