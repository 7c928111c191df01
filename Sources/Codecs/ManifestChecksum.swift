import CCrypto

/// The checksum of a file in a backup manifest, of any algorithm that PostgreSQL writes; fed in pieces.
public struct ManifestChecksum: Sendable {
    private enum State {
        case none
        case crc32c(CRC32C)
        /// SHA-256 and SHA-224 share their state, as do SHA-512 and SHA-384.
        case short(SHA256_CTX, isTruncated: Bool)
        case long(SHA512_CTX, isTruncated: Bool)
    }

    private var state: State

    /// Begins by the name in the manifest; `nil` for a name that no release of PostgreSQL writes.
    public init?(algorithm: String) {
        // These functions do nothing that can fail: they change the state they are given (openssl: SHA256_Init(3)).
        switch algorithm.uppercased() {
        case "NONE": state = .none
        case "CRC32C": state = .crc32c(CRC32C())
        case "SHA224", "SHA256":
            var context = SHA256_CTX()
            let isTruncated = algorithm.uppercased() == "SHA224"
            _ = isTruncated ? SHA224_Init(&context) : SHA256_Init(&context)
            state = .short(context, isTruncated: isTruncated)
        case "SHA384", "SHA512":
            var context = SHA512_CTX()
            let isTruncated = algorithm.uppercased() == "SHA384"
            _ = isTruncated ? SHA384_Init(&context) : SHA512_Init(&context)
            state = .long(context, isTruncated: isTruncated)
        default: return nil
        }
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let address = bytes.baseAddress else { return }
        switch state {
        case .none: break
        case .crc32c(var checksum):
            checksum.update(bytes)
            state = .crc32c(checksum)
        case .short(var context, let isTruncated):
            SHA256_Update(&context, address, bytes.count)
            state = .short(context, isTruncated: isTruncated)
        case .long(var context, let isTruncated):
            SHA512_Update(&context, address, bytes.count)
            state = .long(context, isTruncated: isTruncated)
        }
    }

    /// The checksum of all bytes so far, as the manifest writes it; `nil` when there is none.
    public func hexadecimal() -> String? {
        var digest: [UInt8]
        switch state {
        case .none: return nil
        case .crc32c(let checksum): return CRC32C.hexadecimal(checksum.value)
        case .short(var context, let isTruncated):
            digest = [UInt8](repeating: 0, count: isTruncated ? 28 : 32)
            _ = isTruncated ? SHA224_Final(&digest, &context) : SHA256_Final(&digest, &context)
        case .long(var context, let isTruncated):
            digest = [UInt8](repeating: 0, count: isTruncated ? 48 : 64)
            _ = isTruncated ? SHA384_Final(&digest, &context) : SHA512_Final(&digest, &context)
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
