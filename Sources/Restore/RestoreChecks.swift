import Archive
import Catalog
import Failure
import Files
import Notation
import Processes
import Settings
import SystemPackage
import WAL

/// Everything that can be known before the first byte: whether this restore is possible, and what it will take.
///
/// Reads the catalog, the archive and the destination; writes nothing.
struct RestoreChecks {
    let home: ServerHome
    let plan: RestorePlan
    let host: any RestoreHost

    /// What came of the checks, and the way of the recovery for those who deliver its WAL.
    struct Outcome {
        var findings: [PlanFinding]
        let path: RecoveryPath?
        let sizes: RestoredSizes
        let needs: [SpaceNeed]
        /// The WAL that is copied.
        let walBytes: Int64

        /// The same with what was found out before.
        func adding(_ early: [PlanFinding]) -> Outcome {
            var outcome = self
            // What was refused already is not well for another reason.
            let refused = Set(early.filter { $0.verdict == .refused }.map(\.subject))
            outcome.findings = early + findings.filter { $0.verdict != .good || !refused.contains($0.subject) }
            return outcome
        }

        /// Warns of what somebody can do something about, though the restore is possible.
        func warn(_ reporter: any Reporter) {
            for warning in findings.compactMap(\.warning) { reporter.warning(warning) }
        }

        /// Throws the first thing that cannot work.
        func refuse(_ plan: RestorePlan, server: String) throws(Failure) {
            guard let finding = findings.first(where: { $0.verdict == .refused }) else { return }
            guard !finding.isWholeMessage else { throw Failure(finding.text, hint: finding.hint) }
            throw Failure(
                "Cannot restore from backup '\(plan.request.backup)' of server '\(server)': \(finding.text)",
                hint: finding.hint
            )
        }
    }

    /// Looks at what is stored, at the WAL up to the target, and at the destination.
    func run(_ target: RecoveryTarget) throws -> Outcome {
        var stored = StoredBackupCheck(home: home, chain: plan.chain)
        try stored.run()
        var findings = stored.findings
        var path: RecoveryPath?
        if !home.walsAreInCloud {
            var recovery = try RecoveryCheck(home: home, plan: plan, target: target)
            try recovery.run()
            findings += recovery.findings
            path = recovery.path
        }
        let walBytes = plan.usesGetWAL ? 0 : path.map { Self.bytes(of: $0) } ?? 0
        var destination = DestinationCheck(
            home: home,
            plan: plan,
            host: host,
            wal: plan.usesGetWAL
                ? nil : (plan.walDestination(isPointInTime: target.isPointInTime), walBytes),
            sizes: stored.sizes
        )
        try destination.run()
        findings += destination.findings
        return Outcome(
            findings: findings,
            path: path,
            sizes: stored.sizes,
            needs: destination.needs,
            walBytes: walBytes
        )
    }

    private static func bytes(of path: RecoveryPath) -> Int64 {
        let count = path.segmentCount + (path.partial == nil ? 0 : 1)
        return Int64(clamping: count.multipliedReportingOverflow(by: path.segmentSize.bytes).partialValue)
    }
}
