/// Reads a tar stream forward only, in bounded memory: ustar, pax and GNU headers.
///
/// Whatever comes in, it ends in a value or a `TarError`. A stream that stops before its end mark is an error, even between
/// two members.
public final class TarReader {
    private let source: (UnsafeMutableRawBufferPointer) throws -> Int
    private var unreadBytes: Int64 = 0
    private var paddingBytes = 0
    private var hasMembers = false
    private var isAtEnd = false

    /// More of extended headers than this is not read.
    static let longestExtension = 1 << 16

    /// `source` fills a buffer and returns the number of bytes, 0 at the end.
    public init(source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.source = source
    }

    /// The header of the next member, what is left of the one before skipped; `nil` after the last.
    public func next() throws -> TarMember? {
        if isAtEnd { return nil }
        var extensions = TarExtensions()
        var extensionCount = 0
        while true {
            try skip()
            guard let (header, flag) = try readHeader(isFirst: !hasMembers && extensionCount == 0) else {
                guard extensionCount == 0 else { throw TarError.unexpectedEnd }
                isAtEnd = true
                return nil
            }
            unreadBytes = header.sizeBytes
            paddingBytes = Int((512 - header.sizeBytes % 512) % 512)
            if TarExtensions.flags.contains(flag) {
                extensionCount += 1
                guard extensionCount <= 8, header.sizeBytes <= Self.longestExtension else {
                    throw TarError.invalidExtension
                }
                try extensions.take(flag, try readRest())
                continue
            }
            hasMembers = true
            let member = try extensions.applied(to: header, flag)
            if case .regular = member.kind {
                unreadBytes = member.sizeBytes
                paddingBytes = Int((512 - member.sizeBytes % 512) % 512)
            }
            return member
        }
    }

    /// Reads contents of the current member; 0 at their end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard unreadBytes > 0, !buffer.isEmpty else { return 0 }
        let wanted = min(Int64(buffer.count), unreadBytes)
        let count = try source(UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)]))
        guard count > 0 else { throw TarError.unexpectedEnd }
        unreadBytes -= Int64(count)
        return count
    }

    /// All of what is left of the current member; for small ones.
    public func readRest() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Int(min(unreadBytes, 1 << 16)))
        while unreadBytes > 0 {
            let count = try chunk.withUnsafeMutableBytes { try read(into: $0) }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }

    /// Reads what follows the end mark, so that the writer is not cut off; at most `limit` bytes.
    public func drain(limit: Int = 1 << 20) throws {
        var rest = limit
        var chunk = [UInt8](repeating: 0, count: 1 << 13)
        while rest > 0 {
            let count = try chunk.withUnsafeMutableBytes { try source($0) }
            if count == 0 { return }
            rest -= count
        }
    }

    private func skip() throws {
        guard unreadBytes > 0 || paddingBytes > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: Int(min(max(unreadBytes, 512), 1 << 16)))
        while unreadBytes > 0 { _ = try chunk.withUnsafeMutableBytes { try read(into: $0) } }
        unreadBytes = Int64(paddingBytes)
        paddingBytes = 0
        while unreadBytes > 0 { _ = try chunk.withUnsafeMutableBytes { try read(into: $0) } }
    }

    private func readHeader(isFirst: Bool) throws -> (member: TarMember, flag: UInt8)? {
        var block = [UInt8](repeating: 0, count: TarHeader.blockBytes)
        var filled = 0
        while filled < block.count {
            let count = try block.withUnsafeMutableBytes {
                try source(UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
            }
            if count == 0 { break }
            filled += count
        }
        if filled == 0 { throw isFirst ? TarError.empty : TarError.unexpectedEnd }
        guard filled == block.count else { throw TarError.truncatedHeader }
        return try TarHeader.parse(block)
    }
}

/// What the headers before a member's own say about it.
private struct TarExtensions {
    /// pax, pax for all members, GNU long name, GNU long link.
    static let flags = Array("xgLK".utf8)

    private var name: [UInt8]?
    private var linkTarget: [UInt8]?
    private var sizeBytes: Int64?
    private var modified: (seconds: Int64, nanoseconds: Int)?
    private var isSparse = false
    private var vendorRecords: [String: String] = [:]

    mutating func take(_ flag: UInt8, _ contents: [UInt8]) throws(TarError) {
        switch flag {
        case UInt8(ascii: "L"): name = Array(contents.prefix { $0 != 0 })
        case UInt8(ascii: "K"): linkTarget = Array(contents.prefix { $0 != 0 })
        case UInt8(ascii: "x"), UInt8(ascii: "g"): try takeRecords(contents[...])
        default: break
        }
    }

    /// `LENGTH KEY=VALUE\n`, the length in decimal and of the whole record.
    private mutating func takeRecords(_ contents: ArraySlice<UInt8>) throws(TarError) {
        var rest = contents
        while let first = rest.first, first != 0 {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, digits.count <= 6, let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 2, length <= rest.count
            else { throw .invalidExtension }
            let record = rest.prefix(length)
            rest = rest.dropFirst(length)
            let pair = record.dropFirst(digits.count + 1).dropLast()
            guard record.dropFirst(digits.count).first == 0x20, record.last == 0x0A,
                let equals = pair.firstIndex(of: UInt8(ascii: "="))
            else { throw .invalidExtension }
            try take(String(decoding: pair[..<equals], as: UTF8.self), pair[(equals + 1)...])
        }
    }

    private mutating func take(_ key: String, _ value: ArraySlice<UInt8>) throws(TarError) {
        switch key {
        case "path":
            name = Array(value)
        case "linkpath":
            linkTarget = Array(value)
        case "size":
            guard let size = Int64(String(decoding: value, as: UTF8.self)), size >= 0, size <= Int64.max - 1024 else {
                throw .invalidExtension
            }
            sizeBytes = size
        case "mtime":
            guard let time = DecimalTime.parse(value) else { throw .invalidExtension }
            modified = time
        default:
            if key.hasPrefix("GNU.sparse.") { isSparse = true }
            if key.utf8.contains(UInt8(ascii: ".")) { vendorRecords[key] = String(decoding: value, as: UTF8.self) }
        }
    }

    func applied(to header: TarMember, _ flag: UInt8) throws(TarError) -> TarMember {
        var member = header
        if let name {
            member.name = name
            member.kind = TarHeader.kind(flag, name: name)
        }
        member.vendorRecords = vendorRecords
        if let linkTarget { member.linkTarget = linkTarget }
        if let sizeBytes { member.sizeBytes = sizeBytes }
        if let modified {
            member.modifiedSeconds = modified.seconds
            member.modifiedNanoseconds = modified.nanoseconds
        }
        if case .other = member.kind, let last = member.name.lastIndex(where: { $0 != UInt8(ascii: "/") }) {
            member.name = Array(member.name[...last])
        }
        // What a sparse file's bytes mean is in headers of its own: it is not taken for a plain one.
        if isSparse { member.kind = .other(UInt8(ascii: "S")) }
        return member
    }
}

/// A time in decimal seconds with a fraction, as pax writes it.
enum DecimalTime {
    static func parse(_ text: ArraySlice<UInt8>) -> (seconds: Int64, nanoseconds: Int)? {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let whole = parts.first, whole.count <= 18, !whole.isEmpty,
            let seconds = Int64(String(decoding: whole, as: UTF8.self)), seconds >= 0
        else { return nil }
        let fraction = parts.count == 2 ? parts[1] : []
        guard fraction.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var nanoseconds = 0
        for index in 0..<9 {
            let position = fraction.startIndex + index
            nanoseconds = nanoseconds * 10 + (position < fraction.endIndex ? Int(fraction[position]) - 0x30 : 0)
        }
        guard isNegative else { return (seconds, nanoseconds) }
        return nanoseconds == 0 ? (-seconds, 0) : (-seconds - 1, 1_000_000_000 - nanoseconds)
    }

    static func text(_ seconds: Int64, _ nanoseconds: Int) -> String {
        guard nanoseconds > 0, nanoseconds < 1_000_000_000, seconds >= 0 else { return String(seconds) }
        var digits = String(nanoseconds)
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.utf8.last == UInt8(ascii: "0") { digits.removeLast() }
        return "\(seconds).\(digits)"
    }
}
