public import Catalog
public import Failure
public import Postgres
import WAL

/// Makes the server close its current segment, and waits for it if wanted (wal-archiving.md 16).
public struct WALSwitch: Sendable {
    private let home: ServerHome
    private let postgres: PostgresServer
    private let reporter: any Reporter

    /// A switch on one server.
    public init(home: ServerHome, postgres: PostgresServer, reporter: any Reporter) {
        self.home = home
        self.postgres = postgres
        self.reporter = reporter
    }

    /// Switches; with `force` after a checkpoint, with `archive` until the segment is archived or the time is over.
    ///
    /// `timeoutSeconds` 0 waits forever. What a user can understand is reported; throws `Failure` or
    /// `SignalWatch.Interrupted`.
    public func run(force: Bool = false, archive: Bool = false, timeoutSeconds: Int64 = 30) throws {
        guard let outcome = try perform(force: force) else { return }
        let wait = WALWait(home: home, reporter: reporter)
        switch outcome {
        case .closed(let segment):
            reporter.info("The WAL file \(segment) has been closed on server '\(home.name)'")
            if archive { try wait.untilArchived(segment.description, timeoutSeconds: timeoutSeconds) }
        case .notNeeded:
            reporter.info("No switch required for server '\(home.name)'")
            if archive { try wait.untilAnythingIsArchived(timeoutSeconds: timeoutSeconds) }
        }
    }

    /// `nil` when nothing was switched and the reason has been told.
    private func perform(force: Bool) throws(Failure) -> WALSwitchOutcome? {
        do throws(PostgresError) {
            if force { try postgres.checkpoint() }
            return try postgres.switchWAL()
        } catch {
            switch error.kind {
            case .isInRecovery:
                reporter.info("No switch performed because server '\(home.name)' is a standby.")
            case .missingPrivileges where force && error.message.hasPrefix("Barman switch-wal"):
                reporter.error(error.message)
            case .missingPrivileges:
                throw Failure(error.message, kind: .exception, cause: error)
            default:
                reporter.log(.debug, "barman.server", "Error issuing a switch of WAL: \(error)")
                reporter.error("Unable to perform pg_switch_wal for server '\(home.name)'.")
            }
            return nil
        }
    }
}
