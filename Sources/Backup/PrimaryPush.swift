import Failure
import Files
import Postgres
import Settings

/// Keeps the primary writing WAL while a standby waits for the end of its backup to be archived.
///
/// The stop on a standby returns only when the primary has moved on; an idle primary does not. So it is made to switch WAL
/// up to ten times, ten seconds apart, and at last to make a checkpoint.
final class PrimaryPush {
    private let primary: PostgresServer?
    private let checkpointSeconds: Double
    private let reporter: any Reporter
    private let began = Interruption.monotonicSeconds
    private var switches = 0
    private var nextSwitch: Double
    private var checkpointTime: Double?

    private static let firstPauseSeconds = 1.0
    private static let pauseSeconds = 10.0
    private static let mostSwitches = 10

    /// Does nothing unless the server is a standby whose primary is known.
    init(_ postgres: PostgresServer, settings: ServerSettings, reporter: any Reporter) {
        primary = postgres.primary
        checkpointSeconds = Double(settings.primaryCheckpointTimeoutSeconds)
        self.reporter = reporter
        nextSwitch = began + Self.firstPauseSeconds
    }

    /// To be called several times a second while the stop waits.
    ///
    /// A primary that cannot be asked is only logged.
    func tick() {
        guard let primary else { return }
        let now = Interruption.monotonicSeconds
        if let time = checkpointTime {
            guard now >= time else { return }
            checkpointTime = .infinity
            ask { () throws(PostgresError) in
                try primary.checkpoint()
                _ = try primary.switchWAL()
            }
        } else if now >= nextSwitch {
            guard switches < Self.mostSwitches else { return announceCheckpoint(now) }
            switches += 1
            nextSwitch = now + Self.pauseSeconds
            ask { () throws(PostgresError) in _ = try primary.switchWAL() }
        }
    }

    private func announceCheckpoint(_ now: Double) {
        guard checkpointSeconds > 0 else {
            checkpointTime = .infinity
            return
        }
        checkpointTime = now + checkpointSeconds
        reporter.warning(
            "Barman attempted to switch WALs 10 times on the primary server, but the backup has not yet completed. "
                + "A checkpoint will be forced on the primary server in \(Int(checkpointSeconds)) seconds "
                + "to ensure the backup can complete."
        )
    }

    private func ask(_ body: () throws(PostgresError) -> Void) {
        do {
            try body()
        } catch {
            reporter.log(.warning, BackupLife.logger, "WAL switch on the primary: \(error)")
        }
    }
}
