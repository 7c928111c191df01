import Notation
import Testing

@Suite struct HexadecimalTests {
    @Test func `pairs of digits are bytes, and nothing else is`() {
        #expect([UInt8](hexadecimal: "") == [])
        #expect([UInt8](hexadecimal: "00ff7F0aB9") == [0, 0xFF, 0x7F, 0x0A, 0xB9])
        for text in ["0", "0g", "g0", "0x", " 0", "é", "00f", "１２"] {
            #expect([UInt8](hexadecimal: text) == nil, "\(text)")
        }
    }
}
