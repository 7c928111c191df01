/// The checksum of a file in a backup manifest, of any algorithm that PostgreSQL writes; fed in pieces.
public struct ManifestChecksum: Sendable {
    /// `nil` where the manifest has none.
    private var checksum: Checksum?

    /// Begins by the name in the manifest; `nil` for a name that no release of PostgreSQL writes.
    public init?(algorithm: String) {
        let name = algorithm.uppercased()
        guard name != "NONE" else { return }
        guard let algorithm = ChecksumAlgorithm(rawValue: name), algorithm != .md5 else { return nil }
        checksum = Checksum(algorithm)
    }

    /// Takes more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { checksum?.update(bytes) }

    /// The checksum of all bytes so far, as the manifest writes it; `nil` when there is none.
    public func hexadecimal() -> String? { checksum?.hexadecimal() }
}
