public import Catalog
public import Files
public import SystemPackage
public import WAL

/// The archived WAL of one server: where its files are, and which are the newest (catalog-formats.md 6).
public struct WALArchive: Sendable {
    /// The server.
    public let home: ServerHome

    /// The archive of a server; nothing is read yet.
    public init(_ home: ServerHome) {
        self.home = home
    }

    /// Where a WAL file is, or would be.
    public func path(of name: WALFileName, text: String) -> FilePath {
        directory(of: name).appending(text)
    }

    /// Where a segment is, or would be.
    public func path(of segment: WALSegmentName) -> FilePath {
        path(of: .segment(segment), text: segment.description)
    }

    /// The directory in which a WAL file belongs.
    public func directory(of name: WALFileName) -> FilePath {
        name.hashDirectory.map { home.walsDirectory.appending($0) } ?? home.walsDirectory
    }

    /// Whether a segment is in the archive.
    public func contains(_ segment: WALSegmentName) throws(FileError) -> Bool {
        try FileSystem.exists(path(of: segment))
    }

    /// The newest segment of each timeline: the last one in the last directory of the timeline that holds any.
    public func newestSegments() throws(FileError) -> [Timeline: WALSegmentName] {
        var newest: [Timeline: WALSegmentName] = [:]
        for directory in try names(in: home.walsDirectory).reversed() where directory.utf8.count == 16 {
            // A directory's name is a segment's without its last eight digits.
            guard let first = WALSegmentName(directory + "00000000"), newest[first.timeline] == nil else { continue }
            let segments = try names(in: home.walsDirectory.appending(directory)).compactMap { WALSegmentName($0) }
            if let last = segments.max() { newest[last.timeline] = last }
        }
        return newest
    }

    /// The highest timeline that has a segment in the archive; `nil` when there is none.
    public func newestTimeline() throws(FileError) -> Timeline? {
        try newestSegments().keys.max()
    }

    /// The names in a directory; none when it is not there.
    func names(in directory: FilePath) throws(FileError) -> [String] {
        do throws(FileError) {
            return try FileSystem.names(in: directory)
        } catch {
            if error.isMissing { return [] }
            throw error
        }
    }
}
