import Files
import Postgres
import WAL

/// Finds where a stream goes on: of all that is in the directory, only what lies on the way that the server has gone counts.
struct ResumeSearch {
    let source: WALReceiver.Source
    let files: StreamingDirectory
    let system: SystemIdentity
    /// The history of a timeline, if it has been archived.
    let archivedHistory: (Timeline) -> [UInt8]?
    let tell: (WALReceiver.Event) -> Void

    /// The point to begin at.
    func point(_ session: borrowing PostgresSession) throws(ReplicationError) -> ResumePoint {
        let (found, wrongSizes) = try storing { () throws(FileError) in try files.resumePoints() }
        for name in wrongSizes { tell(.wrongSize(name)) }
        guard let newest = found.first else { return try serverPoint(session) }
        guard let point = try best(of: found, on: serverPath(newest, session), session) else {
            throw .other(
                newest.timeline < system.timeline
                    ? "timeline \(newest.timeline) is not in the history of the server's timeline \(system.timeline)"
                    : "starting timeline \(newest.timeline) is not present in the server"
            )
        }
        if point != newest { tell(.steppedBack(from: newest, to: point)) }
        return point
    }

    /// Of the points, newest first, the one that leads farthest on the way of the server.
    private func best(
        of points: [ResumePoint],
        on path: TimelinePath,
        _ session: borrowing PostgresSession
    ) throws(ReplicationError) -> ResumePoint? {
        var best: ResumePoint?
        for point in points {
            // None gets higher by being moved.
            if let best, best.position >= point.position { break }
            var ours = path.prefix(to: point.timeline)
            if ours == nil { ours = try self.path(to: point.timeline, session) }
            guard let ours, let moved = point.moved(to: path, from: ours, size: files.segmentSize) else { continue }
            if let other = best, other.position >= moved.position { continue }
            best = moved
        }
        return best
    }

    /// The way to the server's timeline.
    private func serverPath(
        _ newest: ResumePoint?,
        _ session: borrowing PostgresSession
    ) throws(ReplicationError) -> TimelinePath {
        do throws(ReplicationError) {
            return try session.timelinePath(to: system.timeline)
        } catch {
            // A server may have lost the file; to go on where we are on its timeline nobody needs it.
            guard error.isRefusal, newest?.timeline == system.timeline else { throw error }
            return TimelinePath(along: system.timeline)
        }
    }

    /// The way to a timeline that the server has not been on, if anybody knows it.
    private func path(
        to timeline: Timeline,
        _ session: borrowing PostgresSession
    ) throws(ReplicationError) -> TimelinePath? {
        let stored =
            try storing { () throws(FileError) in try files.history(of: timeline) } ?? archivedHistory(timeline)
        if let stored {
            // What cannot be read tells nothing.
            return (try? TimelineHistory(parsing: String(decoding: stored, as: UTF8.self))).map {
                TimelinePath(to: timeline, history: $0)
            }
        }
        do throws(ReplicationError) {
            return try session.timelinePath(to: timeline)
        } catch {
            guard error.isRefusal else { throw error }
            return nil
        }
    }

    /// Where to begin when there is no file yet: where the slot keeps WAL from, or where the server is now.
    private func serverPoint(_ session: borrowing PostgresSession) throws(ReplicationError) -> ResumePoint {
        let size = files.segmentSize
        if let slot = source.slot {
            let kept = try replicating { () throws(PostgresError) in try session.slotPosition(slot) }
            if let position = kept?.position ?? source.slotPosition {
                if let timeline = kept?.timeline {
                    return ResumePoint(timeline: timeline, containing: position, size: size)
                }
                return ResumePoint(on: try serverPath(nil, session), containing: position, size: size)
            }
        }
        return ResumePoint(timeline: system.timeline, containing: system.flushLSN, size: size)
    }
}
