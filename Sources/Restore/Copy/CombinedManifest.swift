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
    private let entries: [RestoredFiles.Entry]
    /// What the manifest of the newest backup says of WAL, when it has one.
    private let ranges: [UInt8]?

    /// Takes the ranges of WAL from the manifest of the backup that was restored.
    init(of backup: StoredBackup, entries: [RestoredFiles.Entry]) throws {
        info = backup.info
        self.entries = entries
        let manifest =
            try FileSystem.readIfPresent(backup.data.appending(BackupManifest.fileName), limit: 1 << 30) ?? []
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
        text += entries.map { "\n" + line($0) }.joined(separator: ",")
        text += "\n],\n"
        var bytes = Array(text.utf8) + (ranges ?? Array("\"WAL-Ranges\": [\n\(range)],\n".utf8))
        let checksum = Checksum.hexadecimal(of: bytes)
        bytes += Array("\"Manifest-Checksum\": \"\(checksum)\"}\n".utf8)
        return bytes
    }

    private func line(_ entry: RestoredFiles.Entry) -> String {
        let time = Timestamp(secondsSinceEpoch: entry.modifiedSeconds).naiveText
        return "{ \(path(entry.path)), \"Size\": \(entry.sizeBytes), \"Last-Modified\": \"\(time) GMT\", "
            + "\"Checksum-Algorithm\": \"\(entry.checksum.algorithm)\", \"Checksum\": \"\(entry.checksum.text)\" }"
    }

    /// A path that is no UTF-8 is written in hexadecimal.
    private func path(_ path: FilePath) -> String {
        let bytes = path.withPlatformString { text in
            UnsafeBufferPointer(start: text, count: path.length).map(UInt8.init(bitPattern:))
        }
        if let text = String(validating: bytes, as: UTF8.self) {
            return "\"Path\": \(JSONValue.string(text).text())"
        }
        let digits = Array("0123456789abcdef")
        return "\"Encoded-Path\": \"\(String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }))\""
    }

    private var range: String {
        guard let timeline = info.timeline, let begin = info.beginLSN, let end = info.endLSN else { return "" }
        return "{ \"Timeline\": \(timeline), \"Start-LSN\": \"\(begin)\", \"End-LSN\": \"\(end)\" }\n"
    }
}
