import Files
import SystemPackage

/// How an archived file is stored, told from its first bytes.
///
/// The catalog is rebuilt by rooms that know no codec, so it knows the marks, and only the marks, itself.
struct StoredFormat: Equatable {
    let compression: String?
    let encryption: String?

    static func of(_ path: FilePath) throws(FileError) -> StoredFormat {
        StoredFormat(prefix: try FileSystem.readPrefix(path, count: 32))
    }

    init(prefix: [UInt8]) {
        if StoredFormat.isEncrypted(prefix) {
            compression = nil
            encryption = "gpg"
        } else {
            compression = StoredFormat.marks.first { prefix.starts(with: $0.bytes) }?.name
            encryption = nil
        }
    }

    private static let marks: [(name: String, bytes: [UInt8])] = [
        ("gzip", [0x1F, 0x8B, 0x08]),
        ("bzip2", Array("BZh".utf8)),
        ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        ("zstd", [0x28, 0xB5, 0x2F, 0xFD]),
        ("lz4", [0x04, 0x22, 0x4D, 0x18]),
        ("snappy", [0xFF, 0x06, 0x00, 0x00] + Array("sNaPpY".utf8)),
    ]

    /// Whether OpenPGP data begins here: a session key encrypted to a public key (RFC 4880, 5.1), or its armour.
    private static func isEncrypted(_ prefix: [UInt8]) -> Bool {
        if prefix.starts(with: "-----BEGIN PGP MESSAGE-----".utf8) { return true }
        guard let tag = prefix.first else { return false }
        let version: Int
        switch tag {
        case 0x84: version = 2
        case 0x85: version = 3
        case 0x86: version = 5
        case 0xC1:
            guard prefix.count > 1 else { return false }
            version = prefix[1] < 192 ? 2 : prefix[1] < 224 ? 3 : 6
        default: return false
        }
        return version < prefix.count && prefix[version] == 3
    }
}
