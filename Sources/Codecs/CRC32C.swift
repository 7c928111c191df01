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
        state = Self.isInHardware ? Self.updatedInHardware(state, bytes) : Self.updated(state, bytes)
    }

    /// The checksum of all bytes so far, its bytes as they lie in memory on the machines PostgreSQL runs on: the order of its manifests.
    public func digest() -> [UInt8] { Self.digest(value) }

    /// A value as PostgreSQL's manifests write it.
    public static func hexadecimal(_ value: UInt32) -> String { Checksum.hexadecimal(digest(value)) }

    private static func digest(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    private static let isInHardware = crc32c_hardware_available() == 1

    // MARK: With the instruction

    /// The instruction takes three cycles and can begin in each: so three runs of this length are computed side by side.
    private static let laneBytes = 4096

    private static func updatedInHardware(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard var address = bytes.bindMemory(to: UInt8.self).baseAddress else { return start }
        var value = start
        var leftBytes = bytes.count
        while leftBytes >= 3 * laneBytes {
            // What follows a run is added to what the run makes of as many zeros: the checksum is linear.
            var (first, second, third) = (value, UInt32(0), UInt32(0))
            crc32c_hardware_lanes(&first, &second, &third, address, UInt(laneBytes))
            value = advanced(advanced(first) ^ second) ^ third
            address += 3 * laneBytes
            leftBytes -= 3 * laneBytes
        }
        return crc32c_hardware(value, address, UInt(leftBytes))
    }

    /// The state after a run of zeros.
    private static func advanced(_ value: UInt32) -> UInt32 {
        laneTables.withUnsafeBufferPointer { table in
            table[Int(value & 0xFF)] ^ table[256 + Int(value >> 8 & 0xFF)] ^ table[512 + Int(value >> 16 & 0xFF)]
                ^ table[768 + Int(value >> 24)]
        }
    }

    /// What a run of zeros makes of each byte of a state.
    private static let laneTables: [UInt32] = {
        let zeros = [UInt8](repeating: 0, count: laneBytes)
        var tables = [UInt32](repeating: 0, count: 4 * 256)
        for bit in 0..<32 {
            let image = crc32c_hardware(1 << UInt32(bit), zeros, UInt(laneBytes))
            for byte in 0..<256 where byte >> (bit % 8) & 1 == 1 { tables[bit / 8 * 256 + byte] ^= image }
        }
        return tables
    }()

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
