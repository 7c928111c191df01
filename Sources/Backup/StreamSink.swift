import Codecs
import Failure
import Files
import Replication
import SystemPackage

/// Where the archives of a streamed backup go; one thread uses it, and ends it with `finish` or `abandon`.
protocol StreamSink: AnyObject {
    /// The backup will bring these archives.
    func prepare(_ archives: [BaseBackupArchive]) throws
    /// An archive begins.
    func begin(_ archive: BaseBackupArchive) throws
    /// The next bytes of it, as they came.
    func take(_ bytes: UnsafeRawBufferPointer) throws
    /// It is complete.
    func complete() throws
    /// All archives are complete: returns when everything is written, though not synced.
    func finish() throws
    /// Drops what is not written.
    func abandon()
    /// The text of `backup_label`, once it has come.
    var backupLabel: [UInt8]? { get }
}

/// What a sink needs to know.
struct StreamTarget {
    /// The directory of the backup.
    let directory: FilePath
    let format: StreamFormat
    /// Whom the archives are encrypted to; `nil` for nobody.
    let encryptionKey: String?
    let pathPrefix: String?
    /// Called several times a second while a sink waits for its threads.
    let check: () throws -> Void

    var dataDirectory: FilePath { directory.appending("data") }
}

/// Follows the members of an archive: checksums for the manifest, and the label of the backup.
struct MemberTracker {
    /// A name that is no place below a directory, or a member that PostgreSQL does not send.
    struct UnexpectedMember: Error, CustomStringConvertible {
        let description: String
    }

    private let ledger: FileLedger
    private var prefix: [UInt8] = []
    private var isDataDirectory = false
    private var number: Int?
    private var sizeBytes: Int64 = 0
    private var checksum = CRC32C()
    private var gathersLabel = false
    private var gathered: [UInt8] = []
    /// The text of `backup_label`.
    private(set) var backupLabel: [UInt8]?

    /// A label is a few lines.
    private static let longestLabel = 1 << 16

    init(_ ledger: FileLedger) {
        self.ledger = ledger
    }

    /// An archive begins.
    mutating func begin(_ archive: BaseBackupArchive) {
        isDataDirectory = archive.tablespaceOID == nil
        prefix = archive.tablespaceOID.map { Array("pg_tblspc/\($0)/".utf8) } ?? []
    }

    /// A file begins; returns its number in the ledger.
    mutating func beginFile(_ member: TarMember) throws -> Int {
        let next = ledger.begin(prefix + member.name)
        number = next
        sizeBytes = 0
        checksum = CRC32C()
        gathersLabel = isDataDirectory && member.name.elementsEqual("backup_label".utf8)
        if gathersLabel, member.sizeBytes > Self.longestLabel {
            throw UnexpectedMember(description: "a backup_label of \(member.sizeBytes) bytes")
        }
        return next
    }

    /// More of the file.
    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        sizeBytes += Int64(bytes.count)
        checksum.update(bytes)
        if gathersLabel { gathered.append(contentsOf: bytes) }
    }

    /// The member is complete; false when it was no file.
    mutating func end() -> Bool {
        guard let number else { return false }
        ledger.complete(number, sizeBytes: sizeBytes, crc32c: checksum.value)
        self.number = nil
        if gathersLabel {
            backupLabel = gathered
            gathersLabel = false
        }
        return true
    }

    /// The place of a member below the directory of its archive; refuses names that lead out of it.
    static func place(of member: TarMember) throws -> FilePath {
        // `./pg_wal/archive_status/` is how the server names a directory that it makes up.
        let parts = member.name.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
        let isUnsafe = parts.contains { $0.elementsEqual("..".utf8) || $0.contains(0) }
        guard member.name.first != UInt8(ascii: "/"), !parts.isEmpty, !isUnsafe else {
            throw UnexpectedMember(description: "unsafe path '\(member.text)' in the base backup")
        }
        let name = parts.joined(separator: [UInt8(ascii: "/")]).map { CChar(bitPattern: $0) } + [0]
        return name.withUnsafeBufferPointer { text in
            text.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
        }
    }
}
