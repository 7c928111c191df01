import Catalog
import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import WAL

/// Room on one file system: what a restore writes there, and what is free.
public struct SpaceNeed: Sendable, Equatable {
    /// The places on it.
    public let places: [String]
    /// What will be written.
    public internal(set) var neededBytes: Int64
    /// What is free; `nil` when that cannot be told.
    public let freeBytes: Int64?
}

/// Looks at the places a restore writes to: whether they can be written, keep apart from each other, and have room.
struct DestinationCheck {
    let home: ServerHome
    let plan: RestorePlan
    let host: any RestoreHost
    /// Where WAL is copied to, and how much; `nil` when none is copied.
    let wal: (directory: String, bytes: Int64)?
    let sizes: RestoredSizes
    private(set) var findings: [PlanFinding] = []
    private(set) var needs: [SpaceNeed] = []

    init(
        home: ServerHome,
        plan: RestorePlan,
        host: any RestoreHost,
        wal: (directory: String, bytes: Int64)?,
        sizes: RestoredSizes
    ) {
        self.home = home
        self.plan = plan
        self.host = host
        self.wal = wal
        self.sizes = sizes
    }

    mutating func run() throws {
        checkPaths()
        try checkWALDirectory()
        try checkCatalog()
        guard !findings.contains(where: { $0.verdict == .refused }) else { return }
        try checkPlaces()
        if !findings.contains(where: { $0.verdict == .refused }) {
            let hasRoom = !findings.contains { $0.subject == Self.space }
            let text = hasRoom ? "every place can be written and has room" : "every place can be written"
            findings.append(PlanFinding("destination", .good, text))
        }
    }

    private mutating func refuse(_ subject: String, _ reason: String, hint: String? = nil) {
        findings.append(PlanFinding(subject, .refused, reason, hint: hint))
    }

    // MARK: Paths

    /// What PostgreSQL keeps in a data directory; a tablespace may not take its place.
    private static let ownNames: Set<String> = [
        "base", "global", "log", "pg_commit_ts", "pg_dynshmem", "pg_log", "pg_logical", "pg_multixact", "pg_notify",
        "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase",
        "pg_wal", "pg_xact", "pg_xlog", "barman_wal",
    ]

    private mutating func checkPaths() {
        if plan.remote != nil {
            for tablespace in plan.tablespaces where !tablespace.destination.hasPrefix("/") {
                refuse(
                    "tablespaces",
                    "the location '\(tablespace.destination)' of tablespace '\(tablespace.name)' is not absolute",
                    hint: "On another host only an absolute path says where a tablespace is."
                )
            }
            if let wal, !wal.directory.hasPrefix("/"), !wal.directory.hasPrefix(plan.destination + "/pg_") {
                refuse(
                    "destination",
                    "the WAL directory '\(wal.directory)' is not absolute",
                    hint: "The restored server starts elsewhere: give an absolute path."
                )
            }
        }
        let root = FilePath(plan.destination).lexicallyNormalized()
        let spaces = plan.tablespaces.map { ($0.name, FilePath($0.destination).lexicallyNormalized()) }
        for (index, (name, path)) in spaces.enumerated() {
            if root.starts(with: path) {
                refuse("tablespaces", "tablespace '\(name)' would hold the data directory: \(path)")
            } else if path.starts(with: root), let first = path.components.dropFirst(root.components.count).first,
                Self.ownNames.contains(first.string)
            {
                refuse("tablespaces", "tablespace '\(name)' would be inside '\(first)' of the data directory: \(path)")
            }
            for (other, otherPath) in spaces[..<index]
            where path.starts(with: otherPath) || otherPath.starts(with: path) {
                refuse("tablespaces", "tablespaces '\(other)' and '\(name)' would be inside one another: \(path)")
            }
        }
    }

    /// Recovery removes the directory of its WAL when it ends: nothing else may be in it.
    private mutating func checkWALDirectory() throws {
        guard let staging = plan.stagingWALDirectory, let wal, wal.directory == staging else { return }
        func refuse(_ reason: String) {
            self.refuse("destination", "the WAL directory '\(staging)' \(reason); recovery removes it when it ends")
        }
        let path = FilePath(staging).lexicallyNormalized()
        for place in [plan.destination] + plan.tablespaces.map(\.destination) {
            let other = FilePath(place).lexicallyNormalized()
            if other.starts(with: path) { return refuse("would hold '\(place)'") }
            guard path.starts(with: other) else { continue }
            let first = path.components.dropFirst(other.components.count).first?.string
            if place != plan.destination || first.map({ $0 != "barman_wal" && Self.ownNames.contains($0) }) ?? true {
                return refuse("would be a part of '\(place)'")
            }
        }
        let strange = try host.names(in: staging).first { $0 != "archive_status" && WALFileName($0) == nil }
        if let strange { return refuse("holds '\(strange)', which is no WAL") }
        guard path.removingLastComponent() != FilePath(plan.destination).lexicallyNormalized() else { return }
        if try host.names(in: path.removingLastComponent().string).contains("PG_VERSION") {
            refuse("is a part of another data directory")
        }
    }

    /// Nothing is restored into the catalog: it would be taken for a backup, or deleted with one.
    private mutating func checkCatalog() throws {
        guard plan.remote == nil else { return }
        let own = [
            home.basebackupsDirectory, home.walsDirectory, home.incomingWALsDirectory, home.streamingWALsDirectory,
            home.errorsDirectory, home.metaDirectory,
        ]
        let directories = try own.map { try FileSystem.canonicalPath($0) }
        for place in places {
            guard let path = try Self.canonicalPath(place),
                let directory = directories.first(where: { path.starts(with: $0) })
            else { continue }
            refuse("destination", "'\(place)' is inside '\(directory)', where the backups and WAL of the server are")
        }
    }

    /// The path without symbolic links; `nil` where we may not look: that is not our catalog.
    private static func canonicalPath(_ place: String) throws(FileError) -> FilePath? {
        do throws(FileError) {
            return try FileSystem.canonicalPath(FilePath(place))
        } catch  where error.isPermissionDenied {
            return nil
        }
    }

    private var places: [String] {
        [plan.destination] + plan.tablespaces.map(\.destination) + (wal.map { [$0.directory] } ?? [])
    }

    // MARK: Rights and room

    private static let space = "space"
    private static let estimateHint =
        "How much is restored is not known for sure. When the room does not do, the same command goes on once there is more."

    private mutating func checkPlaces() throws {
        let needed = [sizes.dataBytes] + plan.tablespaces.map { sizes.tablespaceBytes[$0.oid] ?? 0 } + [wal?.bytes ?? 0]
        var bySystem: [String: Int] = [:]
        for (index, facts) in try DestinationProbe(remote: (host as? RemoteRestoreHost)?.control).facts(of: places)
            .enumerated()
        {
            let place = places[index]
            if !facts.isDirectory {
                refuse("destination", "'\(place)' cannot be made: '\(facts.existing)' is not a directory")
            } else if !facts.isWritable {
                let what = facts.isThere ? "cannot be written" : "cannot be made: '\(facts.existing)' cannot be written"
                refuse("destination", "'\(place)' \(what) by this user")
            }
            if let at = bySystem[facts.fileSystem] {
                needs[at] = SpaceNeed(
                    places: needs[at].places + [place],
                    neededBytes: needs[at].neededBytes &+ needed[index],
                    freeBytes: facts.freeBytes
                )
            } else {
                bySystem[facts.fileSystem] = needs.count
                needs.append(SpaceNeed(places: [place], neededBytes: needed[index], freeBytes: facts.freeBytes))
            }
        }
        // A delta restore writes only what differs, and that is not known before.
        guard !plan.isDelta else { return }
        for need in needs {
            guard let free = need.freeBytes, need.neededBytes > free else { continue }
            let places = need.places.map { "'\($0)'" }.joined(separator: ", ")
            let sizes = "\(HumanText.size(need.neededBytes)) needed, \(HumanText.size(free)) free"
            guard self.sizes.isEstimate else {
                refuse(Self.space, "not enough space for \(places): \(sizes)")
                continue
            }
            let text = "perhaps not enough space for \(places): about \(sizes)"
            findings.append(PlanFinding(Self.space, .note, text, hint: Self.estimateHint))
        }
    }
}
