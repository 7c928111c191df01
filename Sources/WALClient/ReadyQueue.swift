import Files
import SystemPackage
import WAL

/// The files that PostgreSQL wants archived: `archive_status/NAME.ready` beside them.
struct ReadyQueue {
    private let walDirectory: FilePath
    private let current: String

    /// The queue that a file to archive stands in.
    init(walPath: FilePath) {
        walDirectory = walPath.removingLastComponent()
        current = walPath.lastComponent?.string ?? ""
    }

    /// Tells the queues of different clusters apart.
    var directoryKey: String {
        // A directory that is not there has no queue, and what is not ready is not confirmed.
        (try? FileSystem.canonicalPath(walDirectory).string) ?? walDirectory.string
    }

    /// The files that are ready and come after the current one, in the order of their names.
    func following(limit: Int) -> [FilePath] {
        let suffix = ".ready"
        // Without a list there is nothing to look ahead to.
        guard limit > 0, let names = try? FileSystem.names(in: walDirectory.appending("archive_status")) else {
            return []
        }
        let ready = names.compactMap { name -> String? in
            guard name.hasSuffix(suffix) else { return nil }
            let base = String(name.dropLast(suffix.count))
            return base > current && WALFileName(base) != nil ? base : nil
        }
        return ready.sorted().prefix(limit).map { walDirectory.appending($0) }
    }
}
