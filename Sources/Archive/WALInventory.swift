public import Catalog
import Files
public import SystemPackage
public import WAL

/// What WAL of a server is there from a segment on, in the archive and in the queues before it; read once, linear.
///
/// The files themselves are looked for: one that somebody removed is not there, whatever the list says.
public struct WALInventory: Sendable {
    /// The complete segments of each timeline.
    public let segments: [Timeline: SegmentRuns]
    /// The unfinished segments of each timeline, by number: those of the receiver before those in the archive.
    public let partials: [Timeline: [UInt64: FilePath]]
    /// The history files.
    public let histories: [Timeline: FilePath]
    /// The last segment of each timeline that the list of the archive knows: one behind the last file was lost.
    public let listedLast: [Timeline: UInt64]

    /// Looks into the directories of the archive that can hold segments from `begin` on, of its timeline and later ones.
    ///
    /// What waits in the queues counts: it is archived before it is needed, and `get-wal` finds it there.
    public init(of home: ServerHome, from begin: WALSegmentName, size: WALSegmentSize) throws {
        var gathered = Gathered(size: size)
        let archive = WALArchive(home)
        for name in try archive.names(in: home.walsDirectory) {
            let path = home.walsDirectory.appending(name)
            guard name.utf8.count == 16, let first = WALSegmentName(name + "00000000") else {
                try gathered.add(name, path, isReceiving: false)
                continue
            }
            // A directory holds the segments of one log; a branch may begin in an earlier log than the backup.
            guard first.timeline >= begin.timeline, first.timeline > begin.timeline || first.log >= begin.log else {
                continue
            }
            for file in try archive.names(in: path) {
                try gathered.add(file, path.appending(file), isReceiving: false)
            }
        }
        for queue in [home.incomingWALsDirectory, home.streamingWALsDirectory] {
            let isReceiving = queue == home.streamingWALsDirectory
            for file in try archive.names(in: queue) {
                try gathered.add(file, queue.appending(file), isReceiving: isReceiving)
            }
        }
        segments = gathered.numbers.mapValues { SegmentRuns($0) }
        partials = gathered.partials
        histories = gathered.histories
        listedLast = try Self.listedLast(home, size)
    }

    /// Reads the list once, if there is one; it is not made here.
    private static func listedLast(_ home: ServerHome, _ size: WALSegmentSize) throws -> [Timeline: UInt64] {
        let database = XlogDatabase(home)
        var last: [Timeline: UInt64] = [:]
        guard try FileSystem.exists(database.path) else { return last }
        try database.forEachLine { line in
            if case .segment(let segment)? = line.fileName {
                last[segment.timeline] = max(last[segment.timeline] ?? 0, segment.number(size: size))
            }
            return true
        }
        return last
    }

    /// An inventory of what is known already.
    public init(
        segments: [Timeline: SegmentRuns],
        partials: [Timeline: [UInt64: FilePath]] = [:],
        histories: [Timeline: FilePath] = [:],
        listedLast: [Timeline: UInt64] = [:]
    ) {
        self.segments = segments
        self.partials = partials
        self.histories = histories
        self.listedLast = listedLast
    }

    /// Everything of one timeline that is complete.
    public func segments(of timeline: Timeline) -> SegmentRuns { segments[timeline] ?? SegmentRuns([]) }

    private struct Gathered {
        let size: WALSegmentSize
        var numbers: [Timeline: [UInt64]] = [:]
        var partials: [Timeline: [UInt64: FilePath]] = [:]
        var histories: [Timeline: FilePath] = [:]

        mutating func add(_ name: String, _ path: FilePath, isReceiving: Bool) throws(FileError) {
            switch WALFileName(name) {
            case .segment(let segment):
                numbers[segment.timeline, default: []].append(segment.number(size: size))
            case .partial(let segment):
                let number = segment.number(size: size)
                // An empty one only marks where the receiver is to begin; a server that gets it does not start.
                guard let status = try FileSystem.statusIfPresent(of: path), status.sizeBytes > 0 else { return }
                // The receiver's is at least as long as what was archived of the same segment.
                if isReceiving || partials[segment.timeline]?[number] == nil {
                    partials[segment.timeline, default: [:]][number] = path
                }
            case .history(let timeline):
                if histories[timeline] == nil { histories[timeline] = path }
            case .backupLabel, nil:
                break
            }
        }
    }
}
