import Archive
import Catalog
import Failure
import Files
import Notation
import Pipeline
import Processes
import SystemPackage
import WAL

/// Looks into the WAL of a recovery for the record at which it would stop.
///
/// A time is looked for from the end backwards, where it mostly is in the first segment; a transaction or a name from the begin on,
/// as recovery does. Only WAL that was read to its end is said not to hold something: clocks go back, so that what was written later
/// proves nothing about what was written before. More than `limitBytes` is not read.
struct StopSearch {
    /// What came of it.
    enum Outcome: Equatable {
        /// Recovery stops at this record, or at an earlier one.
        case found(WALStop)
        /// The WAL holds no such record; what it holds instead.
        case missing(Evidence)
        /// It was not looked through to the end, or is no WAL that can be read.
        case unknown
    }

    /// What the WAL holds.
    struct Evidence: Equatable {
        /// The end of a transaction that is later than the others.
        var newest: WALStop?
        /// The names of its restore points, the last ones.
        var names: [String] = []
        fileprivate var hasRecords = false

        fileprivate mutating func add(_ stop: WALStop) {
            switch stop.kind {
            case .commit, .abort:
                if newest.map({ $0.microseconds <= stop.microseconds }) ?? true { newest = stop }
            case .restorePoint(let name):
                names.append(String(decoding: name, as: UTF8.self))
                if names.count > 5 { names.removeFirst() }
            }
        }

        fileprivate mutating func add(_ other: Evidence) {
            hasRecords = hasRecords || other.hasRecords
            if let newest = other.newest { add(newest) }
            names = (names + other.names).suffix(5)
        }
    }

    /// What one segment answers.
    private struct Answer: Sendable {
        var match: WALStop?
        var evidence = Evidence()
        var lastRecord: LSN?
    }

    /// A segment on the way, and the position behind which it does not count.
    private struct Place: Sendable {
        let file: FilePath
        let start: LSN
        var limit: LSN?
        var next: FilePath?
    }

    /// How much WAL is looked through.
    static let limitBytes: UInt64 = 4 << 30
    /// How many segments without any record are passed on the way to the last one.
    private static let emptySegments = 64

    private let home: ServerHome
    private let path: RecoveryPath
    /// Where recovery begins: what stands before it in the first segment does not count.
    private let begin: LSN
    private let reader: WALReader
    private let segments: [(name: WALSegmentName, limit: LSN?)]
    private let limit: Int

    /// Prepares to look through the WAL on a way, through so many bytes of it at most.
    init(home: ServerHome, path: RecoveryPath, from begin: LSN, limitBytes: UInt64 = Self.limitBytes) {
        self.home = home
        limit = Int(clamping: limitBytes / path.segmentSize.bytes)
        self.path = path
        self.begin = begin
        reader = WALReader(home: home)
        var segments = path.segments.map { segment in
            (segment, path.timelines.end(of: segment.timeline))
        }
        if let partial = path.partial { segments.append((partial.segment, nil)) }
        self.segments = segments
    }

    /// Where recovery would stop for a target of time, transaction or name.
    func stop(for target: RecoveryTarget) throws -> Outcome {
        if let time = target.time {
            let wanted =
                (time.secondsSinceEpoch - WALStop.epochOffsetSeconds) * 1_000_000 + Int64(time.microseconds)
            let isExclusive = target.isExclusive
            return try last { stop in
                stop.endsTransaction && (isExclusive ? stop.microseconds >= wanted : stop.microseconds > wanted)
            }
        }
        if let text = target.xid, let wanted = RecoveryTarget.transactionID(text) {
            return try first { $0.endsTransaction && $0.transactionID == wanted }
        }
        if let name = target.name {
            let wanted = Array(name.utf8)
            return try first { $0.kind == .restorePoint(name: wanted) }
        }
        return .unknown
    }

    /// Where the last record begins; `nil` when it was not found in the last segments.
    func lastRecord() throws -> LSN? {
        for index in segments.indices.reversed().prefix(Self.emptySegments) {
            if let last = try ask(place(index), { _ in false }).lastRecord { return last }
        }
        return nil
    }

    // MARK: From one end to the other

    private func first(_ matches: @escaping @Sendable (WALStop) -> Bool) throws -> Outcome {
        let (found, evidence) = try search(segments.indices, matches)
        if let found { return .found(found.stop) }
        return outcome(evidence)
    }

    private func last(_ matches: @escaping @Sendable (WALStop) -> Bool) throws -> Outcome {
        let (found, evidence) = try search(segments.indices.reversed(), matches)
        if let found { return .found(try earlier(than: found.stop, in: found.index, matches)) }
        return outcome(evidence)
    }

    /// What it means that nothing was found.
    private func outcome(_ evidence: Evidence) -> Outcome {
        segments.count <= limit && evidence.hasRecords ? .missing(evidence) : .unknown
    }

    /// Reads segments in this order, several at a time, up to the first with a match or to the limit.
    private func search(
        _ order: some Collection<Int>,
        _ matches: @escaping @Sendable (WALStop) -> Bool
    ) throws -> (found: (stop: WALStop, index: Int)?, evidence: Evidence) {
        let threads = Workers.coreCount
        var evidence = Evidence()
        var rest = Array(order.prefix(limit))[...]
        // A time is mostly in the first segment: nothing is read in vain beside it.
        var count = 1
        while !rest.isEmpty {
            var found: (stop: WALStop, index: Int)?
            try Workers.map(
                try rest.prefix(count).map { (index: $0, place: try place($0)) },
                count: threads,
                check: { try SignalWatch.check() },
                body: { (index: $0.index, answer: try ask($0.place, matches)) },
                inOrder: { _, result in
                    if found == nil, let stop = result.answer.match { found = (stop, result.index) }
                    evidence.add(result.answer.evidence)
                }
            )
            if let found { return (found, evidence) }
            rest = rest.dropFirst(count)
            count = threads * 4
        }
        return (nil, evidence)
    }

    // MARK: By halves

    /// An earlier record than that in the segment with this index, by halves.
    ///
    /// Any record at which recovery would stop is good: it bounds what is needed. Where times are not in order, it is not the first.
    private func earlier(
        than match: WALStop,
        in index: Int,
        _ matches: @escaping @Sendable (WALStop) -> Bool
    ) throws -> WALStop {
        var best = match
        var upper = index
        var lower = 0
        while lower < upper {
            let middle = lower + (upper - lower) / 2
            var probe = middle
            var answer = try ask(place(probe), matches)
            while answer.match == nil, answer.evidence.newest == nil, probe > lower, middle - probe < 8 {
                probe -= 1
                answer = try ask(place(probe), matches)
            }
            if let match = answer.match {
                best = match
                upper = probe
            } else {
                lower = middle + 1
            }
        }
        return best
    }

    // MARK: One segment

    private func place(_ index: Int) throws -> Place {
        let segment = segments[index]
        return Place(
            file: try file(index),
            start: segment.name.startLSN(size: path.segmentSize),
            limit: segment.limit,
            next: index + 1 < segments.count ? try file(index + 1) : nil
        )
    }

    private func file(_ index: Int) throws -> FilePath {
        let name = segments[index].name
        let isPartial = path.partial?.segment == name && index == segments.count - 1
        let lookup = WALLookup(home: home)
        return try lookup.place(of: .segment(name), text: name.description, partial: isPartial)
            ?? WALArchive(home).path(of: name)
    }

    private func ask(_ place: Place, _ matches: (WALStop) -> Bool) throws -> Answer {
        var answer = Answer()
        let records = try reader.records(
            of: place.file,
            at: place.start,
            size: path.segmentSize,
            limit: place.limit,
            followedBy: place.next
        ) { stop in
            guard stop.position >= begin else { return }
            answer.evidence.add(stop)
            if answer.match == nil, matches(stop) { answer.match = stop }
        }
        answer.lastRecord = records.lastRecord
        answer.evidence.hasRecords = records.lastRecord != nil
        return answer
    }
}

extension WALStop {
    /// When it was written, in this host's zone.
    var time: Timestamp {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Timestamp(secondsSinceEpoch: seconds &+ WALStop.epochOffsetSeconds, microseconds: Int32(rest))
            .inLocalZone()
    }

    /// What it is, in words: `the commit of transaction 742`.
    var text: String {
        switch kind {
        case .commit: "the commit of transaction \(transactionID)"
        case .abort: "the rollback of transaction \(transactionID)"
        case .restorePoint(let name): "the restore point '\(String(decoding: name, as: UTF8.self))'"
        }
    }
}
