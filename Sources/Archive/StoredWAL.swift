import Codecs
import Files
import Glibc
import Processes
import Settings
import SystemPackage

/// How a stored or received file is compressed and encrypted, told by its first bytes.
struct StoredWAL: Sendable, Equatable {
    /// The name for `xlog.db`; `nil` for a plain file.
    let compression: String?
    /// Whether it is an OpenPGP message.
    let isEncrypted: Bool
    /// Whether it is neither.
    var isPlain: Bool { compression == nil && !isEncrypted }

    /// How much of a file `init` wants to see.
    static let prefixBytes = 32

    /// Looks at the first bytes.
    ///
    /// With `assumingCustom`, what nobody else recognises counts as compressed by the custom filter when that has no magic.
    init(prefix: [UInt8], settings: ServerSettings, assumingCustom: Bool = false) {
        isEncrypted = Self.isOpenPGP(prefix)
        let format = CompressionFormat.detect(prefix: prefix)
        let magic = settings.customCompressionMagic.flatMap(Self.bytes)
        if isEncrypted {
            compression = nil
        } else if format == .bzip2 {
            compression = format?.rawValue
        } else if let magic, !magic.isEmpty, prefix.starts(with: magic) {
            compression = "custom"
        } else if let format {
            compression = format.rawValue
        } else if assumingCustom, settings.compression == "custom", magic == nil {
            compression = "custom"
        } else {
            compression = nil
        }
    }

    /// Looks at a file.
    init(_ path: FilePath, settings: ServerSettings, assumingCustom: Bool = false) throws(FileError) {
        let prefix = try FileSystem.readPrefix(path, count: Self.prefixBytes)
        self.init(prefix: prefix, settings: settings, assumingCustom: assumingCustom)
    }

    /// The bytes of a configured magic: two characters that nobody looks at, then hexadecimal digits.
    private static func bytes(_ magic: String) -> [UInt8]? {
        let digits = magic.utf8.dropFirst(2).map { digit -> UInt8? in
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
            default: nil
            }
        }
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0) }
    }

    /// Whether an OpenPGP message begins here (RFC 4880, 4.2 and 5.1): a key encrypted to a recipient, or its armour.
    private static func isOpenPGP(_ prefix: [UInt8]) -> Bool {
        if prefix.starts(with: "-----BEGIN PGP MESSAGE-----".utf8) { return true }
        guard prefix.count > 6 else { return false }
        switch prefix[0] {
        case 0x84: return prefix[2] == 3
        case 0x85: return prefix[3] == 3
        case 0x86: return prefix[5] == 3
        case 0xC1: return prefix[prefix[1] < 192 ? 2 : prefix[1] < 224 ? 3 : 6] == 3
        default: return false
        }
    }
}

/// Compares what two files hold once decompressed, in bounded memory.
enum WALComparison {
    /// Whether both hold the same bytes; a damaged file is never equal to another one.
    static func areEqual(_ left: FilePath, _ right: FilePath) throws -> Bool {
        let leftFile = try OwnedDescriptor(opening: left)
        let rightFile = try OwnedDescriptor(opening: right)
        if try leftFile.status().isSameFile(as: try rightFile.status()) { return true }
        do {
            return try haveEqualContents(PlainReader(leftFile), PlainReader(rightFile))
        } catch is CodecError {
            return false
        }
    }

    private static func haveEqualContents(_ left: PlainReader, _ right: PlainReader) throws -> Bool {
        let size = DecompressingReader.preferredBytes
        let leftBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { leftBuffer.deallocate() }
        let rightBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { rightBuffer.deallocate() }
        while true {
            try SignalWatch.check()
            let leftCount = try left.reader.readFully(into: leftBuffer)
            let rightCount = try right.reader.readFully(into: rightBuffer)
            guard leftCount == rightCount else { return false }
            if leftCount == 0 { return true }
            guard let leftBytes = leftBuffer.baseAddress, let rightBytes = rightBuffer.baseAddress,
                memcmp(leftBytes, rightBytes, leftCount) == 0
            else { return false }
        }
    }
}

/// An open file, read as if it were plain.
final class PlainReader {
    let reader: DecompressingReader

    /// Takes the file over.
    init(_ file: consuming OwnedDescriptor) throws {
        let box = DescriptorBox(file)
        reader = try DecompressingReader { buffer in try box.file.read(into: buffer) }
    }
}

/// An open file that several closures share.
final class DescriptorBox: Sendable {
    let file: OwnedDescriptor

    init(_ file: consuming OwnedDescriptor) {
        self.file = file
    }
}
