import Codecs
import Files
import SystemPackage

/// A tar file that is not what PostgreSQL writes.
struct TarError: Error, CustomStringConvertible {
    let description: String
}

/// Reads a tar file as PostgreSQL writes it (POSIX ustar, numbers beyond octal in base 256) and makes what is in it.
struct TarExtraction {
    /// What becomes of a member.
    enum Fate {
        case keep
        case skip
        case rename(String)
    }

    private let archive: FilePath

    init(_ archive: FilePath) {
        self.archive = archive
    }

    /// Extracts all members below `destination`, which exists; `count` gets the bytes as they are written.
    ///
    /// Names cannot lead out of the destination: absolute ones and those with `..` are refused, and nothing is written
    /// through a symbolic link of the archive.
    func extract(
        to destination: FilePath,
        count: (Int64) -> Void,
        fate: (String) -> Fate
    ) throws {
        let box = FileBox(try OwnedDescriptor(opening: archive))
        let reader = try DecompressingReader { buffer in try box.file.read(into: buffer) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var directories: [(FilePath, TarHeader)] = []
        var longName: String?
        while let header = try nextHeader(reader) {
            if header.kind == .longName {
                longName = try text(header, reader)
                continue
            }
            let name = try safeName(longName ?? header.name)
            longName = nil
            let path: FilePath
            switch name.isEmpty ? Fate.keep : fate(name) {
            case .skip:
                try skip(header.paddedBytes, reader, buffer)
                continue
            case .keep: path = name.isEmpty ? destination : destination.pushing(FilePath(name))
            case .rename(let newName): path = destination.pushing(FilePath(newName))
            }
            switch header.kind {
            case .directory:
                if try !FileSystem.isDirectory(path) {
                    try FileSystem.createDirectory(path, permissions: [.ownerReadWriteExecute])
                }
                directories.append((path, header))
                try skip(header.paddedBytes, reader, buffer)
            case .regular:
                try write(header, to: path, reader, buffer, count)
            case .symbolicLink:
                try FileSystem.unlinkIfPresent(path)
                try FileSystem.symlink(at: path, to: FilePath(header.linkName))
                try skip(header.paddedBytes, reader, buffer)
            case .ignored, .longName:
                try skip(header.paddedBytes, reader, buffer)
            }
        }
        for (path, header) in directories.reversed() {
            try FileSystem.setPermissions(path, FilePermissions(rawValue: CModeT(header.mode & 0o7777)))
        }
    }

    /// The next header; `nil` at the end: a block of zeros, or the end of the file.
    private func nextHeader(_ reader: DecompressingReader) throws -> TarHeader? {
        var block = [UInt8](repeating: 0, count: 512)
        let count = try block.withUnsafeMutableBytes { try reader.readFully(into: $0) }
        if count == 0 { return nil }
        guard count == 512 else { throw TarError(description: "unexpected end of the tar file") }
        if block.allSatisfy({ $0 == 0 }) { return nil }
        return try TarHeader(block)
    }

    private func write(
        _ header: TarHeader,
        to path: FilePath,
        _ reader: DecompressingReader,
        _ buffer: UnsafeMutableRawBufferPointer,
        _ count: (Int64) -> Void
    ) throws {
        let file = try OwnedDescriptor(
            opening: path,
            .writeOnly,
            options: [.create, .truncate, .noFollow],
            permissions: FilePermissions(rawValue: CModeT(header.mode & 0o7777)).union(.ownerWrite)
        )
        var rest = header.sizeBytes
        while rest > 0 {
            let wanted = Int(min(rest, Int64(buffer.count)))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            guard try reader.readFully(into: piece) == wanted else {
                throw TarError(description: "unexpected end of the tar file in \(header.name)")
            }
            try file.writeAll(UnsafeRawBufferPointer(piece))
            count(Int64(wanted))
            rest -= Int64(wanted)
        }
        try file.setPermissions(FilePermissions(rawValue: CModeT(header.mode & 0o7777)))
        try file.close()
        try skip(header.paddedBytes - header.sizeBytes, reader, buffer)
    }

    private func skip(
        _ bytes: Int64,
        _ reader: DecompressingReader,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws {
        var rest = bytes
        while rest > 0 {
            let wanted = Int(min(rest, Int64(buffer.count)))
            guard try reader.readFully(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])) == wanted
            else {
                throw TarError(description: "unexpected end of the tar file")
            }
            rest -= Int64(wanted)
        }
    }

    /// The contents of a member that is itself a name.
    private func text(_ header: TarHeader, _ reader: DecompressingReader) throws -> String {
        guard header.paddedBytes <= 1 << 16 else { throw TarError(description: "a name of \(header.sizeBytes) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(header.paddedBytes))
        guard try bytes.withUnsafeMutableBytes({ try reader.readFully(into: $0) }) == bytes.count else {
            throw TarError(description: "unexpected end of the tar file")
        }
        return String(decoding: bytes.prefix(Int(header.sizeBytes)).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The name relative to the destination, without `.`; refuses names that lead out of it.
    private func safeName(_ name: String) throws(TarError) -> String {
        guard !name.hasPrefix("/") else { throw TarError(description: "unsafe path '\(name)' in the tar file") }
        let parts = name.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { throw TarError(description: "unsafe path '\(name)' in the tar file") }
        return parts.joined(separator: "/")
    }
}

/// An open file that a closure keeps.
private final class FileBox {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}

/// The 512 bytes before each member (POSIX.1, "ustar Interchange Format").
struct TarHeader: Equatable {
    /// What a member is.
    enum Kind: Equatable {
        case regular
        case directory
        case symbolicLink
        /// GNU's way to name what comes next.
        case longName
        /// A comment on the archive or on what comes next.
        case ignored
    }

    let name: String
    let linkName: String
    let mode: UInt32
    let sizeBytes: Int64
    let kind: Kind

    /// The length of the contents with their padding.
    var paddedBytes: Int64 { (sizeBytes + 511) / 512 * 512 }

    init(_ block: [UInt8]) throws(TarError) {
        guard block.count == 512, Self.hasGoodChecksum(block) else {
            throw TarError(description: "damaged header in the tar file")
        }
        let prefix = Self.isUstar(block) ? Self.text(block[345..<500]) : ""
        let base = Self.text(block[0..<100])
        name = prefix.isEmpty ? base : prefix + "/" + base
        linkName = Self.text(block[157..<257])
        guard let mode = Self.number(block[100..<108]), let size = Self.number(block[124..<136]), size >= 0,
            size <= Int64.max - 1024
        else { throw TarError(description: "damaged header of '\(name)' in the tar file") }
        self.mode = UInt32(truncatingIfNeeded: mode)
        sizeBytes = size
        switch block[156] {
        case 0, UInt8(ascii: "0"): kind = .regular
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "2"): kind = .symbolicLink
        case UInt8(ascii: "L"): kind = .longName
        case UInt8(ascii: "g"): kind = .ignored
        default:
            let type = String(UnicodeScalar(block[156]))
            throw TarError(description: "unexpected member type '\(type)' of '\(name)' in the tar file")
        }
    }

    private static func isUstar(_ block: [UInt8]) -> Bool {
        block[257..<263].elementsEqual(Array("ustar".utf8) + [0])
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal digits, or base 256 when the highest bit is set; `nil` for anything else.
    private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            var value: Int64 = Int64(first & 0x3F)
            for byte in field.dropFirst() {
                guard value <= Int64.max >> 8 else { return nil }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        var value: Int64 = 0
        for byte in field where byte != 0 && byte != UInt8(ascii: " ") {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte), value <= Int64.max >> 3 else { return nil }
            value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// The checksum is the sum of all bytes, its own field taken as blanks.
    private static func hasGoodChecksum(_ block: [UInt8]) -> Bool {
        var sum: Int64 = 0
        for (index, byte) in block.enumerated() {
            sum += (148..<156).contains(index) ? 0x20 : Int64(byte)
        }
        return number(block[148..<156]) == sum
    }
}
