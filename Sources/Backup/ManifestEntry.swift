import Codecs
public import Failure
import Files
import Notation
public import SystemPackage

/// One file in the `backup_manifest` of a backup (PostgreSQL manual, "Backup Manifest Format").
public struct ManifestEntry: Sendable {
    /// Where it is in the data directory; files of tablespaces are below `pg_tblspc/OID`.
    public let path: String
    /// Its size.
    public let sizeBytes: Int64
    /// How its checksum was made; `NONE` without one.
    public let algorithm: String
    /// The checksum in lower-case hexadecimal.
    public let checksum: String

    /// Reads a manifest and checks it against its own checksum; throws `Failure`.
    public static func read(_ path: FilePath) throws(Failure) -> [ManifestEntry] {
        let bytes: [UInt8]
        let document: JSONValue
        do {
            bytes = try FileSystem.read(path, limit: 1 << 30)
            document = try JSONValue(parsing: bytes)
        } catch {
            throw Failure("could not read the manifest '\(path)': \(error)")
        }
        let key = Array("\"Manifest-Checksum\"".utf8)
        guard let start = bytes.lastRange(of: key),
            let expected = document["Manifest-Checksum"]?.stringValue,
            Checksum.hexadecimal(of: Array(bytes[..<start])) == expected.lowercased()
        else { throw Failure("manifest checksum mismatch in '\(path)'") }
        guard let files = document["Files"]?.arrayValue else { throw Failure("the manifest '\(path)' lists no files") }
        return try files.map { file throws(Failure) in
            guard let name = name(of: file), let size = file["Size"]?.integerValue else {
                throw Failure("the manifest '\(path)' holds an entry without path or size: \(file.text())")
            }
            return ManifestEntry(
                path: name,
                sizeBytes: size,
                algorithm: file["Checksum-Algorithm"]?.stringValue ?? "NONE",
                checksum: file["Checksum"]?.stringValue?.lowercased() ?? ""
            )
        }
    }

    /// What may differ after a backup, and WAL, which is not part of what is checked (PostgreSQL manual, pg_verifybackup).
    public static func mayDiffer(_ path: String) -> Bool {
        ["backup_manifest", "postgresql.auto.conf", "recovery.signal", "standby.signal"].contains(path)
            || path.hasPrefix("pg_wal/")
    }

    /// The path of an entry, which is in hexadecimal when it is no UTF-8; nil for one that leads out of the backup.
    private static func name(of file: JSONValue) -> String? {
        var name = file["Path"]?.stringValue
        if let encoded = file["Encoded-Path"]?.stringValue {
            let digits = encoded.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == encoded.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
            let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
            name = String(decoding: bytes, as: UTF8.self)
        }
        guard let name, !name.isEmpty, !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
            return nil
        }
        return name
    }
}

extension [UInt8] {
    /// Where the last occurrence of some bytes begins.
    fileprivate func lastRange(of needle: [UInt8]) -> Int? {
        guard count >= needle.count else { return nil }
        return stride(from: count - needle.count, through: 0, by: -1).first { self[$0...].starts(with: needle) }
    }
}
