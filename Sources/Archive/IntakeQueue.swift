import Catalog
import Files
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
    /// The limit counts files to archive, after the one that stays is left out; so a limit of 1 makes progress too.
    func read() throws(FileError) -> Batch {
        let names = try listing()
        var batch = Batch()
        batch.foundCount = names.count
        let keptName = try nameThatStays(names)
        var older: [Entry] = []
        for text in names where !text.hasSuffix(".tmp") && text != keptName {
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
                older.append(entry)
            } else {
                batch.entries.append(entry)
            }
        }
        batch.partials = older.map(\.text)
        batch.entries += older
        return batch
    }

    /// Whether anything waits beside the file that stays; looks at names only.
    func hasWork() throws(FileError) -> Bool {
        let names = try listing()
        let keptName = try nameThatStays(names)
        return names.contains { !$0.hasSuffix(".tmp") && $0 != keptName }
    }

    private func listing() throws(FileError) -> [String] {
        do throws(FileError) {
            return try FileSystem.names(in: directory).filter { $0.utf8.first != UInt8(ascii: ".") }
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    /// The file of the streaming directory that the receiver needs to find its position: the last partial one, or the last.
    private func nameThatStays(_ names: [String]) throws(FileError) -> String? {
        guard kind == .streaming else { return nil }
        if let last = try lastFile(in: names, where: { if case .partial = $0 { true } else { false } }) { return last }
        return try lastFile(in: names) { _ in true }
    }

    private func lastFile(
        in names: [String],
        where isWanted: (WALFileName) -> Bool
    ) throws(FileError) -> String? {
        for text in names.reversed() {
            guard let name = WALFileName(text), isWanted(name) else { continue }
            if try targetStatus(of: directory.appending(text))?.kind == .regular { return text }
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
