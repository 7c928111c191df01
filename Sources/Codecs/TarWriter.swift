/// Makes the headers, padding and end of a tar stream in the pax format; who writes the bytes is the caller's business.
public struct TarWriter: Sendable {
    /// What a record is filled up to at the end.
    public static let recordBytes = 10_240
    private var writtenBytes: Int64 = 0

    /// A writer at the start of its stream.
    public init() {}

    /// The bytes before a member's contents; the caller writes exactly `sizeBytes` of contents, then `padding(after:)`.
    ///
    /// What the plain header cannot hold (fractions of a second, long names, sizes from 8 GiB, vendors' records) goes before it as a pax header.
    public mutating func header(of member: TarMember) -> [UInt8] {
        var records: [UInt8] = []
        if member.modifiedNanoseconds != 0 || !Self.fits(member.modifiedSeconds, digits: 11) {
            records += Self.record("mtime", DecimalTime.text(member.modifiedSeconds, member.modifiedNanoseconds).utf8)
        }
        // The bytes as they are: names of files need not be text.
        if member.name.count > 100 { records += Self.record("path", member.name) }
        if member.linkTarget.count > 100 { records += Self.record("linkpath", member.linkTarget) }
        if !Self.fits(member.sizeBytes, digits: 11) { records += Self.record("size", String(member.sizeBytes).utf8) }
        for (key, value) in member.vendorRecords.sorted(by: { $0.key < $1.key }) {
            records += Self.record(key, value.utf8)
        }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            var header = TarMember(name: "././@PaxHeader", sizeBytes: Int64(records.count), mode: 0)
            header.modifiedSeconds = 0
            bytes += Self.block(header, flag: UInt8(ascii: "x"))
            bytes += records + Self.padding(after: Int64(records.count))
        }
        var flag = UInt8(ascii: "0")
        if case .other(let other) = member.kind { flag = other }
        bytes += Self.block(member, flag: flag)
        writtenBytes += Int64(bytes.count) + member.sizeBytes + Int64(Self.padding(after: member.sizeBytes).count)
        return bytes
    }

    /// The zeros after contents of this length.
    public static func padding(after sizeBytes: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: Int((512 - sizeBytes % 512) % 512))
    }

    /// The end of the stream: two blocks of zeros, filled up to a whole record.
    public mutating func end() -> [UInt8] {
        let total = writtenBytes + 1024
        let rest = Int64(Self.recordBytes) - total % Int64(Self.recordBytes)
        let filler = rest == Int64(Self.recordBytes) ? 0 : rest
        writtenBytes = 0
        return [UInt8](repeating: 0, count: Int(1024 + filler))
    }

    private static func fits(_ value: Int64, digits: Int) -> Bool {
        value >= 0 && value < 1 << Int64(3 * digits)
    }

    /// One pax record; its length counts its own digits.
    private static func record(_ key: String, _ value: some Collection<UInt8>) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length += 1 }
        return Array(String(length).utf8) + body
    }

    private static func block(_ member: TarMember, flag: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarHeader.blockBytes)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func putNumber(_ value: Int64, at offset: Int, digits: Int) {
            let text = String(fits(value, digits: digits) ? value : 0, radix: 8)
            put((String(repeating: "0", count: digits - text.utf8.count) + text).utf8, at: offset)
        }
        put(member.name.prefix(100), at: 0)
        putNumber(Int64(member.mode), at: 100, digits: 7)
        putNumber(Int64(member.owner), at: 108, digits: 7)
        putNumber(Int64(member.group), at: 116, digits: 7)
        putNumber(member.sizeBytes, at: 124, digits: 11)
        putNumber(member.modifiedSeconds, at: 136, digits: 11)
        put(repeatElement(0x20, count: 8), at: 148)
        block[156] = flag
        put(member.linkTarget.prefix(100), at: 157)
        put("ustar\u{0}00".utf8, at: 257)
        let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
        putNumber(sum, at: 148, digits: 6)
        block[154] = 0
        return block
    }
}
