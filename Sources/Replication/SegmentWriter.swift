import Files
import SystemPackage
import WAL

/// Writes the stream into segments: one is open at a time, under its `.partial` name until it is complete.
struct SegmentWriter: ~Copyable {
    private let directory: StreamingDirectory
    private let spare: SpareSegment
    private var file: OwnedDescriptor?
    /// Whether names in the directory have changed since it was last synced.
    private var namesAreUnsynced = false

    init(_ directory: StreamingDirectory, spare: SpareSegment) {
        self.directory = directory
        self.spare = spare
    }

    /// Opens a segment: what an earlier receiver wrote of it stays, since it may have been confirmed.
    mutating func open(_ segment: WALSegmentName) throws(FileError) {
        let path = directory.partialPath(of: segment)
        let status = try FileSystem.statusIfPresent(of: path)
        let isWhole = status?.kind == .regular && status?.sizeBytes == Int64(directory.segmentSize.bytes)
        if !isWhole { try spare.take(as: path) }
        let opened = try OwnedDescriptor(opening: path, .writeOnly, options: .noFollow)
        // Whoever wrote it may not have come to sync it.
        if isWhole { try opened.sync() }
        file = consume opened
        namesAreUnsynced = true
        try syncNames()
    }

    /// Writes at an offset of the open segment; nothing is durable before `flush`.
    borrowing func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        try file?.writeAll(bytes, at: offset)
    }

    /// Makes what was written durable, under a durable name.
    mutating func flush() throws(FileError) {
        try file?.syncData()
        try syncNames()
    }

    /// Makes the open segment durable and gives it its final name.
    ///
    /// Its contents are durable under one of the two names on return; the final one is when the next segment has been opened.
    mutating func finish(_ segment: WALSegmentName) throws(FileError) {
        try flush()
        guard let finished = file.take() else { return }
        try finished.close()
        try FileSystem.rename(directory.partialPath(of: segment), to: directory.completePath(of: segment))
        namesAreUnsynced = true
    }

    /// Makes what was written durable and closes it; the segment stays partial.
    mutating func close() throws(FileError) {
        try flush()
        guard let open = file.take() else { return }
        try open.close()
    }

    private mutating func syncNames() throws(FileError) {
        guard namesAreUnsynced else { return }
        try FileSystem.syncDirectory(directory.path)
        namesAreUnsynced = false
    }
}
