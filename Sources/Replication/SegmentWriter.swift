import Files
import SystemPackage
import WAL

/// Writes the stream into segments: one is open at a time, under its `.partial` name until it is complete.
///
/// What a flush finds gathered is written around the page cache, one durable write of whole blocks, where the file system has such
/// writes; commits that wait are faster by it. Everything else goes through the page cache.
struct SegmentWriter: ~Copyable {
    private let directory: StreamingDirectory
    private let spare: SpareSegment
    private var file: OwnedDescriptor?
    /// The same file, for writes of whole blocks that are durable at once.
    private var blockFile: OwnedDescriptor?
    /// Whether whole blocks may be written: the file has nothing but zeros behind `tail`, and its file system has not refused.
    private var writesBlocks = false
    private var tail = SegmentTail()
    /// Whether there is something in the page cache that is not durable.
    private var isUnsynced = false
    /// Whether names in the directory have changed since it was last synced.
    private var namesAreUnsynced = false

    init(_ directory: StreamingDirectory, spare: SpareSegment) {
        self.directory = directory
        self.spare = spare
    }

    /// Opens a segment: what an earlier receiver wrote of it stays, since it may have been confirmed.
    mutating func open(_ segment: WALSegmentName) throws(FileError) {
        let isNew = try openHeld(directory.partialPath(of: segment))
        // Whoever wrote it may not have come to sync it.
        if !isNew { try file?.sync() }
        tail.restart(at: 0)
        writesBlocks = isNew
        namesAreUnsynced = true
        try syncNames()
    }

    /// Opens the file of a segment, in our hands from then on; returns whether it had to be made.
    ///
    /// The archiver may be about to take away what an earlier receiver left: then there is a new one.
    private mutating func openHeld(_ path: FilePath) throws(FileError) -> Bool {
        for _ in 0..<10 {
            let status = try FileSystem.statusIfPresent(of: path)
            let isWhole = status?.kind == .regular && status?.sizeBytes == Int64(directory.segmentSize.bytes)
            do throws(FileError) {
                // What is of no use is replaced while it is in our hands as well.
                var opened = status?.kind == .regular ? try held(path) : nil
                if !isWhole {
                    try spare.take(as: path)
                    opened = try held(path)
                }
                guard let opened, try opened.isStill(at: path) else { continue }
                file = consume opened
            } catch {
                guard error.isMissing else { throw error }
                continue
            }
            return !isWhole
        }
        throw FileError(call: "open", path: path, errno: .wouldBlock)
    }

    private func held(_ path: FilePath) throws(FileError) -> OwnedDescriptor {
        let opened = try OwnedDescriptor(opening: path, .writeOnly, options: .noFollow)
        try opened.hold()
        return opened
    }

    /// Takes bytes for an offset of the open segment; nothing is durable before `flush`, and it may be lost with this program
    /// before `push`.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        if offset != tail.end {
            try push()
            tail.restart(at: offset)
            // What is around it in its block is not known here.
            writesBlocks = false
        }
        if bytes.count > tail.roomByteCount { try push() }
        if bytes.count <= tail.roomByteCount {
            tail.append(bytes)
        } else {
            try file?.writeAll(bytes, at: tail.end)
            isUnsynced = true
            tail.skip(bytes)
        }
    }

    /// Hands everything to the kernel: it survives an end of this program.
    mutating func push() throws(FileError) {
        guard !tail.isEmpty else { return }
        try file?.writeAll(tail.unwritten, at: tail.firstUnwritten)
        isUnsynced = true
        tail.setWritten()
    }

    /// Makes what was written durable, under a durable name.
    mutating func flush() throws(FileError) {
        if try !flushBlocks() {
            try push()
            try file?.syncData()
            isUnsynced = false
        }
        try syncNames()
    }

    /// Makes the open segment durable and gives it its final name.
    ///
    /// Its contents are durable under one of the two names on return; the final one is when the next segment has been opened.
    mutating func finish(_ segment: WALSegmentName) throws(FileError) {
        try flush()
        guard file != nil else { return }
        // As long as it is partial it is in our hands.
        try FileSystem.rename(directory.partialPath(of: segment), to: directory.completePath(of: segment))
        namesAreUnsynced = true
        try closeFiles()
    }

    /// Makes what was written durable and closes it; the segment stays partial.
    mutating func close() throws(FileError) {
        try flush()
        try closeFiles()
    }

    /// Writes what is gathered so that it is durable on return; false when it has to go the other way.
    private mutating func flushBlocks() throws(FileError) -> Bool {
        guard writesBlocks, !isUnsynced, !tail.isEmpty, let path = file?.path else { return false }
        do throws(FileError) {
            if blockFile == nil {
                blockFile = try OwnedDescriptor(opening: path, .writeOnly, options: [.noFollow, .aroundPageCache])
            }
            try blockFile?.writeAll(tail.blocks, at: tail.firstBlock)
        } catch  where error.errno == .invalidArgument || error.errno == .notSupported {
            // What it has written of them all the same is what the other way writes.
            writesBlocks = false
            return false
        }
        tail.setWritten()
        return true
    }

    private mutating func closeFiles() throws(FileError) {
        if let blocks = blockFile.take() { try blocks.close() }
        if let open = file.take() { try open.close() }
    }

    private mutating func syncNames() throws(FileError) {
        guard namesAreUnsynced else { return }
        try FileSystem.syncDirectory(directory.path)
        namesAreUnsynced = false
    }
}
