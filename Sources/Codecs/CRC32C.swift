import CCRC32C

/// CRC-32C (RFC 3720, appendix B.4), by the processor's own instruction where it has one.
public struct CRC32C: Sendable, Equatable {
    private var state: UInt32 = ~0

    /// The checksum of nothing yet.
    public init() {}

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~state }

    /// Takes more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        state =
            Self.isInHardware
            ? crc32c_hardware(state, start, UInt(bytes.count))
            : Self.updated(state, bytes)
    }

    /// The checksum of all bytes so far, its bytes as they lie in memory on the machines PostgreSQL runs on: the order of its manifests.
    public func digest() -> [UInt8] { Self.digest(value) }

    /// A value as PostgreSQL's manifests write it.
    public static func hexadecimal(_ value: UInt32) -> String { Checksum.hexadecimal(digest(value)) }

    private static func digest(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private static let isInHardware = crc32c_hardware_available() == 1

    // MARK: Without the instruction, eight bytes at a time

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            tables[byte] = value
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables[index] = (previous >> 8) ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()

    /// The state after more bytes, computed by tables.
    static func updated(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var value = start
            var offset = 0
            while bytes.count - offset >= 8 {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ UInt64(value)
                value = 0
                for place in 0..<8 {
                    value ^= table[(7 - place) * 256 + Int(truncatingIfNeeded: (word >> UInt64(place * 8)) & 0xFF)]
                }
                offset += 8
            }
            while offset < bytes.count {
                value = (value >> 8) ^ table[Int(UInt8(truncatingIfNeeded: value) ^ bytes[offset])]
                offset += 1
            }
            return value
        }
    }
}
