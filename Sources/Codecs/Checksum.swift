import CCrypto

/// How the identity of contents is proved.
public enum ChecksumAlgorithm: Sendable, CaseIterable {
    /// SHA-256 (FIPS 180-4).
    case sha256
    /// MD5 (RFC 1321), for peers of before release 3.
    case md5
    /// CRC-32C (RFC 3720), which guards PostgreSQL's WAL records and manifests: against accidents, between our own programs.
    case crc32c

    /// The name of the tar member that lists checksums of this kind.
    public var listName: String {
        switch self {
        case .sha256: "SHA256SUMS"
        case .md5: "MD5SUMS"
        case .crc32c: "CRC32CSUMS"
        }
    }
}

/// A checksum in the making, fed in pieces; libcrypto does the work.
public struct Checksum: Sendable {
    private enum State {
        case sha256(SHA256_CTX)
        case md5(MD5_CTX)
        case crc32c(CRC32C)
    }

    private var state: State

    /// The checksum of nothing yet.
    public init(_ algorithm: ChecksumAlgorithm = .sha256) {
        // These functions do nothing that can fail: they change the state they are given (openssl: SHA256_Init(3), MD5_Init(3)).
        switch algorithm {
        case .sha256:
            var context = SHA256_CTX()
            SHA256_Init(&context)
            state = .sha256(context)
        case .md5:
            var context = MD5_CTX()
            MD5_Init(&context)
            state = .md5(context)
        case .crc32c:
            state = .crc32c(CRC32C())
        }
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let address = bytes.baseAddress else { return }
        switch state {
        case .sha256(var context):
            SHA256_Update(&context, address, bytes.count)
            state = .sha256(context)
        case .md5(var context):
            MD5_Update(&context, address, bytes.count)
            state = .md5(context)
        case .crc32c(var checksum):
            checksum.update(bytes)
            state = .crc32c(checksum)
        }
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The checksum of all bytes so far.
    public func digest() -> [UInt8] {
        var digest: [UInt8]
        switch state {
        case .sha256(var context):
            digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
            SHA256_Final(&digest, &context)
        case .md5(var context):
            digest = [UInt8](repeating: 0, count: Int(MD5_DIGEST_LENGTH))
            MD5_Final(&digest, &context)
        case .crc32c(let checksum):
            digest = checksum.digest()
        }
        return digest
    }

    /// The checksum of all bytes so far, in lower-case hexadecimal.
    public func hexadecimal() -> String { Self.hexadecimal(digest()) }

    /// Bytes in lower-case hexadecimal.
    public static func hexadecimal(_ digest: [UInt8]) -> String {
        func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) }
        return String(unsafeUninitializedCapacity: digest.count * 2) { text in
            for (index, byte) in digest.enumerated() {
                text[index * 2] = digit(byte >> 4)
                text[index * 2 + 1] = digit(byte & 15)
            }
            return digest.count * 2
        }
    }

    /// The checksum of bytes in memory.
    public static func hexadecimal(of bytes: [UInt8], _ algorithm: ChecksumAlgorithm = .sha256) -> String {
        var checksum = Checksum(algorithm)
        checksum.update(bytes)
        return checksum.hexadecimal()
    }
}
