import Catalog
import Failure
import Files
import Notation
import SystemPackage

/// The note in a destination that a restore has begun there and not ended.
struct UnfinishedMark: Equatable {
    /// Its name in the destination and in each tablespace.
    static let name = ".barman-restore-unfinished"

    /// The server in the configuration.
    let server: String
    /// PostgreSQL's system identifier; empty when the catalog does not know it.
    let systemID: String
    /// The backup.
    let backupID: String
    /// Whether its sync failed: the system tells that once, and may go on showing files as they never reached the disk.
    var hasFailedSync = false

    init(plan: RestorePlan) {
        server = plan.info.serverName ?? ""
        systemID = plan.info.systemID ?? ""
        backupID = plan.info.id
    }

    /// Reads a mark; `nil` for anything else.
    init?(_ bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes), let server = value["server"]?.stringValue,
            let systemID = value["system_id"]?.stringValue, let backupID = value["backup_id"]?.stringValue
        else { return nil }
        self.server = server
        self.systemID = systemID
        self.backupID = backupID
        hasFailedSync = value[Self.failedSyncKey] != nil
    }

    private static let failedSyncKey = "failed_sync"

    var contents: [UInt8] {
        let value = JSONValue.object(
            [("server", .string(server)), ("system_id", .string(systemID)), ("backup_id", .string(backupID))]
                + (hasFailedSync ? [(Self.failedSyncKey, .bool(true))] : [])
        )
        return Array((value.text() + "\n").utf8)
    }

    /// Whether a restore of that one may be completed by this one.
    func belongsWith(_ other: UnfinishedMark) -> Bool {
        server == other.server && systemID == other.systemID
    }
}

/// What a host tells of a directory that a restore would write to.
struct DestinationState: Sendable, Equatable {
    /// The mark of an unfinished restore.
    var mark: [UInt8]?
    /// Whether nothing is there, dot files apart.
    var looksEmpty = true
    /// The text of `PG_VERSION`.
    var version: String?
    /// The first eight bytes of the control file, in hexadecimal: the system identifier.
    var systemID: String?
    /// The server that runs there.
    var runningPID: String?
    /// Where the link of each tablespace leads, by its object id.
    var links: [Int64: String] = [:]
}

/// Decides whether a destination may be written to: nothing is overwritten or removed that is not known to be what the user
/// means.
struct DestinationGuard {
    /// How the restore goes about its destination.
    enum Mode: Equatable, Sendable {
        /// Nothing is there.
        case fresh
        /// What is there is kept where it is right.
        case delta
    }

    let plan: RestorePlan
    let host: any RestoreHost

    private static let advice = "Please choose a different location or manually empty the folder."

    /// The mode; throws `Failure` with the reason when nothing may be written.
    func check() throws -> Mode {
        let state = try look(at: plan.destination, tablespaces: plan.tablespaces.map(\.oid))
        let ours = UnfinishedMark(plan: plan)
        if let pid = state.runningPID {
            throw Failure(
                "The restore operation cannot proceed because a PostgreSQL server (PID \(pid)) is running in the "
                    + "destination folder '\(plan.request.destination)'. Please stop it first."
            )
        }
        if let bytes = state.mark {
            guard let mark = UnfinishedMark(bytes), mark.belongsWith(ours) else {
                throw Failure(
                    "The restore operation cannot proceed because the destination folder '\(plan.request.destination)' "
                        + "holds an unfinished restore of another server. \(Self.advice)"
                )
            }
            guard !mark.hasFailedSync else {
                throw Failure(
                    "The restore operation cannot proceed because a restore to the destination folder "
                        + "'\(plan.request.destination)' could not be written to the disk, so that what is there cannot be "
                        + "relied on. \(Self.advice)"
                )
            }
            try checkTablespaces(state, isCompleting: true)
            return .delta
        }
        if state.looksEmpty {
            try checkTablespaces(state, isCompleting: false)
            return .fresh
        }
        guard plan.isDelta else {
            throw Failure(
                "The restore operation cannot proceed because the destination folder '\(plan.request.destination)' is "
                    + "not empty. To prevent accidental data loss, the destination must be empty. \(Self.advice)"
            )
        }
        try checkIdentity(state)
        try checkTablespaces(state, isCompleting: false)
        return .delta
    }

    private func look(at directory: String, tablespaces: [Int64]) throws -> DestinationState {
        do {
            return try host.state(of: directory, tablespaces: tablespaces)
        } catch let error as FileError {
            throw Failure("The restore operation cannot proceed: '\(directory)' cannot be looked at: \(error)")
        }
    }

    /// What is overwritten must be a data directory of the same system.
    private func checkIdentity(_ state: DestinationState) throws {
        func refusal(_ reason: String) -> Failure {
            Failure(
                "The restore operation cannot proceed in delta mode: the destination folder "
                    + "'\(plan.request.destination)' \(reason). To prevent accidental data loss, only a data directory "
                    + "of the same PostgreSQL system is overwritten."
            )
        }
        guard let version = state.version?.split(whereSeparator: \.isWhitespace).first, let found = state.systemID
        else { throw refusal("is not a PostgreSQL data directory") }
        let major = plan.version >= 10_00_00 ? String(plan.version / 10_000) : nil
        if let major, version != major {
            throw refusal("is of PostgreSQL \(version), the backup is of PostgreSQL \(major)")
        }
        guard let expected = plan.info.systemID else {
            throw refusal("cannot be compared with the backup, whose record has no system identifier")
        }
        guard let id = Self.identifier(found) else { throw refusal("has a control file that cannot be read") }
        guard id == expected else { throw refusal("is of system \(id), the backup is of system \(expected)") }
    }

    /// Eight bytes in hexadecimal, the lowest first, as a number in decimal.
    static func identifier(_ digits: String) -> String? {
        let digits = digits.filter { !$0.isWhitespace }
        guard digits.utf8.count == 16, let value = UInt64(digits, radix: 16) else { return nil }
        return String(value.byteSwapped)
    }

    /// A tablespace's place must be empty, or belong to what is being overwritten.
    private func checkTablespaces(_ state: DestinationState, isCompleting: Bool) throws {
        for tablespace in plan.tablespaces {
            let place = try look(at: tablespace.destination, tablespaces: [])
            if place.looksEmpty { continue }
            if isCompleting, let mark = place.mark.flatMap({ UnfinishedMark($0) }),
                mark.belongsWith(UnfinishedMark(plan: plan))
            {
                continue
            }
            if let link = state.links[tablespace.oid], link == tablespace.destination, plan.isDelta || isCompleting {
                continue
            }
            throw Failure(
                "The restore operation cannot proceed. The destination path '\(tablespace.destination)' for the "
                    + "tablespace '\(tablespace.name)' is not empty. To prevent accidental data loss, the tablespace "
                    + "destination must be empty. \(Self.advice)"
            )
        }
    }
}
