public import Failure
public import Files
import SystemPackage

/// What a `keep` annotation protects.
public enum KeepTarget: String, Sendable, CaseIterable {
    /// The backup and all WAL from it on.
    case full
    /// The backup and the WAL that makes it consistent.
    case standalone
}

/// The annotations of one server's backups: small files beside the records (catalog-formats.md 10).
public struct Annotations: Sendable {
    /// The server.
    public let home: ServerHome

    /// The annotations of a server.
    public init(_ home: ServerHome) {
        self.home = home
    }

    /// What a backup is kept for; nil when it is not, or when the annotation is empty.
    ///
    /// Any text but `standalone` means `full`.
    public func keepTarget(of id: String) throws(FileError) -> KeepTarget? {
        try value(of: "keep", for: id).flatMap(Self.keepTarget)
    }

    private static func keepTarget(_ text: String) -> KeepTarget? {
        guard !text.isEmpty else { return nil }
        return text == KeepTarget.standalone.rawValue ? .standalone : .full
    }

    /// The same without moving an annotation of an older release to its new place, for questions that the reference does not ask.
    public func keepTargetInPlace(of id: String) throws(FileError) -> KeepTarget? {
        var bytes = try FileSystem.readIfPresent(path("keep", id))
        if bytes == nil, !home.basebackupsAreInCloud { bytes = try FileSystem.readIfPresent(legacyPath("keep", id)) }
        return bytes.flatMap { Self.keepTarget(String(decoding: $0, as: UTF8.self)) }
    }

    /// Whether there is a keep annotation, even an empty one; such a backup is not deleted.
    public func isKept(_ id: String) throws(FileError) -> Bool {
        try value(of: "keep", for: id) != nil
    }

    /// Protects a backup durably, or changes what it is kept for; refuses incomplete and incremental backups.
    public func keep(_ info: BackupInfo, _ target: KeepTarget) throws(Failure) {
        guard info.status == .done else {
            throw Failure(
                "Cannot add keep to backup \(info.id) because it has status \(info.status.rawValue). "
                    + "Only backups with status DONE can be kept."
            )
        }
        guard !info.isIncremental else {
            throw Failure(
                "Unable to execute the keep command on backup \(info.id): is an incremental backup.\n"
                    + "Only full backups are eligible for the use of the keep command."
            )
        }
        try namingFailure { () throws(FileError) in try set("keep", to: target.rawValue, for: info.id) }
    }

    /// Ends the protection of a backup; nothing happens when there is none.
    public func release(_ id: String) throws(FileError) {
        try remove("keep", for: id)
    }

    /// Whether a deletion of the backup was begun and not finished.
    public func isMarkedForDeletion(_ id: String) throws(FileError) -> Bool {
        try value(of: "delete_this", for: id) != nil
    }

    /// Remembers durably that a deletion of the backup has begun.
    public func markForDeletion(_ id: String) throws(FileError) {
        try set("delete_this", to: "delete", for: id)
    }

    /// Forgets that a deletion has begun; the backup is gone.
    public func removeDeletionMark(_ id: String) throws(FileError) {
        try remove("delete_this", for: id)
    }

    // MARK: Files

    private func path(_ key: String, _ id: String) -> FilePath { home.metaDirectory.appending("\(id)-\(key)") }

    private func legacyPath(_ key: String, _ id: String) -> FilePath {
        home.backupDirectory(of: id).appending("annotations").appending(key)
    }

    private func value(of key: String, for id: String) throws(FileError) -> String? {
        var bytes = try FileSystem.readIfPresent(path(key, id))
        if bytes == nil { bytes = try legacyValue(of: key, for: id) }
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The value where releases before 3.13.3 kept it; moves it to where it belongs now.
    private func legacyValue(of key: String, for id: String) throws(FileError) -> [UInt8]? {
        guard !home.basebackupsAreInCloud else { return nil }
        let legacy = legacyPath(key, id)
        guard let bytes = try FileSystem.readIfPresent(legacy) else { return nil }
        do throws(FileError) {
            try migrate(legacy, to: path(key, id))
        } catch {
            // Who may only read still gets the value; the move waits for somebody who may write.
            guard error.isPermissionDenied || error.errno == .readOnlyFileSystem else { throw error }
        }
        return bytes
    }

    private func migrate(_ legacy: FilePath, to path: FilePath) throws(FileError) {
        try FileSystem.createDirectories(home.metaDirectory)
        try FileSystem.rename(legacy, to: path)
        try FileSystem.syncDirectory(home.metaDirectory)
    }

    private func set(_ key: String, to text: String, for id: String) throws(FileError) {
        try FileSystem.createDirectories(home.metaDirectory)
        try FileSystem.replaceDurably(path(key, id), contents: Array(text.utf8))
        // The old place must not speak again when the new one is removed.
        if !home.basebackupsAreInCloud { try FileSystem.unlinkIfPresent(legacyPath(key, id)) }
    }

    private func remove(_ key: String, for id: String) throws(FileError) {
        if !home.basebackupsAreInCloud { try FileSystem.unlinkIfPresent(legacyPath(key, id)) }
        if try FileSystem.unlinkIfPresent(path(key, id)) {
            try FileSystem.syncDirectory(home.metaDirectory)
        }
    }
}
