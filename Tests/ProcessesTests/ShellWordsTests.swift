import Processes
import TestWorld
import Testing

struct ShellWordsTests {
    @Test(arguments: hostileNames + [""])
    func `a quoted word is one word for a real shell`(word: String) throws {
        let outcome = try ProcessRequest("/bin/sh", ["-c", "printf '%s' \(ShellWords.quote(word))"]).run()
        #expect(outcome.outputText == word)
        #expect(try ShellWords.split(ShellWords.quote(word)) == [word])
        #expect(try ShellWords.split(ShellWords.singleQuote(word)) == [word])
    }

    @Test func `plain words stay plain`() {
        #expect(ShellWords.join(["ls", "-l", "/a/b_c.d", "x=1", "user@host:5"]) == "ls -l /a/b_c.d x=1 user@host:5")
        #expect(ShellWords.quote("") == "''")
        #expect(ShellWords.quote("it's") == #"'it'\''s'"#)
    }

    @Test func `blanks alone separate words that are split at blanks`() {
        #expect(ShellWords.splitAtBlanks("  ssh -p\t22 'a b'\n") == ["ssh", "-p", "22", "'a", "b'"])
        #expect(ShellWords.splitAtBlanks(" ").isEmpty)
    }

    @Test func `words are split as Python's shlex splits them`() throws {
        #expect(try ShellWords.split(#"a 'b c' "d \"e\" \x" f\ g """#) == ["a", "b c", #"d "e" \x"#, "f g", ""])
        #expect(try ShellWords.split("").isEmpty)
        #expect(throws: ShellWords.SplitError.noClosingQuotation) { try ShellWords.split("a 'b") }
        #expect(throws: ShellWords.SplitError.noClosingQuotation) { try ShellWords.split("a \"b") }
        #expect(throws: ShellWords.SplitError.noEscapedCharacter) { try ShellWords.split("a\\") }
    }

    @Test(arguments: [
        ("host=x password=secret user=y", "host=x password=*REDACTED* user=y"),
        ("password='se cret' user=y", "password=*REDACTED* user=y"),
        ("password='unclosed", "password=*REDACTED*"),
        ("PASSWORD=x", "PASSWORD=*REDACTED*"),
        ("postgresql://u:s@h/db", "postgresql://u:*REDACTED*@h/db"),
        ("postgres://u:s@x@h/db", "postgres://u:*REDACTED*@h/db"),
        ("postgresql://u@h:5432/db", "postgresql://u@h:5432/db"),
        ("nothing = here", "nothing = here"),
        ("password='a\\", "password=*REDACTED*"),
    ])
    func `passwords are unreadable in messages`(text: String, expected: String) {
        #expect(MaskedCommand.masked(text) == expected)
    }
}
