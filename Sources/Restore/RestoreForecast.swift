import Catalog
import Failure
import Files
public import Notation
import SystemPackage
import WAL

/// What `restore --plan` says: what a restore would do, what it would take, and whether it can work.
public struct RestoreForecast: Sendable {
    /// Segments in a row on one timeline.
    public struct Stretch: Sendable {
        /// The timeline.
        public let timeline: UInt32
        /// The first segment.
        public let first: String
        /// The last segment.
        public let last: String
        /// How many.
        public let count: UInt64
    }

    /// The server.
    public let server: String
    /// The backup that is restored.
    public let backup: String
    /// The backups it is made of, root first.
    public let chain: [String]
    /// How it is stored: `plain`, `tar, zstd`.
    public let form: String
    /// The version of PostgreSQL that made it: `15.4`.
    public let version: String
    /// The data directory of the restored server.
    public let destination: String
    /// How the other host is reached; `nil` for this one.
    public let remoteCommand: String?
    /// Whether what is there already is completed, and kept where it is right.
    public let isDelta: Bool
    /// Where each tablespace goes.
    public let tablespaces: [(name: String, location: String)]
    /// What recovery stops at, in words.
    public let target: String
    /// The last timeline that is followed.
    public let timeline: UInt32?
    /// The complete segments that recovery reads, in order.
    public let wal: [Stretch]
    /// The unfinished segment at the end.
    public let partial: String?
    /// Whether the WAL is fetched when it is needed instead of copied.
    public let usesGetWAL: Bool
    /// The size of the restored backup.
    public let dataBytes: Int64
    /// The WAL that is copied.
    public let walBytes: Int64
    /// When the backup ended: the earliest target time.
    public let earliestTime: Timestamp?
    /// Where the backup ended: the earliest target LSN.
    public let earliestLSN: String?
    /// The room on each file system.
    public let needs: [SpaceNeed]
    /// How long it will take, about.
    public let estimatedSeconds: Double
    /// What the estimate rests on.
    public let estimateBasis: String
    /// Everything that was looked at.
    public let findings: [PlanFinding]

    /// Whether nothing speaks against the restore.
    public var isPossible: Bool { !findings.contains { $0.verdict == .refused } }

    init(_ plan: RestorePlan, target: RecoveryTarget, outcome: RestoreChecks.Outcome, server: String, rate: CopyRate) {
        self.server = server
        backup = plan.info.id
        chain = plan.chain.map(\.id)
        let info = plan.info
        var form = info.compression.map { $0 == "none" ? ["tar"] : ["tar", $0] } ?? ["plain"]
        if let encryption = info.encryption { form.append("encrypted with \(encryption)") }
        if chain.count > 1 { form.append("incremental") }
        self.form = form.joined(separator: ", ")
        version = info.version.map { Self.versionText(Int($0)) } ?? "unknown"
        destination = plan.destination
        remoteCommand = plan.request.remoteSSHCommand
        isDelta = plan.isDelta
        tablespaces = plan.tablespaces.map { ($0.name, $0.destination) }
        self.target =
            target.announcement(timeline: nil)?.split(separator: " ", maxSplits: 4).last.map(String.init)
            ?? "everything that is archived"
        timeline = outcome.path?.timelines.target.rawValue
        wal = (outcome.path?.stretches ?? []).compactMap { stretch in
            guard let path = outcome.path, let first = path.name(of: stretch.timeline, stretch.numbers.lowerBound),
                let last = path.name(of: stretch.timeline, stretch.numbers.upperBound)
            else { return nil }
            return Stretch(
                timeline: stretch.timeline.rawValue,
                first: first.description,
                last: last.description,
                count: UInt64(stretch.numbers.count)
            )
        }
        partial = outcome.path?.partial?.path.lastComponent?.string
        usesGetWAL = plan.usesGetWAL
        dataBytes = outcome.sizes.totalBytes
        walBytes = outcome.walBytes
        earliestTime = info.endTime
        earliestLSN = info.endLSN?.description
        needs = outcome.needs
        estimatedSeconds = Double(dataBytes &+ walBytes) / max(1, rate.bytesPerSecond)
        estimateBasis = rate.basis
        findings = outcome.findings
    }

    private static func versionText(_ number: Int) -> String {
        number >= 10_00_00
            ? "\(number / 10000).\(number % 10000)" : "\(number / 10000).\(number / 100 % 100).\(number % 100)"
    }
}

/// How fast a restore is expected to copy.
public struct CopyRate: Sendable {
    /// Bytes a second.
    public let bytesPerSecond: Double
    /// Where the number is from, in words.
    public let basis: String

    /// Makes a rate.
    public init(bytesPerSecond: Double, basis: String) {
        self.bytesPerSecond = bytesPerSecond
        self.basis = basis
    }

    /// What is assumed while nothing was measured.
    public static let assumed = CopyRate(
        bytesPerSecond: 100 * 1024 * 1024,
        basis: "assuming 100.0 MiB/s; 'barman drill' measures it"
    )
}
