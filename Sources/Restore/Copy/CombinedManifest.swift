import Backup
import Catalog
import Codecs
import Files
import Notation
import SystemPackage
import WAL

/// The `backup_manifest` of a combined backup (PostgreSQL manual, "Backup Manifest Format").
struct CombinedManifest {
    private let info: BackupInfo
    private let files: RestoredFiles.Listed
    /// About what a file takes in the text.
    private static let lineBytes = 220
    /// What the manifest of the newest backup says of WAL, when it has one.
    private let ranges: [UInt8]?

    /// Takes the ranges of WAL from the manifest of the backup that was restored.
    init(of backup: StoredBackup, files: RestoredFiles.Listed) throws {
        info = backup.info
        self.files = files
        let path = backup.data.appending(BackupManifest.fileName)
        // The ranges are at the end, of which a million files are no part.
        let manifest = try FileSystem.exists(path) ? FileSystem.readSuffix(path, count: 1 << 16) : []
        if let start = manifest.lastRange(of: Array("\"WAL-Ranges\"".utf8)),
            let end = manifest.lastRange(of: Array("\"Manifest-Checksum\"".utf8)), start < end
        {
            ranges = Array(manifest[start..<end])
        } else {
            ranges = nil
        }
    }

    /// The text, as pg_combinebackup writes it.
    var contents: [UInt8] {
        var text = "{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n"
        if let id = info.systemID { text += "\"System-Identifier\": \(id),\n" }
        text += "\"Files\": ["
        var bytes = Array(text.utf8)
        bytes.reserveCapacity(files.entries.count * Self.lineBytes)
        for (number, position) in files.entries.byPath.enumerated() {
            bytes += Array(((number == 0 ? "\n" : ",\n") + line(position)).utf8)
        }
        bytes += Array("\n],\n".utf8)
        bytes += ranges ?? Array("\"WAL-Ranges\": [\n\(range)],\n".utf8)
        let checksum = Checksum.hexadecimal(of: bytes)
        bytes += Array("\"Manifest-Checksum\": \"\(checksum)\"}\n".utf8)
        return bytes
    }

    private func line(_ position: Int) -> String {
        let entry = files.entries[position]
        let time = Timestamp(secondsSinceEpoch: files.modifiedSeconds[position]).naiveText
        return "{ \(path(entry.pathBytes)), \"Size\": \(entry.sizeBytes), \"Last-Modified\": \"\(time) GMT\", "
            + "\"Checksum-Algorithm\": \"\(entry.algorithm)\", \"Checksum\": \"\(entry.checksum)\" }"
    }

    /// A path that is no UTF-8 is written in hexadecimal.
    private func path(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) {
            return "\"Path\": \(JSONValue.string(text).text())"
        }
        return "\"Encoded-Path\": \"\(Checksum.hexadecimal(bytes))\""
    }

    private var range: String {
        guard let timeline = info.timeline, let begin = info.beginLSN, let end = info.endLSN else { return "" }
        return "{ \"Timeline\": \(timeline), \"Start-LSN\": \"\(begin)\", \"End-LSN\": \"\(end)\" }\n"
    }
}
