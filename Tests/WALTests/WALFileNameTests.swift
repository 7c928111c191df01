import Testing
import WAL

@Suite struct WALFileNameTests {
    @Test func `each kind of file is told from its name`() throws {
        let segment = try #require(WALSegmentName("00000001000000000000000A"))
        #expect(WALFileName("00000001000000000000000a") == .segment(segment))
        #expect(WALFileName("00000001000000000000000A.partial") == .partial(segment))
        #expect(WALFileName("00000001000000000000000A.00000028.backup") == .backupLabel(segment, offset: 0x28))
        #expect(WALFileName("00000002.history") == .history(Timeline(rawValue: 2)))
    }

    @Test(arguments: [
        "", ".", "00000001000000000000000A.gz", "00000001000000000000000A.PARTIAL",
        "00000001000000000000000A.28.backup",
        "2.history", "00000002.history.", ".00000002.history", "../00000002.history",
        "00000001000000000000000A.partial.partial", "00000001000000000000000G",
        "00000001000000000000000A.0000002.backupx",
        "00000001000000000000000A-00000028.backup", "0000000g.history", "00000001000000000000000é.parti",
    ])
    func `a foreign file is none of them`(text: String) {
        #expect(WALFileName(text) == nil)
    }

    @Test func `the hash directory is in upper case and history files have none`() {
        #expect(WALFileName("0000000a0000000b0000000c")?.hashDirectory == "0000000A0000000B")
        #expect(WALFileName("0000000a.history")?.hashDirectory == nil)
    }

    @Test func `a name among other bytes is read as one that stands alone`() throws {
        let bytes = Array("xx00000001000000000000000A.00000028.backup\t12".utf8)
        #expect(WALFileName(bytes.span.extracting(2..<42)) == WALFileName("00000001000000000000000A.00000028.backup"))
        #expect(WALFileName(bytes.span.extracting(2..<26)) == WALFileName("00000001000000000000000A"))
        #expect(WALFileName(bytes.span.extracting(2..<41)) == nil)
    }
}
