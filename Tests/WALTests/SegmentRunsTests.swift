import Testing
import WAL

@Suite struct SegmentRunsTests {
    @Test func `what is missing is named, inside and at both ends`() {
        let runs = SegmentRuns([3, 4, 7, 9])
        #expect(runs.missing(in: 1..<12) == [1..<3, 5..<7, 8..<9, 10..<12])
        #expect(runs.missing(in: 3..<5) == [])
        #expect(runs.missing(in: 4..<8) == [5..<7])
        #expect(runs.missing(in: 20..<22) == [20..<22])
        #expect(SegmentRuns([]).missing(in: 1..<2) == [1..<2])
    }

    @Test func `nothing is missing but what is not there, for any set`() {
        for seed in 0..<20 as Range<UInt64> {
            var generator = Generator(state: seed)
            let chosen = (0..<60 as Range<UInt64>).filter { _ in UInt8.random(in: 0..<3, using: &generator) > 0 }
            let found = SegmentRuns(chosen.shuffled(using: &generator)).missing(in: 0..<60).flatMap { Array($0) }
            #expect(found == (0..<60).filter { !chosen.contains($0) })
        }
    }
}

/// The same sequence for the same start.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
