import Testing

@testable import Settings

struct ConfigurationEditTests {
    private func edited(
        _ text: String,
        _ option: String = "archiver",
        to value: String = "on",
        in section: String = "pg"
    )
        -> String
    {
        let bytes = ConfigurationEdit.setting(option, to: value, in: section, of: Array(text.utf8))
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `an option is replaced where it stands`() {
        #expect(edited("[pg]\na = 1\narchiver=off\nb = 2\n") == "[pg]\na = 1\narchiver = on\nb = 2\n")
        #expect(edited("[pg]\n  Archiver : off\n") == "[pg]\narchiver = on\n")
        #expect(edited("[pg]\narchiver = off") == "[pg]\narchiver = on\n")
    }

    @Test func `lines that continue a value go with it`() {
        #expect(edited("[pg]\narchiver = off\n  more\n\n  of it\nb = 2\n") == "[pg]\narchiver = on\nb = 2\n")
        #expect(
            edited("[pg]\na = x\n  archiver = no option\n") == "[pg]\na = x\n  archiver = no option\narchiver = on\n"
        )
    }

    @Test func `a new option follows the last one of its section`() {
        #expect(edited("[pg]\na = 1\n[other]\nb = 2\n") == "[pg]\na = 1\narchiver = on\n[other]\nb = 2\n")
        #expect(
            edited("[pg]\na = 1\n\n# about other\n[other]\n")
                == "[pg]\na = 1\narchiver = on\n\n# about other\n[other]\n"
        )
        #expect(edited("[pg]\n") == "[pg]\narchiver = on\n")
        #expect(edited("[pg]") == "[pg]\narchiver = on\n")
    }

    @Test func `a missing section is added at the end`() {
        #expect(edited("") == "[pg]\narchiver = on\n")
        #expect(edited("[pg2]\narchiver = off") == "[pg2]\narchiver = off\n[pg]\narchiver = on\n")
        #expect(edited("# [pg]\n") == "# [pg]\n[pg]\narchiver = on\n")
    }

    @Test func `of options that stand there twice the one that counts is replaced`() {
        #expect(
            edited("[pg]\narchiver = a\n[x]\n[pg]\narchiver = b\n") == "[pg]\narchiver = a\n[x]\n[pg]\narchiver = on\n"
        )
    }

    @Test func `the ends of lines stay what they are`() {
        #expect(edited("[pg]\r\na = 1\r\n") == "[pg]\r\na = 1\r\narchiver = on\r\n")
    }
}
