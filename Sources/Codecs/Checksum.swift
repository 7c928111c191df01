import CCrypto

/// How the identity of contents is proved; the raw value is the name in PostgreSQL's manifests, but for MD5, which is in none.
public enum ChecksumAlgorithm: String, Sendable, CaseIterable {
    /// SHA-224 (FIPS 180-4).
    case sha224 = "SHA224"
    /// SHA-256 (FIPS 180-4).
    case sha256 = "SHA256"
    /// SHA-384 (FIPS 180-4).
    case sha384 = "SHA384"
    /// SHA-512 (FIPS 180-4).
    case sha512 = "SHA512"
    /// MD5 (RFC 1321), for peers of before release 3.
    case md5 = "MD5"
    /// CRC-32C (RFC 3720), which guards WAL records too: against accidents alone.
    case crc32c = "CRC32C"

    /// The name of a file that lists checksums of this kind.
    public var listName: String { rawValue + "SUMS" }

    /// The length of a checksum.
    var byteCount: Int {
        switch self {
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        case .md5: 16
        case .crc32c: 4
        }
    }
}

/// A checksum in the making, fed in pieces; libcrypto does the work.
public struct Checksum: Sendable {
    private enum State {
        /// SHA-256 and SHA-224 share their state, as do SHA-512 and SHA-384.
        case short(SHA256_CTX)
        case long(SHA512_CTX)
        case md5(MD5_CTX)
        case crc32c(CRC32C)
    }

    private let algorithm: ChecksumAlgorithm
    private var state: State

    /// The checksum of nothing yet.
    public init(_ algorithm: ChecksumAlgorithm = .sha256) {
        self.algorithm = algorithm
        // These functions do nothing that can fail: they change the state they are given (openssl: SHA256_Init(3), MD5_Init(3)).
        switch algorithm {
        case .sha224, .sha256:
            var context = SHA256_CTX()
            _ = algorithm == .sha224 ? SHA224_Init(&context) : SHA256_Init(&context)
            state = .short(context)
        case .sha384, .sha512:
            var context = SHA512_CTX()
            _ = algorithm == .sha384 ? SHA384_Init(&context) : SHA512_Init(&context)
            state = .long(context)
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
        case .short(var context):
            SHA256_Update(&context, address, bytes.count)
            state = .short(context)
        case .long(var context):
            SHA512_Update(&context, address, bytes.count)
            state = .long(context)
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
        var digest = [UInt8](repeating: 0, count: algorithm.byteCount)
        switch state {
        case .short(var context):
            _ = algorithm == .sha224 ? SHA224_Final(&digest, &context) : SHA256_Final(&digest, &context)
        case .long(var context):
            _ = algorithm == .sha384 ? SHA384_Final(&digest, &context) : SHA512_Final(&digest, &context)
        case .md5(var context): MD5_Final(&digest, &context)
        case .crc32c(let checksum): return checksum.digest()
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
