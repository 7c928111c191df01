import Archive
import Catalog
import Failure
import Files
import Pipeline
import Processes
import SystemPackage
import WAL

/// The check that the archive holds all WAL from the begin of a backup to its end, each segment whole.
struct WALVerification: Sendable {
    let home: ServerHome

    /// More missing segments than this are not named one by one.
    private static let mostNamed = 1000

    func check(_ info: BackupInfo, into report: inout BackupVerification.Report) throws {
        guard !home.walsAreInCloud, info.endSegment != nil else { return }
        let segments: [WALSegmentName]
        switch try WALCompleteness(of: info, in: home) {
        case .unknown: return
        case .incomplete where info.status == .waitingForWALs:
            report.remarks.append("the WAL of backup '\(info.id)' has not been archived up to its end yet")
            return
        case .complete, .incomplete, .missing:
            segments = WALCompleteness.segments(of: info, in: home)
        }
        let size = Int64(info.segmentSize.bytes)
        let reader = WALReader(home: home)
        var missing = 0
        try Workers.map(
            segments,
            count: Workers.coreCount,
            check: { try SignalWatch.check() },
            body: { segment in try defect(of: segment, wantedBytes: size, info, reader) },
            inOrder: { _, defect in
                guard let defect else { return }
                missing += 1
                if missing <= Self.mostNamed { report.defects.append(defect) }
            }
        )
        if missing > Self.mostNamed {
            report.defects.append("and \(missing - Self.mostNamed) more WAL files are missing or damaged")
        }
    }

    private func defect(
        of segment: WALSegmentName,
        wantedBytes: Int64,
        _ info: BackupInfo,
        _ reader: WALReader
    ) throws -> String? {
        guard let path = try WALCompleteness.place(of: segment, for: info, in: home) else {
            return "WAL file \"\(segment)\" is missing in the archive"
        }
        do {
            guard let size = try reader.plainSize(of: path) else { return nil }
            return size == wantedBytes
                ? nil : "WAL file \"\(segment)\" has size \(size) in the archive, but a segment has size \(wantedBytes)"
        } catch let failure as Failure {
            return "could not read WAL file \"\(segment)\": \(failure)"
        }
    }
}
