public import Failure
public import WAL

extension BackupInfo {
    /// The segments that make the backup consistent, from its begin to its end; none when the record does not name both.
    ///
    /// Which ones they are on the way from one timeline to another the record does not tell: that is an error. So is a record
    /// that names more than a million: it is damaged, and nobody could list them.
    public func requiredSegments() throws(Failure) -> [WALSegmentName] {
        guard let begin = beginSegment, let end = endSegment else { return [] }
        guard begin.timeline == end.timeline else {
            throw Failure(
                "Begin segment (\(begin)) and end segment (\(end)) must have the same timeline part",
                kind: .exception
            )
        }
        let limit = 1_000_000
        let segments = Array(begin.through(end, size: segmentSize).prefix(limit + 1))
        guard segments.count <= limit else {
            throw Failure(
                "backup \(id) names more than \(limit) WAL files, from \(begin) to \(end): its record is damaged",
                kind: .exception
            )
        }
        return segments
    }
}
