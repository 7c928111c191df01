public import Failure
import Files
public import SystemPackage

/// The list of archived WAL of one server: `xlog.db`.
///
/// Each access takes the lock of the list and waits for it. The list is read as bytes in buffers of 1 MiB, and never as a whole. When
/// it is missing it is made from the archive first.
public struct XlogDatabase: Sendable {
    /// The server.
    public let home: ServerHome

    /// The list of a server; nothing is read yet.
    public init(_ home: ServerHome) {
        self.home = home
    }

    /// The file.
    public var path: FilePath { home.xlogDatabasePath }

    // MARK: Reading

    /// Calls `body` for each line in the order of the file, until it returns false.
    ///
    /// `body` runs while the lock is held and must not use the list itself.
    /// A last line without end is what a crash left of a line nobody was told of; it is passed over unless it is whole.
    public func forEachLine(_ body: (XlogLine) throws -> Bool) throws {
        try withLockedFile { file throws in
            var scanner = XlogScanner(path: path)
            try scanner.scan(file, body)
        }
    }

    /// All records for which `isWanted` holds; for small answers.
    public func records(where isWanted: (XlogLine) throws -> Bool = { _ in true }) throws -> [XlogRecord] {
        var records: [XlogRecord] = []
        try forEachLine { line in
            if try isWanted(line) { records.append(line.record) }
            return true
        }
        return records
    }

    /// The records of a list that is no server's, by name; nobody else may be writing it.
    public static func records(inFile path: FilePath) throws -> [String: XlogRecord] {
        let file = try OwnedDescriptor(opening: path, .readOnly)
        var scanner = XlogScanner(path: path)
        var records: [String: XlogRecord] = [:]
        try scanner.scan(file) { line in
            records[line.name] = line.record
            return true
        }
        return records
    }

    /// Whether no WAL is listed.
    public func isEmpty() throws(Failure) -> Bool {
        do {
            return try withLockedFile { file throws in try file.status().sizeBytes == 0 }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    // MARK: Writing

    /// Adds records at the end: one lock, one write, one sync for all of them.
    ///
    /// They are on disk when this returns.
    /// When writing fails the file is cut back to what it was. What a crash left of a half-written line is put right first.
    public func append(_ records: [XlogRecord]) throws(Failure) {
        guard !records.isEmpty else { return }
        do {
            try withLock {
                try createIfMissing()
                try XlogAppender(database: self).append(records)
            }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    /// Gives files their names in the archive by `place` and adds the records that it returns, all under one lock.
    ///
    /// A rebuild, of either program, lists every file that it finds: between the name of a file and its line there must be none.
    /// A record whose name is in `uncertain` is left out when it is listed.
    public func append(uncertain: Set<String> = [], _ place: () throws -> [XlogRecord]) throws {
        try withLockedFile { file throws in
            var records = try place()
            if !uncertain.isEmpty {
                let listed = try names(in: file, among: uncertain)
                records.removeAll { listed.contains($0.name) }
            }
            if !records.isEmpty { try XlogAppender(database: self).append(records) }
        }
    }

    /// Adds those records at the end, in their order, whose names are not listed yet: one lock, one write, one sync.
    public func appendMissing(_ records: [XlogRecord]) throws(Failure) {
        guard !records.isEmpty else { return }
        do {
            try append(uncertain: Set(records.map(\.name))) { records }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    /// Which of these names are listed.
    public func names(among wanted: Set<String>) throws(Failure) -> Set<String> {
        do {
            return try withLockedFile { file throws in try names(in: file, among: wanted) }
        } catch {
            throw XlogDatabase.failure(error)
        }
    }

    private func names(in file: borrowing OwnedDescriptor, among wanted: Set<String>) throws -> Set<String> {
        var listed: Set<String> = []
        var scanner = XlogScanner(path: path)
        try scanner.scan(file) { line in
            let name = line.name
            if wanted.contains(name) { listed.insert(name) }
            return listed.count < wanted.count
        }
        return listed
    }

    /// Keeps the lines for which `isKept` holds, as they are, and drops the others, durably; returns how many were dropped.
    ///
    /// The new list is written beside the old one, synced, and renamed over it while the lock is held: after a crash there is the old list
    /// or the new one. Readers of release 3.19.1 open the file only after they have the lock, so they never hold on to the old one.
    @discardableResult
    public func rewrite(keeping isKept: (XlogLine) throws -> Bool) throws -> Int {
        try withLockedFile { file throws in
            let status = try file.status()
            var replacement = try replacementFile(like: status)
            var scanner = XlogScanner(path: path)
            var dropped = 0
            var isCompleted = false
            try scanner.scan(file) { line in
                if try isKept(line) {
                    try replacement.write(line.bytes)
                    // Lines of older releases get the fields that they lack.
                    let missing = line.missingFields
                    if !missing.isEmpty {
                        try replacement.write(Array(missing.utf8))
                        isCompleted = true
                    }
                    try replacement.write(byte: UInt8(ascii: "\n"))
                } else {
                    dropped += 1
                }
                return true
            }
            if dropped > 0 || isCompleted { try commit(replacement, like: status) }
            return dropped
        }
    }

    /// Puts records in at the places of their names, durably; one whose name is listed already is left out.
    ///
    /// Returns the names that were put in. Readers of release 3.19.1 stop at the first name that is too great, so order matters.
    public func merge(_ records: [XlogRecord]) throws -> [String] {
        try withLockedFile { file throws in
            let status = try file.status()
            let listed = try names(in: file, among: Set(records.map(\.name)))
            var added = records.filter { !listed.contains($0.name) }.sorted { $0.name < $1.name }[...]
            guard !added.isEmpty else { return [] }
            let result = added.map(\.name)
            try file.seek(to: 0)
            var replacement = try replacementFile(like: status)
            var writing = XlogScanner(path: path)
            try writing.scan(file) { line in
                let name = line.name
                while let first = added.first, first.name < name {
                    try replacement.write(first.line.utf8)
                    added.removeFirst()
                }
                try replacement.write(line.bytes)
                let missing = line.missingFields
                if !missing.isEmpty { try replacement.write(missing.utf8) }
                try replacement.write(byte: UInt8(ascii: "\n"))
                return true
            }
            for record in added { try replacement.write(record.line.utf8) }
            try commit(replacement, like: status)
            return result
        }
    }

    // MARK: Parts

    /// A file for the new content, beside the list; both programs take its name for a part of the list, not for WAL.
    func replacementFile(like status: FileStatus?) throws(FileError) -> DurableFile {
        try DurableFile(
            replacing: path,
            permissions: status?.permissions ?? FilePermissions(rawValue: 0o666),
            temporaryName: "\(path.lastComponent?.string ?? "xlog.db").tmp"
        )
    }

    /// Puts the new content in place with the owner and the permissions of the old.
    func commit(_ replacement: consuming DurableFile, like status: FileStatus?) throws(FileError) {
        if let status {
            try FileSystem.setPermissions(replacement.temporaryPath, status.permissions)
            let written = try FileSystem.status(of: replacement.temporaryPath)
            if written.owner != status.owner || written.group != status.group {
                try FileSystem.changeOwner(replacement.temporaryPath, owner: status.owner, group: status.group)
            }
        }
        try replacement.commit()
    }

    func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        try FileLock.withLock(home.lockPath(.xlogDatabase), waiting: true, body)
    }

    func withLockedFile<Result>(_ body: (borrowing OwnedDescriptor) throws -> Result) throws -> Result {
        try withLock {
            try createIfMissing()
            let file = try OwnedDescriptor(opening: path, .readOnly)
            return try body(file)
        }
    }

    /// Makes the list from the archive when there is none; the caller has the lock.
    private func createIfMissing() throws {
        guard try !FileSystem.exists(path) else { return }
        try XlogRebuild(database: self).run(reporter: nil)
        if !home.walsAreInCloud { try FileSystem.unlinkIfPresent(home.legacyXlogDatabasePath) }
    }

    /// What the user sees of an error below; a failure stays what it is.
    static func failure(_ error: any Error) -> Failure {
        switch error {
        case let error as Failure: error
        case let error as FileError: error.catalogFailure
        case let error as LockError: error.catalogFailure
        case let error as XlogLineError: error.failure
        default: Failure("\(error)", kind: .exception, cause: error)
        }
    }
}
