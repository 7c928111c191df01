import CDigest

/// How the identity of contents is proved.
public enum ChecksumAlgorithm: Sendable, CaseIterable {
    /// SHA-256 (FIPS 180-4).
    case sha256
    /// MD5 (RFC 1321), for peers of before release 3.
    case md5

    /// The name of the tar member that lists checksums of this kind.
    public var listName: String {
        switch self {
        case .sha256: "SHA256SUMS"
        case .md5: "MD5SUMS"
        }
    }
}

/// A checksum in the making, fed in pieces.
public struct Checksum: Sendable {
    /// How it is computed.
    public let algorithm: ChecksumAlgorithm
    private var state = digest_state()

    /// The checksum of nothing yet.
    public init(_ algorithm: ChecksumAlgorithm = .sha256) {
        self.algorithm = algorithm
        switch algorithm {
        case .sha256: digest_sha256_start(&state)
        case .md5: digest_md5_start(&state)
        }
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let address = bytes.baseAddress else { return }
        switch algorithm {
        case .sha256: digest_sha256_update(&state, address, bytes.count)
        case .md5: digest_md5_update(&state, address, bytes.count)
        }
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The checksum of all bytes so far, in lower-case hexadecimal.
    public func hexadecimal() -> String {
        var final = state
        let count = algorithm == .sha256 ? 32 : 16
        let digest = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            switch algorithm {
            case .sha256: digest_sha256_finish(&final, buffer.baseAddress)
            case .md5: digest_md5_finish(&final, buffer.baseAddress)
            }
            filled = count
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// The checksum of bytes in memory.
    public static func hexadecimal(of bytes: [UInt8], _ algorithm: ChecksumAlgorithm = .sha256) -> String {
        var checksum = Checksum(algorithm)
        checksum.update(bytes)
        return checksum.hexadecimal()
    }
}
