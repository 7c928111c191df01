public import Catalog
public import Files
public import SystemPackage
public import WAL

/// Where WAL of a server can be, archived or not yet (wal-archiving.md 10.1, 10.3).
public struct WALLookup: Sendable {
    private let home: ServerHome

    /// A lookup for one server; nothing is read yet.
    public init(home: ServerHome) {
        self.home = home
    }

    /// The places to look for a file, in order; with `partial` also for its unfinished form.
    public func places(of name: WALFileName, text: String, partial: Bool = false) -> [FilePath] {
        let archived = WALArchive(home).path(of: name, text: text)
        let incoming = home.incomingWALsDirectory
        let streaming = home.streamingWALsDirectory
        var places = [archived, incoming.appending(text), streaming.appending(text)]
        if partial {
            let partialText = text + ".partial"
            places += [
                streaming.appending(partialText),
                streaming.appending(text),
                WALArchive(home).path(of: name, text: partialText),
                incoming.appending(partialText),
            ]
        }
        // Files move from the queues into the archive: what was in neither may have been on its way.
        return places + [archived]
    }

    /// Where a file is now; `nil` when it is nowhere.
    ///
    /// It may be elsewhere a moment later: in the archive, or under its final name.
    public func place(of name: WALFileName, text: String, partial: Bool = false) throws(FileError) -> FilePath? {
        for place in places(of: name, text: text, partial: partial) where try Self.isWAL(place) { return place }
        return nil
    }

    /// Whether a file is there, and is not the empty one that only marks where the receiver is to begin.
    static func isWAL(_ place: FilePath) throws(FileError) -> Bool {
        guard let status = try FileSystem.statusIfPresent(of: place), status.kind == .regular else { return false }
        return status.sizeBytes > 0 || !place.string.hasSuffix(".partial")
    }

    /// Up to `count` names of files that are there, from this one on, without a gap.
    ///
    /// The size of segments is not known here: where a segment with a number that is a power of two is missing, the next log is
    /// tried once from its start, as in the reference.
    public func names(from name: WALFileName, text: String, count: Int) throws(FileError) -> [String] {
        guard case .segment(var segment) = name else { return try isPresent(name, text) ? [text] : [] }
        var names: [String] = []
        while names.count < count {
            let text = segment.description
            if try isPresent(.segment(segment), text) {
                names.append(text)
                guard segment.segment < .max else { break }
                segment = WALSegmentName(
                    timeline: segment.timeline,
                    log: segment.log,
                    segment: segment.segment + 1
                )
            } else {
                guard segment.segment.nonzeroBitCount == 1, segment.log < .max else { break }
                segment = WALSegmentName(timeline: segment.timeline, log: segment.log + 1, segment: 0)
            }
        }
        return names
    }

    private func isPresent(_ name: WALFileName, _ text: String) throws(FileError) -> Bool {
        for place in places(of: name, text: text) where try FileSystem.kindIfPresent(place) == .regular { return true }
        return false
    }
}
