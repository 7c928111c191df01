import Testing
import WAL

@Suite struct WALSegmentNameTests {
    let standard = WALSegmentSize.standard

    func name(_ text: String) throws -> WALSegmentName {
        try #require(WALSegmentName(text))
    }

    @Test func `an LSN on a boundary names the segment that starts there`() throws {
        let lsn = try #require(LSN("0/3000000"))
        let segment = WALSegmentName(containing: lsn, timeline: Timeline(rawValue: 1), size: standard)
        #expect(segment.description == "000000010000000000000003")
        #expect(segment.startLSN(size: standard) == lsn)
    }

    @Test(arguments: [(Int64(16 << 20), UInt32(255)), (1 << 20, 4095), (1 << 30, 3)])
    func `the highest segment of a log follows from the size`(bytes: Int64, highest: UInt32) throws {
        #expect(try #require(WALSegmentSize(bytes: bytes)).highestSegment == highest)
    }

    @Test(arguments: [Int64(0), -1, 1, 1 << 19, 1 << 31, (16 << 20) + 1, .max, .min])
    func `a size that initdb cannot make is refused`(bytes: Int64) {
        #expect(WALSegmentSize(bytes: bytes) == nil)
    }

    @Test func `next and previous cross from one log to another`() throws {
        let last = try name("0000000100000000000000FF")
        let first = try name("000000010000000100000000")
        #expect(last.next(size: standard) == first)
        #expect(first.previous(size: standard) == last)
    }

    @Test func `there is nothing before the first segment nor after the last`() throws {
        #expect(try name("000000010000000000000000").previous(size: standard) == nil)
        #expect(try name("00000001FFFFFFFF000000FF").next(size: standard) == nil)
    }

    @Test func `a range holds both ends and crosses logs`() throws {
        let range = try name("0000000100000000000000FE").through(name("000000010000000100000001"), size: standard)
        #expect(
            range.map(\.description) == [
                "0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000",
                "000000010000000100000001",
            ]
        )
    }

    @Test(arguments: [
        ("000000010000000000000002", "000000010000000000000001"),
        ("000000010000000000000001", "000000020000000000000001"),
    ])
    func `a range backwards or over timelines is empty`(first: String, last: String) throws {
        #expect(try Array(name(first).through(name(last), size: standard)).isEmpty)
    }

    @Test func `a name with a segment number beyond its log does not trap`() throws {
        let strange = try name("00000001FFFFFFFFFFFFFFFF")
        #expect(strange.next(size: standard) == nil)
        _ = strange.startLSN(size: try #require(WALSegmentSize(bytes: 1 << 30)))
    }

    @Test(arguments: [
        "", "00000001000000000000000", "0000000100000000000000011", "00000001000000000000000g", "é00000010000000000000",
    ])
    func `a text of another form is no segment name`(text: String) {
        #expect(WALSegmentName(text) == nil)
    }
}
