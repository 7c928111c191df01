public import Files
public import SystemPackage
public import WAL

/// The directory that a receiver writes: complete segments, the `.partial` one, history files; the layout of pg_receivewal.
public struct StreamingDirectory: Sendable {
    /// Where it is.
    public let path: FilePath
    /// The size of a segment.
    public let segmentSize: WALSegmentSize

    /// The mode of everything in it, that of pg_receivewal.
    static let permissions = FilePermissions(rawValue: 0o600)

    /// A directory that is there.
    public init(_ path: FilePath, segmentSize: WALSegmentSize) {
        self.path = path
        self.segmentSize = segmentSize
    }

    /// What the files say about where to go on, the newest first; names of complete segments of a wrong size, which do not count.
    public func resumePoints() throws(FileError) -> (points: [ResumePoint], wrongSizes: [String]) {
        var files: [WALFileName] = []
        var wrongSizes: [String] = []
        for text in try FileSystem.names(in: path) {
            guard let name = WALFileName(text) else { continue }
            if case .segment = name {
                guard let status = try FileSystem.statusIfPresent(of: path.appending(text)) else { continue }
                guard status.kind == .regular, status.sizeBytes == Int64(segmentSize.bytes) else {
                    wrongSizes.append(text)
                    continue
                }
            }
            files.append(name)
        }
        return (ResumePoint.newest(after: files, size: segmentSize), wrongSizes)
    }

    /// Whether the history file of a timeline is here.
    public func hasHistory(of timeline: Timeline) throws(FileError) -> Bool {
        try FileSystem.exists(path.appending(timeline.historyName))
    }

    /// The contents of the history file of a timeline, if it is here.
    func history(of timeline: Timeline) throws(FileError) -> [UInt8]? {
        let path = path.appending(timeline.historyName)
        guard try FileSystem.exists(path) else { return nil }
        do throws(FileError) {
            return try FileSystem.read(path)
        } catch {
            // The archiver may have taken it.
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Stores a history file; durable on return.
    public func storeHistory(of timeline: Timeline, _ contents: [UInt8]) throws(FileError) {
        let name = timeline.historyName
        try FileSystem.replaceDurably(
            path.appending(name),
            contents: contents,
            permissions: Self.permissions,
            temporaryName: ".\(name).tmp"
        )
    }

    /// Where a segment grows.
    func partialPath(of segment: WALSegmentName) -> FilePath { path.appending("\(segment).partial") }

    /// Where a segment lies when it is complete.
    func completePath(of segment: WALSegmentName) -> FilePath { path.appending("\(segment)") }
}
