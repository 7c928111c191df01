import Catalog
import Files
import Replication
import Settings
import SystemPackage
import WAL

/// One of the directories in which WAL waits to be archived.
struct IntakeQueue: Sendable {
    /// Which one.
    enum Kind: Sendable {
        /// What the WAL receiver wrote.
        case streaming
        /// What `archive_command` or `put-wal` brought.
        case file
    }

    /// One file to archive.
    struct Entry: Sendable {
        /// Its name, as it is written.
        let text: String
        /// What its name says.
        let name: WALFileName
        /// Where it waits.
        let directory: FilePath

        /// The file itself; made when needed, since many may wait.
        var path: FilePath { directory.appending(text) }
    }

    /// What one run takes (wal-archiving.md 3).
    struct Batch: Sendable {
        /// To be archived, in this order.
        var entries: [Entry] = []
        /// Names of what does not belong here.
        var foreign: [String] = []
        /// Older partial files among the entries.
        var partials: [String] = []
        /// How many names the directory has, those beginning with a dot apart.
        var foundCount = 0
    }

    let kind: Kind
    let directory: FilePath
    let batchLimit: Int?

    /// The queues that a server's settings ask for, in the order in which they are worked.
    static func queues(of home: ServerHome) -> [IntakeQueue] {
        var queues: [IntakeQueue] = []
        if home.settings.streamingArchiver {
            queues.append(
                IntakeQueue(
                    kind: .streaming,
                    directory: home.streamingWALsDirectory,
                    batchLimit: home.settings.streamingArchiverBatchSize.map { Int(clamping: $0) }
                )
            )
        }
        if home.settings.archiver {
            queues.append(
                IntakeQueue(
                    kind: .file,
                    directory: home.incomingWALsDirectory,
                    batchLimit: home.settings.archiverBatchSize.map { Int(clamping: $0) }
                )
            )
        }
        return queues
    }

    /// What messages call it.
    var title: String {
        switch kind {
        case .streaming: "streaming"
        case .file: "file archival"
        }
    }

    /// Reads the directory; one that is not there is empty.
    ///
    /// The limit counts files to archive, after those that stay are left out; so a limit of 1 makes progress too.
    func read() throws(FileError) -> Batch {
        let names = try listing()
        var batch = Batch()
        batch.foundCount = names.count
        let keptNames = try namesThatStay(names)
        var older: [Entry] = []
        for text in names where !text.hasSuffix(".tmp") && !keptNames.contains(text) {
            if let batchLimit, batch.entries.count + older.count >= batchLimit { break }
            let path = directory.appending(text)
            guard let status = try targetStatus(of: path) else {
                // Vanished; or a symbolic link that leads nowhere, which is foreign.
                if try FileSystem.kindIfPresent(path, followingLinks: false) != nil { batch.foreign.append(text) }
                continue
            }
            guard status.kind == .regular, let name = WALFileName(text) else {
                batch.foreign.append(text)
                continue
            }
            let entry = Entry(text: text, name: name, directory: directory)
            if kind == .streaming, case .partial = name {
                // Whatever its name, a file that a receiver writes is not to be taken.
                guard try SegmentHold.take(path) != nil else { continue }
                older.append(entry)
            } else {
                batch.entries.append(entry)
            }
        }
        batch.partials = older.map(\.text)
        batch.entries += older
        return batch
    }

    /// Whether anything waits beside the files that stay; looks at names only.
    func hasWork() throws(FileError) -> Bool {
        let names = try listing()
        let keptNames = try namesThatStay(names)
        return names.contains { !$0.hasSuffix(".tmp") && !keptNames.contains($0) }
    }

    private func listing() throws(FileError) -> [String] {
        do throws(FileError) {
            return try FileSystem.names(in: directory).filter { $0.utf8.first != UInt8(ascii: ".") }
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    /// The files of the streaming directory that a receiver needs to find its position: the last partial one, or the last.
    ///
    /// The last partial one by its name, as in 3.19.1, and the one with the highest number, at which pg_receivewal goes on: a short
    /// visit to a server that was promoted leaves a higher timeline with a lower number.
    private func namesThatStay(_ names: [String]) throws(FileError) -> [String] {
        guard kind == .streaming else { return [] }
        let partials = names.compactMap { text -> (text: String, segment: WALSegmentName)? in
            guard case .partial(let segment) = WALFileName(text) else { return nil }
            return (text, segment)
        }
        guard let last = try lastFile(in: partials.map(\.text)) else {
            return try lastFile(in: names.filter { WALFileName($0) != nil }).map { [$0] } ?? []
        }
        let byNumber = partials.sorted { $0.segment.precedesByNumber($1.segment) }.map(\.text)
        return [last, try lastFile(in: byNumber) ?? last]
    }

    private func lastFile(in names: [String]) throws(FileError) -> String? {
        for text in names.reversed() where try targetStatus(of: directory.appending(text))?.kind == .regular {
            return text
        }
        return nil
    }

    /// What a name leads to; `nil` if that is nothing, as of a link that leads to itself.
    private func targetStatus(of path: FilePath) throws(FileError) -> FileStatus? {
        do throws(FileError) {
            return try FileSystem.statusIfPresent(of: path)
        } catch {
            guard error.errno == .tooManySymbolicLinkLevels else { throw error }
            return nil
        }
    }
}
