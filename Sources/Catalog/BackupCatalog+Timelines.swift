public import Failure
import Files
public import SystemPackage
public import WAL

extension BackupCatalog {
    /// The timelines that branched off after the end of a backup, and can be reached from it.
    ///
    /// History files of the following timelines are read one after the other until one is missing; `contents` gives the content of a file
    /// in the archive, which may be stored compressed.
    public func childTimelines(
        of info: BackupInfo,
        contents: (FilePath) throws -> [UInt8]
    ) throws(Failure) -> [Timeline] {
        guard let timeline = info.timeline, !home.walsAreInCloud else { return [] }
        var children: [Timeline] = []
        var number = timeline.rawValue
        while number < .max {
            number += 1
            let path = home.historyPath(of: Timeline(rawValue: number))
            let history: TimelineHistory
            do {
                guard try FileSystem.exists(path) else { break }
                history = try TimelineHistory(parsing: String(decoding: try contents(path), as: UTF8.self))
            } catch let error as TimelineHistory.ParseError {
                let place = error.line > 0 ? "line \(error.line) of " : ""
                throw Failure("invalid timeline history: \(place)\(path.string)", kind: .exception, cause: error)
            } catch {
                throw XlogDatabase.failure(error)
            }
            let end = info.endLSN ?? LSN(rawValue: 0)
            let branched = history.entries.contains { $0.parent == timeline && $0.switchpoint >= end }
            if branched { children.append(Timeline(rawValue: number)) }
        }
        return children
    }
}
