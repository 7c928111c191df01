import Codecs
import Files
import SystemPackage

/// Files that the backup host has made durable before PostgreSQL asked for it.
///
/// One file in a private directory for each server and cluster, replaced durably after `put-wal` has succeeded. A confirmation is
/// bound to the file itself: its place on disk, size and times, so that a recycled segment is never taken for it.
struct Acknowledgements {
    /// One confirmed file.
    struct Entry: Equatable {
        let name: String
        let identity: String

        init(name: String, status: FileStatus) {
            self.name = name
            identity = Self.identity(status)
        }

        static func identity(_ status: FileStatus) -> String {
            [
                "\(status.device)", "\(status.inode)", "\(status.sizeBytes)",
                "\(status.modifiedSeconds).\(status.modifiedNanoseconds)",
                "\(status.changedSeconds).\(status.changedNanoseconds)",
            ].joined(separator: " ")
        }
    }

    private let path: FilePath
    private static let title = "barman-wal acknowledgements 1"

    init(directory: FilePath, key: String) {
        path = directory.appending("sent-\(key)")
    }

    /// Whether the file, as it is now, is confirmed.
    func contains(_ file: FilePath) -> Bool {
        // What cannot be read confirms nothing.
        guard let contents = try? FileSystem.readIfPresent(path, limit: 1 << 20),
            let lines = Self.intactLines(contents),
            let status = try? FileSystem.status(of: file), let name = file.lastComponent?.string
        else { return false }
        return lines.contains("\(name) \(Entry.identity(status))")
    }

    /// The lines of a file that was written to its end.
    private static func intactLines(_ contents: [UInt8]) -> [String]? {
        let text = String(decoding: contents, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 3, lines.first == title, lines.last == "" else { return nil }
        let body = lines.dropLast(2)
        let expected = Checksum.hexadecimal(of: Array(body.map { $0 + "\n" }.joined().utf8))
        return lines[lines.count - 2] == expected ? Array(body.dropFirst()) : nil
    }

    /// Confirms these files and no others, durably.
    func replace(with entries: [Entry]) throws(FileError) {
        let lines = [Self.title] + entries.map { "\($0.name) \($0.identity)" }
        let body = lines.map { $0 + "\n" }.joined()
        let contents = Array((body + Checksum.hexadecimal(of: Array(body.utf8)) + "\n").utf8)
        try FileSystem.replaceDurably(path, contents: contents, permissions: FilePermissions(rawValue: 0o600))
    }
}
