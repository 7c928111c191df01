import Catalog
import Codecs
import Failure
import Files
import Settings
import SystemPackage
import WAL

/// Files that become part of the archive together: one sync of each directory, one lock and one sync of the list.
///
/// The order of the steps is what makes every crash harmless. Contents durable; names in the archive, durable; lines in the list,
/// durable; only then are the received files removed. A repeat finds the file stored, and its line missing or not.
struct IntakeGroup {
    /// How many files share the syncs.
    static let limit = 32

    private let home: ServerHome
    private let archive: WALArchive
    private let reporter: any Reporter
    private var decisions: [IntakeDecision] = []
    private let listed: ListedNames

    init(home: ServerHome, reporter: any Reporter, listed: ListedNames) {
        self.home = home
        self.reporter = reporter
        self.listed = listed
        archive = WALArchive(home)
    }

    /// Whether it is time to commit.
    var isFull: Bool { decisions.count >= Self.limit }

    /// Takes one more file, whose contents are durable.
    mutating func add(_ decision: IntakeDecision) {
        decisions.append(decision)
    }

    /// Makes the group part of the archive and returns its records, those of files that were stored before left out.
    @discardableResult
    mutating func commit() throws -> [XlogRecord] {
        guard !decisions.isEmpty else { return [] }
        let taken = decisions
        decisions = []
        let records = taken.compactMap(record)
        var directories: Set<FilePath> = []
        let healed = try unlistedRecords(of: taken, directories: &directories)
        // In the order of the batch: readers of the list stop at the first name beyond the ones they look for.
        let byName = Dictionary((records + healed).map { ($0.name, $0) }) { first, _ in first }
        let lines = taken.compactMap { byName[$0.entry.text] }
        let uncertain = Set(taken.filter(\.isReplacing).map(\.entry.text)).intersection(byName.keys)
        try XlogDatabase(home).append(uncertain: uncertain) {
            try place(taken, directories)
            return lines
        }
        finish(taken)
        return records
    }

    /// Gives the files their names, durably.
    private func place(_ decisions: [IntakeDecision], _ others: Set<FilePath>) throws {
        var directories = others
        for decision in decisions {
            guard case .store(let staged, _) = decision.verdict else { continue }
            try staged.place()
            directories.insert(archive.directory(of: decision.entry.name))
        }
        for directory in directories.sorted(by: { $0.string < $1.string }) { try FileSystem.syncDirectory(directory) }
    }

    private func record(_ decision: IntakeDecision) -> XlogRecord? {
        guard case .store(let staged, let compression) = decision.verdict, let status = decision.status else {
            return nil
        }
        return XlogRecord(
            name: decision.entry.text,
            sizeBytes: staged.sizeBytes,
            modifiedSeconds: status.modifiedSeconds,
            modifiedNanoseconds: status.modifiedNanoseconds,
            compression: compression,
            encryption: home.settings.encryption == WALEncryption.name ? WALEncryption.name : nil
        )
    }

    /// Lines for files that are stored and not in the list, because a run died between the two.
    private func unlistedRecords(
        of decisions: [IntakeDecision],
        directories: inout Set<FilePath>
    ) throws -> [XlogRecord] {
        try decisions.compactMap { decision in
            switch decision.verdict {
            case .stored, .different: break
            case .store, .broken, .vanished, .unfinished: return nil
            }
            let entry = decision.entry
            let path = archive.path(of: entry.name, text: entry.text)
            guard try !listed.contains(entry.text), try FileSystem.kindIfPresent(path) == .regular else { return nil }
            try FileSystem.syncFile(path)
            directories.insert(archive.directory(of: entry.name))
            let status = try FileSystem.status(of: path)
            let stored = try StoredWAL(path, settings: home.settings, assumingCustom: true)
            return XlogRecord(
                name: entry.text,
                sizeBytes: status.sizeBytes,
                modifiedSeconds: status.modifiedSeconds,
                modifiedNanoseconds: status.modifiedNanoseconds,
                compression: recordedCompression(of: stored),
                encryption: stored.isEncrypted ? WALEncryption.name : nil
            )
        }
    }

    /// The configured name where it writes the format that is found: `pigz` files cannot be told from gzip.
    private func recordedCompression(of stored: StoredWAL) -> String? {
        guard let found = stored.compression, let configured = home.settings.compression,
            let format = WALCompression.format(named: configured), format.rawValue == found
        else { return stored.compression }
        return configured
    }

    /// Tells about each file in order and takes it out of its queue.
    private func finish(_ decisions: [IntakeDecision]) {
        let errors = ErrorsDirectory(home: home)
        for decision in decisions {
            let entry = decision.entry
            reporter.show("\t\(entry.text)")
            switch decision.verdict {
            case .store, .stored:
                remove(decision)
            case .different:
                guard errors.take(entry.path, as: .duplicate, telling: reporter) else { continue }
                reporter.info(
                    "\tError: \(entry.text) is already present in server \(home.name). "
                        + "File moved to errors directory."
                )
            case .broken(let reason):
                guard errors.take(entry.path, as: .unknown, telling: reporter) else { continue }
                reporter.info(
                    "\tError: \(entry.text) is not a WAL segment of server \(home.name): \(reason). "
                        + "File moved to errors directory."
                )
            case .vanished:
                reporter.log(.warning, Self.logger, "\(entry.path.string) has vanished")
            case .unfinished:
                reporter.log(.warning, Self.logger, "\(entry.path.string) is still being written")
            }
        }
    }

    /// Removes the received file of what is archived, unless another one has come in its place meanwhile.
    private func remove(_ decision: IntakeDecision) {
        let path = decision.entry.path
        do {
            guard let now = try FileSystem.statusIfPresent(of: path), let then = decision.status else { return }
            guard now.isSameFile(as: then), now.sizeBytes == then.sizeBytes else { return }
            try FileSystem.unlinkIfPresent(path)
        } catch {
            // The next run will find it stored and try again.
            reporter.log(.warning, Self.logger, "Unable to remove \(path.string): \(error)")
        }
    }

    static let logger = "barman.wal_archiver"
}
