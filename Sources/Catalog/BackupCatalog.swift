public import Failure
public import Files
import SystemPackage

/// The records of all backups of one server, read once.
public struct BackupCatalog: Sendable {
    /// The server.
    public let home: ServerHome
    /// All ids, oldest first.
    public private(set) var ids: [String]
    private var records: [String: BackupInfo]

    private static let suffix = "-backup.info"

    private init(home: ServerHome, records: [String: BackupInfo]) {
        self.home = home
        self.records = records
        ids = records.keys.sorted()
    }

    /// Reads every record, old places first; a record that cannot be read is an error.
    public static func load(_ home: ServerHome) throws(Failure) -> BackupCatalog {
        var records: [String: BackupInfo] = [:]
        if !home.basebackupsAreInCloud {
            for id in try names(in: home.basebackupsDirectory) where !isHidden(id) {
                let path = home.legacyBackupInfoPath(id)
                if let info = try read(home, id: id, path: path) { records[id] = info }
            }
        }
        for name in try names(in: home.metaDirectory) where name.hasSuffix(suffix) && !isHidden(name) {
            let id = String(name.dropLast(suffix.count))
            if let info = try read(home, id: id, path: home.metaDirectory.appending(name)) { records[id] = info }
        }
        return BackupCatalog(home: home, records: records)
    }

    /// Reads one record without the others; nil when there is none of that id.
    public static func record(of id: String, in home: ServerHome) throws(Failure) -> BackupInfo? {
        if let info = try read(home, id: id, path: home.backupInfoPath(id)) { return info }
        guard !home.basebackupsAreInCloud else { return nil }
        return try read(home, id: id, path: home.legacyBackupInfoPath(id))
    }

    /// Stores a record durably, without a catalog at hand: the old content or the new one is there after a crash.
    public static func save(_ info: BackupInfo, in home: ServerHome) throws(Failure) {
        let path = home.backupInfoPath(info.id)
        try namingFailure { () throws(FileError) in
            try FileSystem.createDirectories(home.metaDirectory)
            try FileSystem.replaceDurably(
                path,
                contents: Array(info.fileText.utf8),
                temporaryName: "\(info.id)\(suffix).tmp"
            )
        }
    }

    /// Stores a record durably; the old content or the new one is there after a crash.
    public mutating func save(_ info: BackupInfo) throws(Failure) {
        try BackupCatalog.save(info, in: home)
        assume(info)
    }

    /// Reads one record again, for instance after a wait; forgets it when it is gone.
    @discardableResult
    public mutating func refresh(_ id: String) throws(Failure) -> BackupInfo? {
        let info = try BackupCatalog.record(of: id, in: home)
        records[id] = info
        ids = records.keys.sorted()
        return info
    }

    /// Takes a record in without storing it; for plans.
    public mutating func assume(_ info: BackupInfo) {
        if records.updateValue(info, forKey: info.id) == nil { ids = records.keys.sorted() }
    }

    /// Forgets a record without touching its files; for plans.
    public mutating func forget(_ id: String) {
        guard records.removeValue(forKey: id) != nil else { return }
        ids.remove(at: position(of: id))
    }

    /// Removes the files of a record, in both places, durably, and forgets it.
    public mutating func removeRecord(of id: String) throws(FileError) {
        try FileSystem.unlinkIfPresent(home.legacyBackupInfoPath(id))
        let isRemoved = try FileSystem.unlinkIfPresent(home.backupInfoPath(id))
        // It is gone, whether or not that can be made durable: who goes on must not count on it.
        records[id] = nil
        ids = records.keys.sorted()
        if isRemoved { try FileSystem.syncDirectory(home.metaDirectory) }
    }

    // MARK: Reading files

    private static func isHidden(_ name: String) -> Bool { name.utf8.first == UInt8(ascii: ".") }

    private static func names(in directory: FilePath) throws(Failure) -> [String] {
        do {
            return try FileSystem.names(in: directory)
        } catch {
            if error.isMissing { return [] }
            throw error.catalogFailure
        }
    }

    private static func read(_ home: ServerHome, id: String, path: FilePath) throws(Failure) -> BackupInfo? {
        guard let bytes = try namingFailure({ () throws(FileError) in try FileSystem.readIfPresent(path) }) else {
            return nil
        }
        do {
            return try BackupInfo(
                parsing: bytes,
                id: id,
                path: path,
                serverName: home.name,
                mode: home.defaultMode
            )
        } catch {
            throw error.failure
        }
    }
}

// MARK: Questions

extension BackupCatalog {
    /// All records, oldest first.
    public var all: [BackupInfo] { ids.compactMap { records[$0] } }

    /// The record with that id.
    public subscript(id: String) -> BackupInfo? { records[id] }

    /// The records in any of these states, oldest first.
    public func backups(_ statuses: Set<BackupStatus>) -> [BackupInfo] {
        all.filter { statuses.contains($0.status) }
    }

    /// The newest backup in any of these states, and of any of these types if given.
    public func newest(_ statuses: Set<BackupStatus> = .completed, types: Set<BackupType>? = nil) -> BackupInfo? {
        first(of: ids.reversed(), statuses, types)
    }

    /// The oldest backup in any of these states.
    public func oldest(_ statuses: Set<BackupStatus> = .completed) -> BackupInfo? {
        first(of: ids, statuses, nil)
    }

    /// The nearest older backup in any of these states; `id` itself need not exist.
    public func previous(of id: String, _ statuses: Set<BackupStatus> = .completed) -> BackupInfo? {
        first(of: ids[..<position(of: id)].reversed(), statuses, nil)
    }

    /// The nearest newer backup in any of these states; `id` itself need not exist.
    public func next(of id: String, _ statuses: Set<BackupStatus> = .completed) -> BackupInfo? {
        let position = position(of: id)
        let start = position < ids.count && ids[position] == id ? position + 1 : position
        return first(of: ids[start...], statuses, nil)
    }

    /// How many backups retention counts: complete and not incremental.
    public var redundancy: Int {
        records.values.reduce(0) { $0 + ($1.status == .done && !$1.isIncremental ? 1 : 0) }
    }

    /// The ancestors of an incremental backup, its parent first and the root last; ends where a record is missing.
    public func ancestors(of info: BackupInfo) -> [BackupInfo] {
        var ancestors: [BackupInfo] = []
        var seen: Set<String> = [info.id]
        var current = info
        while let id = current.parentBackupID, let parent = records[id], seen.insert(id).inserted {
            ancestors.append(parent)
            current = parent
        }
        return ancestors
    }

    /// All incremental backups below this one that have a record, children before their parents, and each before those behind it in the
    /// list of the parent.
    public func descendants(of info: BackupInfo) -> [BackupInfo] {
        var seen: Set<String> = [info.id]
        var postorder: [BackupInfo] = []
        // What comes next is last; a backup whose children have been visited waits for its own turn.
        var pending = info.children.reversed().map { (id: $0, isVisited: false) }
        while let (id, isVisited) = pending.popLast() {
            guard let child = records[id] else { continue }
            if isVisited {
                postorder.append(child)
            } else if seen.insert(id).inserted {
                pending.append((id, true))
                pending += child.children.reversed().map { ($0, false) }
            }
        }
        return postorder
    }

    /// Whether the record of a backup has outlived its files.
    public func isOrphan(_ info: BackupInfo) throws(FileError) -> Bool {
        guard info.status != .empty, !home.basebackupsAreInCloud else { return false }
        do throws(FileError) {
            return try FileSystem.names(in: home.backupDirectory(of: info.id)) == ["backup.info"]
        } catch {
            if error.isMissing { return true }
            throw error
        }
    }

    private func first(
        of candidates: some Sequence<String>,
        _ statuses: Set<BackupStatus>,
        _ types: Set<BackupType>?
    ) -> BackupInfo? {
        for id in candidates {
            guard let info = records[id], statuses.contains(info.status) else { continue }
            if types?.contains(info.type) ?? true { return info }
        }
        return nil
    }

    /// Where an id stands in the order, or would stand.
    private func position(of id: String) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
