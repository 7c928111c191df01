import Archive
import Catalog
import Failure
import Files
import Postgres
import Processes
import Settings
import SystemPackage
import WAL

/// The wait, at the end of a backup, until the server has archived its last segment.
///
/// The server would wait itself when it ends the backup, but it looks once a second, and the copy could not be made durable
/// meanwhile. What it guarantees is kept: a backup is not complete before its WAL is on its way. Whether all WAL is in our
/// archive is found out later, segment by segment.
final class ArchivingWait {
    private let segment: WALSegmentName
    /// The file in which the server tells of the backup, archived beside its segments; a standby makes none.
    private let history: String?
    private let segmentSize: WALSegmentSize
    private let home: ServerHome
    private let postgres: PostgresServer
    private let reporter: any Reporter
    private let push: PrimaryPush
    /// Whether the user may see what is marked as archived.
    private var maySeeMarks = true

    private static let shortestPauseSeconds = 0.005
    private static let longestPauseSeconds = 0.1
    /// Between two looks that cost the server more.
    private static let markLookSeconds = 1.0
    /// Nothing needs the history file, which comes with the last segment or soon after it.
    private static let historySeconds = 1.0
    /// When the server would say that it waits, and when it would begin to complain; then at twice the time each.
    private static let noticeSeconds = 5.0
    private static let warningSeconds = 60.0

    /// Prepares to wait for the last segment of a backup; nothing is asked yet.
    init(_ segment: WALSegmentName, history: String?, of life: BackupLife) {
        self.segment = segment
        self.history = history
        segmentSize = life.info.segmentSize
        home = life.home
        postgres = life.postgres
        reporter = life.reporter
        push = PrimaryPush(life.postgres, settings: life.home.settings, reporter: life.reporter)
    }

    /// Waits; throws only when it is interrupted.
    ///
    /// A server that does not answer any more ends the wait: the copy is complete, and the WAL will tell.
    func run() throws {
        do {
            guard try postgres.archivesBackups() else { return }
            reporter.progress(ProgressUpdate(label: "Waiting for WAL", doneBytes: 0, totalBytes: nil, isFinished: true))
            try wait()
            reporter.log(.info, BackupLife.logger, "all required WAL segments have been archived")
        } catch let error as PostgresError {
            try SignalWatch.check()
            reporter.log(.warning, BackupLife.logger, "Cannot wait for \(segment) to be archived: \(error)")
        }
    }

    private func wait() throws {
        var notices = Notices(segment: segment)
        try poll { seconds, isMarkLook in
            if try isArchived(askingMarks: isMarkLook) { return true }
            push.tick()
            notices.tell(afterSeconds: seconds, to: reporter)
            return false
        }
        guard let history else { return }
        try poll { seconds, _ in try hasHistory(history) || seconds > Self.historySeconds }
    }

    /// Asks at first often, then ten times a second; tells how long it has been asking, and when it may ask more.
    private func poll(_ isOver: (_ seconds: Double, _ isMarkLook: Bool) throws -> Bool) throws {
        let began = Interruption.monotonicSeconds
        var pause = Self.shortestPauseSeconds
        var markLook = Self.markLookSeconds
        while true {
            let seconds = Interruption.monotonicSeconds - began
            let isMarkLook = seconds >= markLook
            if isMarkLook { markLook = seconds + Self.markLookSeconds }
            if try isOver(seconds, isMarkLook) { return }
            try SignalWatch.pause(seconds: pause)
            pause = min(pause * 1.5, Self.longestPauseSeconds)
        }
    }

    // MARK: Questions

    private func isArchived(askingMarks: Bool) throws -> Bool {
        if try isHere() { return true }
        if let last = try lastArchived(), last.timeline == segment.timeline, last >= segment { return true }
        guard askingMarks, maySeeMarks else { return false }
        guard let isMarked = try postgres.isMarkedAsArchived(segment.description) else {
            maySeeMarks = false
            return false
        }
        return isMarked
    }

    /// The segment that the server archived last, or that of the history file of a backup, which comes after its segment.
    private func lastArchived() throws(PostgresError) -> WALSegmentName? {
        guard let last = try postgres.lastArchivedFile(), last.utf8.count == 24 || last.hasSuffix(".backup") else {
            return nil
        }
        return WALSegmentName(last.prefix(24))
    }

    /// Whether the segment has come to us, by whatever way.
    private func isHere() throws(FileError) -> Bool {
        if try WALArchive(home).contains(segment) { return true }
        let name = segment.description
        if try FileSystem.exists(home.streamingWALsDirectory.appending(name)) { return true }
        // An archive_command may copy in place: a file of the full length is complete.
        let incoming = home.incomingWALsDirectory.appending(name)
        return try FileSystem.statusIfPresent(of: incoming)?.sizeBytes == Int64(segmentSize.bytes)
    }

    private func hasHistory(_ name: String) throws -> Bool {
        guard let last = try postgres.lastArchivedFile() else { return false }
        // What is newer than the backup's last segment is archived later.
        return last == name || last.utf8.count == 24 && last > segment.description
    }

    /// What the server says while it waits, at the same times; what it warns of, the user is told: nothing else moves.
    struct Notices {
        let segment: WALSegmentName
        private var hasNoticed = false
        private var nextWarning = ArchivingWait.warningSeconds

        init(segment: WALSegmentName) { self.segment = segment }

        mutating func tell(afterSeconds seconds: Double, to reporter: any Reporter) {
            if !hasNoticed, seconds >= ArchivingWait.noticeSeconds {
                hasNoticed = true
                reporter.log(.info, BackupLife.logger, "waiting for required WAL segments to be archived")
            }
            guard seconds >= nextWarning else { return }
            reporter.warning(
                "still waiting for the server to archive \(segment) (\(Int(nextWarning)) seconds elapsed). "
                    + "Check that its archive_command or receive-wal works"
            )
            nextWarning *= 2
        }
    }
}
