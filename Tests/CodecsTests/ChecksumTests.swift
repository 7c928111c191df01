import Codecs
import Testing

/// SHA-256, MD5 and CRC-32C against the vectors of FIPS 180-4, RFC 1321 and RFC 3720.
@Suite struct ChecksumTests {
    @Test func `known answers`() {
        let answers: [(String, String, String)] = [
            (
                "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "d41d8cd98f00b204e9800998ecf8427e"
            ),
            (
                "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "900150983cd24fb0d6963f7d28e17f72"
            ),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "8215ef0796a20bcaaae116d3876c664a"
            ),
        ]
        for (text, sha256, md5) in answers {
            #expect(Checksum.hexadecimal(of: Array(text.utf8)) == sha256)
            #expect(Checksum.hexadecimal(of: Array(text.utf8), .md5) == md5)
        }
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(
            Checksum.hexadecimal(of: million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
        #expect(Checksum.hexadecimal(of: million, .md5) == "7707d6ae4e027c70eea2a935c2296f21")
        // Appendix B.4, in the order of the bytes on the wire, as in PostgreSQL's manifests.
        #expect(Checksum.hexadecimal(of: [UInt8](repeating: 0, count: 32), .crc32c) == "aa36918a")
        #expect(Checksum.hexadecimal(of: Array(0..<32), .crc32c) == "4e79dd46")
    }

    @Test(arguments: ChecksumAlgorithm.allCases)
    func `however the bytes come, the checksum is the same`(algorithm: ChecksumAlgorithm) {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1000] {
            let whole = Checksum.hexadecimal(of: Array(bytes[..<length]), algorithm)
            for piece in [1, 3, 63, 64, 65, 200] {
                var checksum = Checksum(algorithm)
                for start in stride(from: 0, to: length, by: piece) {
                    checksum.update(Array(bytes[start..<min(start + piece, length)]))
                }
                #expect(checksum.hexadecimal() == whole)
            }
        }
    }
}
