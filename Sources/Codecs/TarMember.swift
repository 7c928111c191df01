/// One member of a tar stream: what its header says (POSIX.1-2017, pax, "ustar Interchange Format").
public struct TarMember: Sendable, Equatable {
    /// What the member is.
    public enum Kind: Sendable, Equatable {
        /// A file whose contents follow.
        case regular
        /// Anything else; the type flag.
        case other(UInt8)
    }

    /// Its name, as it is written.
    public var name: [UInt8]
    /// What it is.
    public var kind: Kind
    /// Length of the contents that follow.
    public var sizeBytes: Int64
    /// The permission bits.
    public var mode: UInt32
    /// Numeric owner.
    public var owner: UInt32
    /// Numeric group.
    public var group: UInt32
    /// Time of the last change, in seconds since the epoch.
    public var modifiedSeconds: Int64
    /// The nanoseconds within that second.
    public var modifiedNanoseconds: Int

    /// Where a link leads, as it is written; empty for anything else.
    public var linkTarget: [UInt8] = []

    /// Records of the pax header that have a meaning for some programs only, by `VENDOR.keyword`.
    public var vendorRecords: [String: String] = [:]

    /// Makes a directory's header.
    public static func directory(_ name: String, mode: UInt32) -> TarMember {
        var member = TarMember(name: name + "/", sizeBytes: 0, mode: mode)
        member.kind = .other(UInt8(ascii: "5"))
        return member
    }

    /// Makes a symbolic link's header.
    public static func symbolicLink(_ name: String, to target: String) -> TarMember {
        var member = TarMember(name: name, sizeBytes: 0, mode: 0o777)
        member.kind = .other(UInt8(ascii: "2"))
        member.linkTarget = Array(target.utf8)
        return member
    }

    /// Makes a regular file's header.
    public init(
        name: String,
        sizeBytes: Int64,
        mode: UInt32 = 0o644,
        owner: UInt32 = 0,
        group: UInt32 = 0,
        modifiedSeconds: Int64 = 0,
        modifiedNanoseconds: Int = 0
    ) {
        self.name = Array(name.utf8)
        kind = .regular
        self.sizeBytes = sizeBytes
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    /// Makes the header of a directory.
    public init(directory name: [UInt8], mode: UInt32, modifiedSeconds: Int64, modifiedNanoseconds: Int = 0) {
        self.init(
            name: name.last == UInt8(ascii: "/") ? name : name + [UInt8(ascii: "/")],
            kind: .other(UInt8(ascii: "5")),
            sizeBytes: 0,
            mode: mode,
            owner: 0,
            group: 0,
            modifiedSeconds: modifiedSeconds,
            modifiedNanoseconds: modifiedNanoseconds
        )
    }

    /// The name as text; undecodable bytes become U+FFFD.
    public var text: String { String(decoding: name, as: UTF8.self) }

    init(
        name: [UInt8],
        kind: Kind,
        sizeBytes: Int64,
        mode: UInt32,
        owner: UInt32,
        group: UInt32,
        modifiedSeconds: Int64,
        modifiedNanoseconds: Int
    ) {
        self.name = name
        self.kind = kind
        self.sizeBytes = sizeBytes
        self.mode = mode
        self.owner = owner
        self.group = group
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}

/// A tar stream that cannot be read.
public enum TarError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is nothing at all.
    case empty
    /// The stream ends inside a header.
    case truncatedHeader
    /// The stream ends inside contents, or before its end mark.
    case unexpectedEnd
    /// A header is not one, or its checksum is wrong.
    case invalidHeader
    /// An extended header is damaged or too large.
    case invalidExtension

    /// The problem in words.
    public var description: String {
        switch self {
        case .empty: "empty file"
        case .truncatedHeader: "truncated header"
        case .unexpectedEnd: "unexpected end of data"
        case .invalidHeader: "invalid header"
        case .invalidExtension: "invalid extended header"
        }
    }
}

/// The fields of a 512-byte tar header.
enum TarHeader {
    static let blockBytes = 512

    /// Reads a header; `nil` for the block of zeros that marks the end.
    static func parse(_ block: [UInt8]) throws(TarError) -> (member: TarMember, flag: UInt8)? {
        guard block.count == blockBytes else { throw .truncatedHeader }
        if block.allSatisfy({ $0 == 0 }) { return nil }
        guard isIntact(block) else { throw .invalidHeader }
        let isPOSIX = block[257..<263].elementsEqual("ustar\0".utf8)
        var name = text(block[0..<100])
        let prefix = isPOSIX ? text(block[345..<500]) : []
        if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        let flag = block[156]
        guard let size = number(block[124..<136]), size >= 0, size <= Int64.max - 1024,
            let mode = number(block[100..<108]), let time = number(block[136..<148]),
            let owner = number(block[108..<116]), let group = number(block[116..<124])
        else { throw .invalidHeader }
        var member = TarMember(
            name: name,
            kind: kind(flag, name: name),
            sizeBytes: size,
            mode: UInt32(truncatingIfNeeded: mode) & 0o7777,
            owner: UInt32(clamping: owner),
            group: UInt32(clamping: group),
            modifiedSeconds: time,
            modifiedNanoseconds: 0
        )
        member.linkTarget = text(block[157..<257])
        return (member, flag)
    }

    static func kind(_ flag: UInt8, name: [UInt8]) -> TarMember.Kind {
        switch flag {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            // The oldest archives mark directories by their name alone.
            name.last == UInt8(ascii: "/") && flag == 0 ? .other(UInt8(ascii: "5")) : .regular
        default: .other(flag)
        }
    }

    /// Whether the sum over the header, its own field taken as blanks, is the one that stands there.
    private static func isIntact(_ block: [UInt8]) -> Bool {
        guard let expected = number(block[148..<156]) else { return false }
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (index, byte) in block.enumerated() {
            let value = (148..<156).contains(index) ? 0x20 : byte
            unsigned += Int64(value)
            // Some writers of old summed signed characters.
            signed += Int64(Int8(bitPattern: value))
        }
        return expected == unsigned || expected == signed
    }

    /// The bytes up to the first NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// A number in octal digits, or binary with the top bit set (GNU); an empty field is 0, `nil` is no number.
    static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first == 0x80 || first == 0xFF {
            var value: Int64 = first == 0xFF ? -1 : 0
            for byte in field.dropFirst() {
                guard value >= -(1 << 54), value < 1 << 54 else { return nil }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        var value: Int64 = 0
        for byte in digits {
            guard (0x30...0x37).contains(byte), value < 1 << 58 else { return nil }
            value = value << 3 | Int64(byte - 0x30)
        }
        return value
    }
}
