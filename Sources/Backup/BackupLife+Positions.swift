import Catalog
import Failure
import Notation
import Postgres
import WAL

/// Where a backup begins and ends in the WAL.
extension BackupLife {
    /// The segment that holds a position; one on a boundary is in the segment that begins there.
    func segment(at lsn: LSN, timeline: Timeline) -> WALSegmentName {
        WALSegmentName(containing: lsn, timeline: timeline, size: info.segmentSize)
    }

    /// Where in its segment a position is.
    func offset(of lsn: LSN) -> Int64 {
        Int64(lsn.rawValue & (info.segmentSize.bytes - 1))
    }

    /// Notes durably where the backup begins, and says so; a standby does not tell the segment.
    func begin(at lsn: LSN, in segment: WALSegmentName?, time: Timestamp) throws {
        info.status = .started
        info.beginTime = time
        info.beginLSN = lsn
        var place = ""
        if let segment {
            info.timeline = segment.timeline
            info.beginSegment = segment
            info.beginOffset = offset(of: lsn)
            place = " (\(segment), \(hexadecimal(offset(of: lsn))))"
        }
        try save()
        reporter.info("Backup start at LSN: \(lsn)\(place)")
    }

    /// Notes where the backup ends, and closes the segment there; only missing privileges are an error here.
    func end(at lsn: LSN, in segment: WALSegmentName?, time: Timestamp) throws {
        info.endTime = time
        info.endLSN = lsn
        info.endSegment = segment
        info.endOffset = offset(of: lsn)
        do {
            let outcome = try postgres.switchWAL()
            if outcome == .notNeeded, info.endOffset == 0 { try writeIntoEndSegment() }
        } catch  where error.kind == .missingPrivileges {
            throw error
        } catch {
            reporter.log(.warning, Self.logger, "WAL switch after the backup: \(error)")
        }
    }

    /// Makes the primary of a standby fill the segment that the record names as the last one.
    ///
    /// The backup ended at its begin; an idle primary would write nothing into it, and so never archive it.
    private func writeIntoEndSegment() throws(PostgresError) {
        guard let primary = postgres.primary else { return }
        _ = try primary.createRestorePoint("barman_\(info.id)")
        _ = try primary.switchWAL()
    }

    /// The server has ended the backup here; `waitForArchiving` waits for the segment.
    func expectArchiving(upTo lsn: LSN, timeline: Timeline) {
        let segment = segment(at: lsn, timeline: timeline)
        // Nothing of a segment is needed that begins where the backup ends.
        segmentToArchive = offset(of: lsn) == 0 ? segment.previous(size: info.segmentSize) ?? segment : segment
    }

    /// Waits until the server has archived the end of the backup.
    func waitForArchiving() throws {
        guard let segment = segmentToArchive else { return }
        action = "issuing stop of the backup"
        try ArchivingWait(segment, history: historyFile, of: self).run()
    }

    /// The name of the file that a primary writes about a backup (PostgreSQL manual, "Making a Base Backup").
    private var historyFile: String? {
        guard let begin = info.beginSegment, info.backupLabel?.contains("BACKUP FROM: standby") == false else {
            return nil
        }
        return "\(begin).\(hexadecimal(info.beginOffset ?? 0)).backup"
    }
}
