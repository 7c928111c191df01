extension WALSegmentName {
    /// The number of the segment, counted from the one that begins at position 0, whatever its timeline.
    public func number(size: WALSegmentSize) -> UInt64 {
        UInt64(log) * (UInt64(size.highestSegment) + 1) + UInt64(segment)
    }

    /// The segment with a number; `nil` beyond the last one there can be.
    public init?(timeline: Timeline, number: UInt64, size: WALSegmentSize) {
        let (log, segment) = number.quotientAndRemainder(dividingBy: UInt64(size.highestSegment) + 1)
        guard log <= UInt64(UInt32.max) else { return nil }
        self.init(timeline: timeline, log: UInt32(log), segment: UInt32(segment))
    }
}

extension LSN {
    /// The number of the segment that holds this position.
    public func segmentNumber(size: WALSegmentSize) -> UInt64 { rawValue / size.bytes }

    /// The first position of the segment with a number.
    public init(ofSegment number: UInt64, size: WALSegmentSize) {
        self.init(rawValue: number.multipliedReportingOverflow(by: size.bytes).partialValue)
    }
}
