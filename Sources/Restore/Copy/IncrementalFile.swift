import Files
import SystemPackage

/// A file of an incremental backup that cannot be what its name says.
struct IncrementalFileError: Error, Equatable, CustomStringConvertible {
    /// Which file.
    let path: FilePath
    /// What is wrong with it.
    let reason: String

    var description: String { "\(path) is not a sound incremental file: \(reason)" }
}

/// The head of a file `INCREMENTAL.*`: which blocks of the relation's file follow, in their order
/// (PostgreSQL 17, src/backend/backup/basebackup.c, sendFile).
///
/// Magic number, count of blocks, truncation length, block numbers, each 32 bits; zeros up to the next block when blocks
/// follow; the blocks. The truncation length is how much of the older file still counts, in blocks.
struct IncrementalHeader: Equatable, Sendable {
    static let magic: UInt32 = 0xD3AE_1F0D
    /// A page, as nearly everybody's PostgreSQL is built.
    static let blockBytes = 8192
    /// Blocks in a file: a relation is cut into files of 1 GiB.
    static let largestBlockCount: UInt32 = 131_072
    /// The fixed part.
    static let fixedBytes = 12

    /// What files of incremental backups begin with.
    static let namePrefix = "INCREMENTAL."

    /// How many blocks of the older file count, at most all of them.
    ///
    /// Some releases of PostgreSQL write a larger number when VACUUM has cut a relation of several files: they count from the
    /// first file, not from this one (mended upstream by commit ad569b54a).
    let truncationBlocks: UInt32
    /// Which blocks are here, ascending.
    let blocks: [UInt32]

    /// Where the blocks begin.
    var headerBytes: Int { Self.headerBytes(blockCount: blocks.count) }

    /// How long the file is that holds this head and its blocks.
    var fileBytes: Int64 { Int64(headerBytes) + Int64(blocks.count) * Int64(Self.blockBytes) }

    /// How long the rebuilt file is, in blocks.
    var outputBlocks: UInt32 { max(truncationBlocks, blocks.last.map { $0 + 1 } ?? 0) }

    private static func headerBytes(blockCount: Int) -> Int {
        let bytes = fixedBytes + 4 * blockCount
        guard blockCount > 0 else { return bytes }
        return (bytes + blockBytes - 1) / blockBytes * blockBytes
    }

    /// How much of the older file counts, as the first bytes of a file say; `nil` when they are no head.
    static func truncationBlocks(of path: FilePath) throws(FileError) -> UInt32? {
        let bytes = try FileSystem.readPrefix(path, count: fixedBytes)
        guard bytes.count == fixedBytes else { return nil }
        func word(_ index: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[index * 4 + $1]) << UInt32($1 * 8) } }
        return word(0) == magic ? min(word(2), largestBlockCount) : nil
    }

    /// Reads the head of a file of `fileBytes`; `read` fills a buffer from an offset and returns the number of bytes.
    ///
    /// Anything a damaged or hostile file can hold ends in an `IncrementalFileError`.
    init(
        path: FilePath,
        fileBytes: Int64,
        read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
    ) throws {
        func fault(_ reason: String) -> IncrementalFileError { IncrementalFileError(path: path, reason: reason) }
        guard fileBytes >= Int64(Self.fixedBytes) else { throw fault("it is shorter than its head") }
        let fixed = try Self.words(count: 3, at: 0, read: read)
        guard fixed.count == 3 else { throw fault("it ends in its head") }
        guard fixed[0] == Self.magic else { throw fault("the magic number is missing") }
        let count = fixed[1]
        truncationBlocks = min(fixed[2], Self.largestBlockCount)
        guard count <= Self.largestBlockCount else { throw fault("it counts \(count) blocks") }
        let headerBytes = Self.headerBytes(blockCount: Int(count))
        let expected = Int64(headerBytes) + Int64(count) * Int64(Self.blockBytes)
        guard fileBytes == expected else {
            throw fault("it has \(fileBytes) bytes where \(count) blocks need \(expected)")
        }
        blocks = try Self.words(count: Int(count), at: Int64(Self.fixedBytes), read: read)
        guard blocks.count == Int(count) else { throw fault("it ends in its head") }
        var previous: UInt32?
        for block in blocks {
            guard block < Self.largestBlockCount else { throw fault("it names block \(block)") }
            if let previous, block <= previous { throw fault("block \(block) follows block \(previous)") }
            previous = block
        }
    }

    /// Numbers in the order of bytes of the machines PostgreSQL writes them on; fewer when the file ends.
    private static func words(
        count: Int,
        at offset: Int64,
        read: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
    ) throws -> [UInt32] {
        try [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            var filled = 0
            while filled < bytes.count {
                let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[filled...])
                let got = try read(piece, offset + Int64(filled))
                if got == 0 { break }
                filled += got
            }
            initialized = filled / 4
            for index in 0..<initialized { buffer[index] = UInt32(littleEndian: buffer[index]) }
        }
    }
}

extension FilePath {
    /// The path of the file that an incremental one stands for; `nil` for any other file.
    var withoutIncrementalPrefix: FilePath? {
        guard let name = lastComponent?.string, name.hasPrefix(IncrementalHeader.namePrefix),
            let component = FilePath.Component(String(name.dropFirst(IncrementalHeader.namePrefix.count)))
        else { return nil }
        return removingLastComponent().appending(component)
    }

    /// The path of the incremental file that stands for this one.
    var withIncrementalPrefix: FilePath {
        removingLastComponent().appending(IncrementalHeader.namePrefix + (lastComponent?.string ?? ""))
    }
}
