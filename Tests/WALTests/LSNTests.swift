import Testing
import WAL

@Suite struct LSNTests {
    @Test(arguments: [
        ("0/3000028", 0x300_0028), ("CFD/AD180888", 0xCFD_AD18_0888), ("0/0", 0), ("ffffffff/ffffffff", UInt64.max),
    ])
    func `the X slash X form is read and written`(text: String, position: UInt64) throws {
        let lsn = try #require(LSN(text))
        #expect(lsn.rawValue == position)
        #expect(lsn.description == text.uppercased())
    }

    @Test(arguments: [
        "", "/", "0/", "/0", "0/0/0", "g/0", "0/123456789", "123456789/0", " 0/0", "0/-1", "0x1/0", "0/é",
    ])
    func `anything else is refused`(text: String) {
        #expect(LSN(text) == nil)
    }

    @Test func `positions order as numbers`() throws {
        #expect(try #require(LSN("0/FFFFFFFF")) < #require(LSN("1/0")))
    }
}
