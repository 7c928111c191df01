import Failure
import SystemPackage
import Testing

@testable import Settings

@Suite struct IniFileTests {
    @Test(arguments: [
        ("[s]\na=1\nb : 2\n", ["a": "1", "b": "2"]),
        ("[s]\r\na=1\r\nb=2\r\n", ["a": "1", "b": "2"]),
        ("[s]\ra=1\rb=2", ["a": "1", "b": "2"]),
        ("[s]\nA = x = y : z\n", ["a": "x = y : z"]),
        ("# c\n; d\n[s]\n  # e\na=b ; c # d\n", ["a": "b ; c # d"]),
        ("[s]\na=1\n  2\n\n  3\n  # gone\n  4\n\n\nb=5\n", ["a": "1\n2\n\n3\n4", "b": "5"]),
        ("[s]\na=1\n  b=2\n", ["a": "1\nb=2"]),
        ("[s]\na=1\n [t]\n", ["a": "1\n[t]"]),
        ("[s]\n   a=1\n  b=2\n c=3\n", ["a": "1", "b": "2", "c": "3"]),
        ("[s]\na=1\nA=2\n", ["a": "2"]),
        ("[s]\na=1\n[t]\n[s]\nb=2\n", ["a": "1", "b": "2"]),
        ("[s]\na=\n", ["a": ""]),
        ("[s] [t] trailing\na=1\n[s]\nb=2\n", ["b": "2"]),
        ("[s]\na=\u{A0}x\u{2003}\n", ["a": "x"]),
    ])
    func `lines are read as the dialect has it`(text: String, expected: [String: String]) throws {
        let file = try IniFile(parsing: Array(text.utf8), path: "/x.conf")
        let section = try #require(file.sections.first { $0.name == "s" })
        #expect(Dictionary(section.entries.map { ($0.name, $0.text) }) { $1 } == expected)
    }

    @Test func `a section is named by everything up to the last bracket, blanks included`() throws {
        let file = try IniFile(parsing: Array("[ s ]\n[a] b ] c\n[[d]]\n".utf8), path: "/x.conf")
        #expect(file.sections.map(\.name) == [" s ", "a] b ", "[d]"])
    }

    @Test func `each option knows its line`() throws {
        let file = try IniFile(parsing: Array("[s]\n\na=1\n  2\nb=3\n".utf8), path: "/x.conf")
        #expect(file.sections.first?.entries.map(\.line) == [3, 5])
    }

    @Test(arguments: [
        ("x=1\n", "File contains no section headers.\nfile: '/x.conf', line: 1\n'x=1\\n'"),
        ("# c\n\nx", "File contains no section headers.\nfile: '/x.conf', line: 3\n'x'"),
        (
            "[s]\nfoo\n=x\nbar\n",
            "Source contains parsing errors: '/x.conf'\n\t[line  2]: 'foo\\n'\n\t[line  3]: '=x\\n'\n\t[line  4]: 'bar\\n'"
        ),
        ("[s]\n[]\n", "Source contains parsing errors: '/x.conf'\n\t[line  2]: '[]\\n'"),
        ("\u{FEFF}[s]\n", "File contains no section headers.\nfile: '/x.conf', line: 1\n'\\ufeff[s]\\n'"),
    ])
    func `what can not be read is refused with file and line`(text: String, expected: String) {
        #expect(throws: SettingsError.self) { try IniFile(parsing: Array(text.utf8), path: "/x.conf") }
        do throws(SettingsError) {
            _ = try IniFile(parsing: Array(text.utf8), path: "/x.conf")
        } catch {
            #expect(error.text == expected)
            #expect(error.failure.kind == .exception)
        }
    }

    @Test(
        arguments: [
            ([0x61, 0xFF], "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte"),
            ([0xC3, 0x28], "'utf-8' codec can't decode byte 0xc3 in position 0: invalid continuation byte"),
            ([0x61, 0xE2, 0x82], "'utf-8' codec can't decode byte 0xe2 in position 1: unexpected end of data"),
            ([0xED, 0xA0, 0x80], "'utf-8' codec can't decode byte 0xed in position 0: invalid continuation byte"),
            ([0xC0, 0x80], "'utf-8' codec can't decode byte 0xc0 in position 0: invalid start byte"),
        ] as [([UInt8], String)]
    )
    func `a file that is not UTF-8 is refused`(bytes: [UInt8], expected: String) {
        #expect(UTF8Flaw.first(in: bytes)?.description == expected)
        #expect(throws: SettingsError.self) { try IniFile(parsing: bytes, path: "/x.conf") }
    }

    @Test func `no cut and no flipped bit ends in anything but sections or an error`() {
        let text =
            "[DEFAULT]\nq='\n[barman]\nbarman_home=/b\n[s]\ndescription = \"ä%(cluster)s\n  b\"\n# c\nsize: 3Ki\n"
        let whole = Array(text.utf8)
        for length in 0...whole.count {
            _ = try? IniFile(parsing: Array(whole.prefix(length)), path: "/x.conf")
        }
        for index in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[index] ^= 1 << UInt8(bit)
                var picture = MergedSections()
                guard let file = try? IniFile(parsing: bytes, path: "/x.conf") else { continue }
                guard (try? picture.merge(file)) != nil else { continue }
                for section in picture.sections {
                    for entry in section.entries { _ = try? section.text(of: entry) }
                }
            }
        }
    }
}
