public import Catalog
public import Failure
public import Postgres
import Settings

/// The physical replication slot of a server: made and dropped through the replication connection.
public struct ReplicationSlots {
    private let home: ServerHome
    private let server: PostgresServer?
    private let reporter: any Reporter

    /// The slot of a server; `server` is `nil` when there is no usable connection string.
    public init(home: ServerHome, server: PostgresServer?, reporter: any Reporter) {
        self.home = home
        self.server = server
        self.reporter = reporter
    }

    /// Creates the slot; one that exists is fine with `ifNotExists`.
    public func create(ifNotExists: Bool = false) throws(Failure) {
        let (server, slot) = try configured("create")
        reporter.info("Creating physical replication slot '\(slot)' on server '\(home.name)'")
        do throws(PostgresError) {
            try server.createReplicationSlot(slot)
        } catch {
            switch error.sqlState {
            case "42710" where ifNotExists:
                return reporter.info(
                    "Replication slot '\(slot)' already exists and --if-not-exists was specified. Skipping creation"
                )
            case "42710": throw Failure("Replication slot '\(slot)' already exists", cause: error)
            case "53400":
                throw Failure(
                    "All replication slots for server '\(home.name)' are in use\n"
                        + "Free one or increase the max_replication_slots value on your PostgreSQL server.",
                    cause: error
                )
            default:
                throw Failure(
                    "Cannot create replication slot '\(slot)' on server '\(home.name)': \(error)",
                    cause: error
                )
            }
        }
        reporter.info("Replication slot '\(slot)' created")
    }

    /// Drops the slot.
    public func drop() throws(Failure) {
        let (server, slot) = try configured("drop")
        reporter.info("Dropping physical replication slot '\(slot)' on server '\(home.name)'")
        do throws(PostgresError) {
            try server.dropReplicationSlot(slot)
        } catch {
            switch error.sqlState {
            case "42704": throw Failure("Replication slot '\(slot)' does not exist", cause: error)
            case "55006":
                throw Failure(
                    "Cannot drop replication slot '\(slot)' on server '\(home.name)' because it is in use.",
                    cause: error
                )
            default:
                throw Failure(
                    "Cannot drop replication slot '\(slot)' on server '\(home.name)': \(error)",
                    cause: error
                )
            }
        }
        reporter.info("Replication slot '\(slot)' dropped")
    }

    private func configured(_ verb: String) throws(Failure) -> (PostgresServer, String) {
        let subject = "Unable to \(verb) a physical replication slot: "
        guard let server, server.streamingConninfo != nil else {
            throw Failure(subject + "streaming connection not configured")
        }
        guard let slot = home.settings.slotName else {
            throw Failure(subject + "slot_name configuration option required")
        }
        let facts = server.streamingFacts()
        guard facts?.isStreaming == true else {
            throw Failure("Cannot connect to server '\(home.name)'", hint: facts?.connectionError)
        }
        return (server, slot)
    }
}
