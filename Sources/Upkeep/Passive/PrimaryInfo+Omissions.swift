import Catalog
import Failure
import Notation

extension PrimaryInfo {
    /// Why this answer, which goes on after a place, cannot be all that is not here; nil when nothing speaks against it.
    ///
    /// The primary tells the names that are greater than that of the place. A segment of an older timeline that it archived after the place,
    /// the backlog of an old primary for instance, is not among them; then the lines that are told are fewer bytes than there are between
    /// the place and the end of its list. And what was copied may have been purged since: a backup that is copied once more needs WAL from
    /// before the place.
    func omission(after place: SyncPosition, _ home: ServerHome) throws -> String? {
        var told: Set<String> = []
        var bytes: Int64 = 0
        var lastBytes: Int64 = 0
        do {
            try forEachWAL { record in
                told.insert(record.name)
                bytes += lastBytes
                lastBytes = Int64(record.line.utf8.count)
            }
        } catch is PrimaryInfoError {
            // Whoever copies says what is wrong with it.
            return nil
        }
        var needed = try neededBegins(home).subtracting(told)
        var reached: XlogRecord?
        try XlogDatabase(home).forEachLine { line in
            let name = line.name
            if !needed.isEmpty { needed.remove(name) }
            if name == place.name { reached = line.record }
            return true
        }
        if let name = needed.min() { return "\(name) is not here" }
        let isWhole =
            if told.isEmpty {
                lastPosition == place.position && lastName == place.name
            } else {
                reached.map { place.position + Int64($0.line.utf8.count) + bytes == lastPosition } ?? false
            }
        return isWhole ? nil : "not all WAL after \(place.name) was told"
    }

    /// The segments with which the backups begin that are here and that the primary has with all their WAL.
    private func neededBegins(_ home: ServerHome) throws(Failure) -> Set<String> {
        let here = try BackupCatalog.load(home).backups(.completed)
        return Set(
            here.filter { backups[$0.id]?["status"]?.stringValue == BackupStatus.done.rawValue }.compactMap(\.beginWAL)
        )
    }
}
