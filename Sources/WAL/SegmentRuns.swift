/// A set of segment numbers, kept as runs without a gap: millions of segments are a handful of runs.
public struct SegmentRuns: Sendable, Equatable {
    /// The runs, ascending; no two of them touch.
    public let runs: [ClosedRange<UInt64>]

    /// Makes the set of these numbers, in any order, repeated or not.
    public init(_ numbers: [UInt64]) {
        var runs: [ClosedRange<UInt64>] = []
        for number in numbers.sorted() {
            if let last = runs.last, number <= last.upperBound || number - 1 == last.upperBound {
                runs[runs.count - 1] = last.lowerBound...max(last.upperBound, number)
            } else {
                runs.append(number...number)
            }
        }
        self.runs = runs
    }

    /// Whether a number is in the set.
    public func contains(_ number: UInt64) -> Bool { end(ofRunWith: number) != nil }

    /// The last number of the run that holds `number`; `nil` when it is not in the set.
    public func end(ofRunWith number: UInt64) -> UInt64? {
        let index = index(atOrAfter: number)
        guard index < runs.count, runs[index].contains(number) else { return nil }
        return runs[index].upperBound
    }

    /// The lowest member that is not below `number`.
    public func first(atOrAfter number: UInt64) -> UInt64? {
        let index = index(atOrAfter: number)
        guard index < runs.count else { return nil }
        return max(runs[index].lowerBound, number)
    }

    /// The numbers of a range that are not in the set, as ranges, ascending.
    public func missing(in wanted: Range<UInt64>) -> [Range<UInt64>] {
        var gaps: [Range<UInt64>] = []
        var position = wanted.lowerBound
        for run in runs[index(atOrAfter: position)...] {
            guard run.lowerBound < wanted.upperBound else { break }
            if run.lowerBound > position { gaps.append(position..<run.lowerBound) }
            guard run.upperBound < wanted.upperBound else { return gaps }
            position = run.upperBound + 1
        }
        if position < wanted.upperBound { gaps.append(position..<wanted.upperBound) }
        return gaps
    }

    /// The highest member.
    public var last: UInt64? { runs.last?.upperBound }

    /// The first run that does not end before `number`.
    private func index(atOrAfter number: UInt64) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
