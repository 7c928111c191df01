import WAL

/// Which files of the archive a restored server needs: fed with the lines of `xlog.db` in their order.
struct WALSelection {
    /// One file to deliver.
    struct Item: Equatable {
        /// The name in the archive.
        let name: String
        /// How it is stored; `nil` when the catalog says it is plain.
        let compression: String?
        /// Where it is, by its kind.
        let kind: WALFileName
        /// True when it is encrypted.
        let isEncrypted: Bool
    }

    /// The files to deliver, in the order of the catalog.
    private(set) var items: [Item] = []
    /// The last segment that is delivered, or the end of the backup.
    private(set) var lastSegment: WALSegmentName

    private let begin: WALSegmentName
    private let targetTimeline: Timeline
    private let stopsAtConsistency: Bool
    private let lastWanted: WALSegmentName?
    private let wantsPartial: Bool
    private var isFinished = false
    /// The highest name delivered so far, or that of the last segment of the backup.
    private var highestName: String
    private var seen: Set<String> = []

    /// Selects from `begin` on; what comes after `end` only as far as the target needs it.
    ///
    /// Files of timelines above `targetTimeline` are left out. With `stopsAtConsistency` nothing after `end` is taken, with
    /// `targetLSN` nothing after the segment that holds it.
    init(
        begin: WALSegmentName,
        end: WALSegmentName,
        targetTimeline: Timeline,
        stopsAtConsistency: Bool = false,
        targetLSN: LSN? = nil,
        segmentSize: WALSegmentSize,
        wantsPartial: Bool = false
    ) {
        self.begin = begin
        lastSegment = end
        highestName = end.description
        self.targetTimeline = targetTimeline
        self.stopsAtConsistency = stopsAtConsistency
        self.wantsPartial = wantsPartial
        lastWanted = targetLSN.map { WALSegmentName(containing: $0, timeline: targetTimeline, size: segmentSize) }
    }

    /// Takes or leaves one line of the catalog.
    ///
    /// History files are always taken; a repeated name only once.
    mutating func consider(_ name: String, kind: WALFileName, compression: String?, isEncrypted: Bool) {
        let segment: WALSegmentName
        switch kind {
        case .history:
            take(Item(name: name, compression: compression, kind: kind, isEncrypted: isEncrypted))
            return
        case .partial(let name):
            guard wantsPartial else { return }
            segment = name
        case .segment(let name), .backupLabel(let name, _):
            segment = name
        }
        guard !isFinished, segment >= begin, segment.timeline <= targetTimeline else { return }
        // Names are compared as texts: what belongs to a segment comes after it.
        if name > highestName {
            if stopsAtConsistency || lastWanted.map({ name > $0.description }) == true {
                isFinished = true
                return
            }
            highestName = name
            lastSegment = max(segment, lastSegment)
        }
        take(Item(name: name, compression: compression, kind: kind, isEncrypted: isEncrypted))
    }

    /// The segment a streaming archiver may still be writing, when it belongs to the target.
    func nextPartial(segmentSize: WALSegmentSize) -> WALSegmentName? {
        guard wantsPartial, !stopsAtConsistency, let next = lastSegment.next(size: segmentSize) else { return nil }
        guard next.timeline == targetTimeline, lastWanted.map({ next <= $0 }) != false else { return nil }
        return next
    }

    private mutating func take(_ item: Item) {
        guard seen.insert(item.name).inserted else { return }
        items.append(item)
    }
}
