import Testing

@testable import Codecs

struct ManifestChecksumTests {
    /// Known answers for `123456789` (FIPS 180-4 tools; RFC 3720 for CRC-32C, 0xE3069283 in the order of its bytes).
    @Test(arguments: [
        ("CRC32C", "839206e3"), ("SHA224", "9b3e61bf29f17c75572fae2e86e17809a4513d07c8a18152acf34521"),
        ("SHA256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ("SHA384", "eb455d56d2c1a69de64e832011f3393d45f3fa31d6842f21af92d2fe469c499da5e3179847334a18479c8d1dedea1be3"),
        (
            "SHA512",
            "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85"
        ),
    ])
    func `every algorithm of a manifest gives its known answer`(algorithm: String, expected: String) throws {
        let bytes = Array("123456789".utf8)
        for cut in 0...bytes.count {
            var checksum = try #require(ManifestChecksum(algorithm: algorithm))
            Array(bytes[..<cut]).withUnsafeBytes { checksum.update($0) }
            Array(bytes[cut...]).withUnsafeBytes { checksum.update($0) }
            #expect(checksum.hexadecimal() == expected)
        }
    }

    @Test func `no algorithm and an unknown one are told apart`() {
        #expect(ManifestChecksum(algorithm: "NONE")?.hexadecimal() == nil)
        #expect(ManifestChecksum(algorithm: "NONE") != nil)
        #expect(ManifestChecksum(algorithm: "MD5") == nil)
    }
}
