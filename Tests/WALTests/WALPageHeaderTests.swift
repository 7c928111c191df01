import Testing
import WAL

/// What the first page of a segment says about it.
@Suite struct WALPageHeaderTests {
    private func header(address: UInt64, timeline: UInt32 = 1, size: UInt32 = 16 << 20, info: UInt8 = 2) -> [UInt8] {
        var bytes: [UInt8] = [0x16, 0xD1, info, 0]
        func add(_ value: UInt64, _ count: Int) {
            for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
        }
        add(UInt64(timeline), 4)
        add(address, 8)
        add(0, 8)
        add(42, 8)
        add(UInt64(size), 4)
        add(8192, 4)
        return bytes
    }

    @Test func `a header says which segment it begins`() throws {
        let header = try #require(WALPageHeader(header(address: 0x1_0200_0000)))
        let name = try #require(WALSegmentName("000000010000000100000002"))
        #expect(header.systemIdentifier == 42)
        #expect(header.defect(asSegment: name, sizeBytes: 16 << 20) == nil)
        #expect(header.defect(asSegment: name, sizeBytes: 16 << 20 - 1) != nil)
        let other = try #require(WALSegmentName("000000010000000100000003"))
        #expect(header.defect(asSegment: other, sizeBytes: 16 << 20) == "its header says that it begins at 1/2000000")
        let child = try #require(WALSegmentName("000000020000000100000002"))
        #expect(header.defect(asSegment: child, sizeBytes: 16 << 20) == nil)
        let impossible = try #require(WALSegmentName("0000000100000001FFFFFFFF"))
        #expect(header.defect(asSegment: impossible, sizeBytes: 16 << 20) != nil)
    }

    @Test func `the timeline may be older than the name, not newer`() throws {
        let header = try #require(WALPageHeader(header(address: 0, timeline: 3)))
        let name = try #require(WALSegmentName("000000020000000000000000"))
        #expect(header.defect(asSegment: name, sizeBytes: 16 << 20) == "its header says timeline 3")
    }

    @Test func `what is no header is none`() {
        #expect(WALPageHeader([]) == nil)
        #expect(WALPageHeader([UInt8](repeating: 0, count: 40)) == nil)
        #expect(WALPageHeader(header(address: 0, info: 0)) == nil)
        #expect(WALPageHeader(header(address: 0, size: 12345)) == nil)
        #expect(WALPageHeader(Array(header(address: 0).dropLast())) == nil)
    }
}
