public import Failure

extension BackupCatalog {
    /// The words that name a backup by its place in the catalog; none can be a backup's name.
    public static let reservedNames = [
        "latest", "last", "oldest", "first", "last-failed", "latest-full", "last-full", "auto",
    ]

    /// Finds the backup that a user means: a reserved word, an id, or the name of a completed backup (commands.md 1.12).
    public func resolve(_ identifier: String) throws(Failure) -> BackupInfo {
        guard let info = try find(identifier) else {
            throw Failure("Unknown backup '\(identifier)' for server '\(home.name)'")
        }
        return info
    }

    /// Whether a text has the form of a backup id: `YYYYMMDDTHHMMSS`.
    public static func isBackupID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 15
            && bytes.enumerated().allSatisfy { index, byte in
                index == 8 ? byte == UInt8(ascii: "T") : byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            }
    }

    private func find(_ identifier: String) throws(Failure) -> BackupInfo? {
        switch identifier {
        case "latest", "last": return newest()
        case "oldest", "first": return oldest()
        case "last-failed": return newest([.failed])
        case "latest-full", "last-full": return newest(types: [.full, .rsync])
        case _ where BackupCatalog.isBackupID(identifier): return self[identifier]
        default: return try named(identifier)
        }
    }

    private func named(_ name: String) throws(Failure) -> BackupInfo? {
        let matches = backups(.completed).filter { $0.backupName == name }
        guard matches.count <= 1 else {
            let ids = matches.map(\.id).joined(separator: " ")
            throw Failure(
                "Multiple backups found matching name '\(name)' (try using backup ID instead): \(ids)"
            )
        }
        return matches.first
    }
}
