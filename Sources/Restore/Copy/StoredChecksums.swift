import Backup
import Catalog
import Synchronization
import SystemPackage

/// What the manifests of a chain say of files that are restored as they are stored: then nobody has to read them for a checksum.
final class StoredChecksums: Sendable {
    /// A checksum of a file.
    struct Known: Sendable {
        /// As the manifest names it: `CRC32C`, `SHA256`.
        let algorithm: String
        /// In hexadecimal.
        let text: String
    }

    private let manifests = Mutex<[String: PackedEntries]>([:])

    /// The checksum of a file of this size in a backup; `nil` when its manifest does not tell.
    func known(_ path: FilePath, sizeBytes: Int64, in backup: StoredBackup) -> Known? {
        let entry = manifests.withLock { manifests -> ManifestEntry? in
            if manifests[backup.info.id] == nil { manifests[backup.info.id] = Self.read(backup) }
            guard let entries = manifests[backup.info.id] else { return nil }
            return entries.position(of: path.bytes).map { entries[$0] }
        }
        guard let entry, entry.sizeBytes == sizeBytes, !entry.checksum.isEmpty else { return nil }
        return Known(algorithm: entry.algorithm, text: entry.checksum)
    }

    /// A manifest that cannot be read tells nothing; `verify-backup` says what is wrong with it.
    private static func read(_ backup: StoredBackup) -> PackedEntries {
        (try? ManifestFile(reading: backup.data.appending(BackupManifest.fileName)).entries) ?? PackedEntries()
    }
}
