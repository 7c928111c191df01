public import Catalog
import Codecs
import Failure
import Files
import Notation
import Pipeline
import Processes
import SystemPackage

/// The `backup_manifest` of a backup made by rsync (PostgreSQL manual, "Backup Manifest Format").
public enum BackupManifest {
    /// What is known of one file.
    private struct Entry: Sendable {
        let path: FilePath
        let sizeBytes: Int64
        let modifiedSeconds: Int64
    }

    /// Reads every file of the backup's data directory and stores its manifest there, durably.
    ///
    /// Throws when there is a manifest already.
    public static func write(for info: BackupInfo, in home: ServerHome) throws {
        let data = try home.dataDirectory(of: info.id)
        let file = data.appending("backup_manifest")
        guard try !FileSystem.exists(file) else { throw Failure("File \(file) already exists.", kind: .exception) }
        var entries: [Entry] = []
        try FileSystem.walk(data) { entry in
            guard entry.status.kind == .regular else { return }
            entries.append(
                Entry(
                    path: entry.relativePath,
                    sizeBytes: entry.status.sizeBytes,
                    modifiedSeconds: entry.status.modifiedSeconds
                )
            )
        }
        let lines = try self.lines(entries, in: data)
        let text =
            "{\"PostgreSQL-Backup-Manifest-Version\": 1,\n\"Files\": [\n"
            + lines.joined(separator: ",\n") + "],\n"
        let checksum = Checksum.hexadecimal(of: Array(text.utf8))
        try FileSystem.replaceDurably(file, contents: Array((text + "\"Manifest-Checksum\": \"\(checksum)\"}\n").utf8))
    }

    private static func lines(_ entries: [Entry], in data: FilePath) throws -> [String] {
        var lines: [String] = []
        try Workers.map(
            entries,
            count: Workers.coreCount,
            window: 1024,
            check: { try SignalWatch.check() },
            body: { entry in try checksum(of: data.pushing(entry.path)) },
            inOrder: { index, checksum in
                let entry = entries[index]
                let time = Timestamp(secondsSinceEpoch: entry.modifiedSeconds).naiveText
                lines.append(
                    JSONValue.object([
                        ("Checksum", .string(checksum)), ("Checksum-Algorithm", .string("SHA256")),
                        ("Last-Modified", .string(time)), ("Path", .string(entry.path.string)),
                        ("Size", .integer(entry.sizeBytes)),
                    ]).text()
                )
            }
        )
        return lines
    }

    private static func checksum(of path: FilePath) throws -> String {
        let file = try OwnedDescriptor(opening: path)
        file.expectSequentialReading()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var digest = Checksum()
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return digest.hexadecimal() }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
