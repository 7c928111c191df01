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
        let wait = WALWait(home: home, reporter: reporter)
        switch try perform(force: force) {
        case .failed:
            return
        case .standby:
            reporter.info("No switch performed because server '\(home.name)' is a standby.")
            if archive { try wait.untilAnythingIsArchived(timeoutSeconds: timeoutSeconds) }
        case .switched(.closed(let segment)):
            reporter.info("The WAL file \(segment) has been closed on server '\(home.name)'")
            if archive { try wait.untilArchived(segment.description, timeoutSeconds: timeoutSeconds) }
        case .switched(.notNeeded):
            reporter.info("No switch required for server '\(home.name)'")
            if archive { try wait.untilAnythingIsArchived(timeoutSeconds: timeoutSeconds) }
        }
    }

    /// What came of it.
    private enum Outcome {
        case switched(WALSwitchOutcome)
        case standby
        /// The reason has been told.
        case failed
    }

    private func perform(force: Bool) throws(Failure) -> Outcome {
        if force { reporter.log(.info, Self.logger, "Force a CHECKPOINT before pg_switch_wal()") }
        do throws(PostgresError) {
            if force { try postgres.checkpoint() }
            return .switched(try postgres.switchWAL())
        } catch {
            switch error.kind {
            case .isInRecovery:
                return .standby
            case .missingPrivileges where force && error.message.hasPrefix("Barman switch-wal"):
                reporter.error(error.message)
            case .missingPrivileges:
                throw Failure(error.message, kind: .exception, cause: error)
            default:
                let failure = Failure(
                    "Unable to perform pg_switch_wal for server '\(home.name)'.",
                    hint: "\(error)",
                    cause: error
                )
                reporter.error("\(failure)")
            }
            return .failed
        }
    }

    private static let logger = "barman.server"
}
