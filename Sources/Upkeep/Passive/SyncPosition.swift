import Catalog
import Failure
import Files
import SystemPackage
import WAL

/// How far the WAL of a passive server has been copied: the last file of the primary's list, and the byte at which its line begins.
struct SyncPosition: Equatable {
    let name: String
    let position: Int64

    /// The file in the WAL directory (catalog-formats.md 12).
    static func path(_ home: ServerHome) -> FilePath { home.walsDirectory.appending("sync-wals.info") }

    /// Reads the file; nil when there is none.
    ///
    /// One that makes no sense counts as none, with a warning: copying from the beginning only takes longer, since what is
    /// here already is left out.
    static func read(_ home: ServerHome, reporter: any Reporter) throws(FileError) -> SyncPosition? {
        guard let bytes = try FileSystem.readIfPresent(path(home), limit: 1 << 12) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(whereSeparator: { " \t\n\r".contains($0) })
        guard fields.count == 2, let position = Int64(fields[1]), position >= 0, WALFileName(fields[0]) != nil
        else {
            reporter.warning(
                "\(path(home).string) is damaged: requesting full synchronisation from primary server \(home.name)"
            )
            return nil
        }
        return SyncPosition(name: String(fields[0]), position: position)
    }

    /// Stores the position durably.
    func save(_ home: ServerHome) throws(FileError) {
        try FileSystem.replaceDurably(
            Self.path(home),
            contents: Array("\(name)\t\(position)".utf8),
            temporaryName: "sync-wals.info.tmp"
        )
    }

    /// The words for `sync-info`; position 0 is refused by release 3.19.1, and says no more than none.
    var words: [String] { position > 0 ? [name, String(position)] : [name] }
}
