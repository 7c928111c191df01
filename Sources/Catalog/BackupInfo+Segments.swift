public import Failure
public import WAL

extension BackupInfo {
    /// The segments that make the backup consistent, from its begin to its end; none when the record does not name both.
    ///
    /// A record that names more than a million is damaged, and an error: nobody could list them.
    public func requiredSegments() throws(Failure) -> [WALSegmentName] {
        guard let begin = beginSegment, let end = endSegment else { return [] }
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
