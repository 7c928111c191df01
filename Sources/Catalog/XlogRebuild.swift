public import Failure
import Files
import SystemPackage
import WAL

/// What a rebuild found in the archive.
public struct XlogRebuildCount: Equatable, Sendable {
    /// History files.
    public var histories = 0
    /// Backup labels.
    public var backupLabels = 0
    /// Segments.
    public var segments = 0
}

extension XlogDatabase {
    /// Makes the list anew from the files in the archive, durably, and says what does not belong there.
    @discardableResult
    public func rebuild(reporter: any Reporter) throws(Failure) -> XlogRebuildCount {
        if home.walsAreInCloud {
            throw Failure("Rebuilding xlogdb is not supported for servers using cloud storage")
        }
        do {
            return try withLock { try XlogRebuild(database: self).run(reporter: reporter) }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }
}

/// Makes the list from the archive; the caller has the lock.
struct XlogRebuild {
    let database: XlogDatabase
    private var home: ServerHome { database.home }

    init(database: XlogDatabase) {
        self.database = database
    }

    @discardableResult
    func run(reporter: (any Reporter)?) throws -> XlogRebuildCount {
        try FileSystem.createDirectories(database.path.removingLastComponent())
        let status = try FileSystem.statusIfPresent(of: database.path)
        var file = try database.replacementFile(like: status)
        var count = XlogRebuildCount()
        for name in try topLevelNames() {
            let path = home.walsDirectory.appending(name)
            if try FileSystem.isDirectory(path) {
                try directory(path, &count, reporter) { record throws in try file.write(record.line.utf8) }
            } else if case .history = WALFileName(name) {
                count.histories += 1
                try file.write(try record(name: name, path: path).line.utf8)
            } else if name != "xlog.db" {
                reporter?.warning("unexpected file rebuilding the wal database: \(path.string)")
            }
        }
        try database.commit(file, like: status)
        return count
    }

    /// The record of an archived file, made from the file; nil when there is none of that name.
    func record(named name: String) throws(FileError) -> XlogRecord? {
        guard !home.walsAreInCloud, let path = home.archivedPath(of: name) else { return nil }
        guard try FileSystem.kindIfPresent(path) == .regular else { return nil }
        return try record(name: name, path: path)
    }

    private func topLevelNames() throws(FileError) -> [String] {
        if home.walsAreInCloud { return [] }
        let listName = "\(home.name)-xlog.db"
        do throws(FileError) {
            return try FileSystem.names(in: home.walsDirectory).filter { !$0.utf8.starts(with: listName.utf8) }
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }

    private func directory(
        _ directory: FilePath,
        _ count: inout XlogRebuildCount,
        _ reporter: (any Reporter)?,
        _ write: (XlogRecord) throws -> Void
    ) throws {
        for name in try FileSystem.names(in: directory) {
            let path = directory.appending(name)
            switch WALFileName(name) {
            case .segment: count.segments += 1
            case .backupLabel: count.backupLabels += 1
            default:
                report(name, path, reporter, isDirectory: try FileSystem.isDirectory(path))
                continue
            }
            try write(try record(name: name, path: path))
        }
    }

    private func report(_ name: String, _ path: FilePath, _ reporter: (any Reporter)?, isDirectory: Bool) {
        let what =
            isDirectory
            ? "unexpected directory" : name.hasSuffix(".tmp") ? "temporary file found" : "unexpected file"
        reporter?.warning("\(what) rebuilding the wal database: \(path.string)")
    }

    private func record(name: String, path: FilePath) throws(FileError) -> XlogRecord {
        let status = try FileSystem.status(of: path)
        let format = try StoredFormat.of(path)
        return XlogRecord(
            name: name,
            sizeBytes: status.sizeBytes,
            modifiedSeconds: status.modifiedSeconds,
            modifiedNanoseconds: status.modifiedNanoseconds,
            compression: format.compression,
            encryption: format.encryption
        )
    }
}
