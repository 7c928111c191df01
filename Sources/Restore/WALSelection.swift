import WAL

/// Which files of the archive a restored server needs: fed with the lines of `xlog.db` in their order.
struct WALSelection {
    /// One file to deliver.
    struct Item: Equatable {
        /// The name in the archive.
        let name: String
        /// Where it is, by its kind.
        let kind: WALFileName
    }

    /// The files to deliver, in the order of the catalog.
    private(set) var items: [Item] = []

    private let begin: WALSegmentName
    private let path: RecoveryPath
    private let stopsAtConsistency: Bool
    private let lastWanted: WALSegmentName?
    private let wantsPartial: Bool
    private var isFinished = false
    /// The highest name delivered so far, or that of the last segment of the backup.
    private var highestName: String
    private var seen: Set<String> = []

    /// Selects from `begin` on; what comes after `end` only as far as the target needs it.
    ///
    /// Segments beside the way of the recovery are left out. With `stopsAtConsistency` nothing after `end` is taken, with
    /// `targetLSN` nothing after the segment behind the one that holds it: PostgreSQL stops at the first record that begins
    /// there or later, and that may be in the next segment.
    init(
        begin: WALSegmentName,
        end: WALSegmentName,
        path: RecoveryPath,
        stopsAtConsistency: Bool = false,
        targetLSN: LSN? = nil,
        wantsPartial: Bool = false
    ) {
        self.begin = begin
        highestName = end.description
        self.path = path
        self.stopsAtConsistency = stopsAtConsistency
        self.wantsPartial = wantsPartial
        lastWanted = targetLSN.map { lsn in
            let last = WALSegmentName(
                containing: lsn,
                timeline: path.timelines.timeline(at: lsn),
                size: path.segmentSize
            )
            return last.next(size: path.segmentSize) ?? last
        }
    }

    /// Takes or leaves one line of the catalog.
    ///
    /// History files are always taken; a repeated name only once.
    mutating func consider(_ name: String, kind: WALFileName) {
        let segment: WALSegmentName
        switch kind {
        case .history:
            take(Item(name: name, kind: kind))
            return
        case .partial(let name):
            guard wantsPartial else { return }
            segment = name
        case .segment(let name), .backupLabel(let name, _):
            segment = name
        }
        guard !isFinished, segment >= begin, segment.timeline <= path.timelines.target else { return }
        // Names are compared as texts: what belongs to a segment comes after it.
        if name > highestName {
            if stopsAtConsistency || lastWanted.map({ name > $0.description }) == true {
                isFinished = true
                return
            }
            highestName = name
        }
        if case .segment = kind, !path.contains(segment) { return }
        take(Item(name: name, kind: kind))
    }

    private mutating func take(_ item: Item) {
        guard seen.insert(item.name).inserted else { return }
        items.append(item)
    }
}
