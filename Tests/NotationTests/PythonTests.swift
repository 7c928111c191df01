import Notation
import Testing

@Suite struct PythonTextTests {
    @Test(arguments: [
        (0.1, "0.1"), (1_767_225_600.25, "1767225600.25"), (1e16, "1e+16"), (1e15, "1000000000000000.0"),
        (9_999_999_999_999_998, "9999999999999998.0"), (1.5e300, "1.5e+300"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (0.000012345, "1.2345e-05"), (-0.0, "-0.0"), (0, "0.0"), (.leastNonzeroMagnitude, "5e-324"), (100, "100.0"),
        (-2.5, "-2.5"),
        (1_767_225_601.8288636, "1767225601.8288636"), (123_456_789_012_345_680, "1.2345678901234568e+17"),
        (.infinity, "inf"), (.nan, "nan"),
    ])
    func `a number has its shortest form`(value: Double, expected: String) {
        #expect(PythonText.double(value) == expected)
    }

    @Test(arguments: [
        ("plain", "'plain'"), ("it's", "\"it's\""), ("it's \"both\"", "'it\\'s \"both\"'"), ("a\\b", "'a\\\\b'"),
        ("line\nnext\r\n\t", "'line\\nnext\\r\\n\\t'"), ("\u{7F}\u{1}", "'\\x7f\\x01'"), ("é€", "'é€'"),
        ("\u{A0}", "'\\xa0'"), ("\u{2028}", "'\\u2028'"), ("\u{E000}", "'\\ue000'"), ("\u{1F600}", "'\u{1F600}'"),
        ("\u{F0000}", "'\\U000f0000'"), ("", "''"),
    ])
    func `a quoted text stands on one line and reads back`(text: String, expected: String) throws {
        #expect(PythonText.quoted(text) == expected)
        #expect(try PythonLiteral(parsing: expected) == .string(text))
    }
}

@Suite struct PythonLiteralTests {
    @Test(arguments: [
        "None", "True", "False", "-12", "0.1", "'text'", "[]", "()", "(1,)", "{}", "[('fast', 16387, '/ssd/fast')]",
        "[('fast', 16387, '/ssd/fast'), (\"o'x\", 16388, '/ssd/o')]",
        "{'total_time': 3.412907, 'number_of_workers': 2, 'analysis_time_per_item': {'fast': 0.2, 'pgdata': 1e-05}}",
        "{1: 'a', 'b': [None, True]}",
    ])
    func `the canonical rendering reads back as it was`(text: String) throws {
        #expect(try PythonLiteral(parsing: text).text == text)
    }

    @Test(arguments: [
        ("[1,2 , 3,]", "[1, 2, 3]"), ("( 1 )", "1"), ("u'old'", "'old'"), ("'a' \"b\"", "'ab'"), ("1_000", "1000"),
        ("{'a':1,'a':2}", "{'a': 2}"), ("'\\101\\x41\\u0041\\U00000041\\q'", "'AAAA\\\\q'"), ("--1", "1"),
        ("+.5", "0.5"),
        ("1e3", "1000.0"), (" {'a' : 1} ", "{'a': 1}"), ("99999999999999999999", "1e+20"),
    ])
    func `other renderings are read as well`(text: String, expected: String) throws {
        #expect(try PythonLiteral(parsing: text).text == expected)
    }

    @Test(arguments: [
        "", "{", "{'a'", "{'a'}", "[1 2]", "'open", "nothing", "1 2", "(,)", "[,]", "{,}", "'\\x4'", "-", ".", "1e",
        "u",
        "f(1)", "b'x'",
    ])
    func `what is no literal is refused`(text: String) {
        #expect(throws: PythonLiteralError.self) { try PythonLiteral(parsing: text) }
    }

    @Test func `deep nesting is refused instead of overrunning the stack`() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: PythonLiteralError.self) { try PythonLiteral(parsing: text) }
        #expect(throws: JSONParseError.self) { try JSONValue(parsing: text) }
    }

    @Test func `every truncation is refused or read, never fatal`() {
        let text = "[{'a': (1, 2.5, None), \"b'\": '\\n\\u00e9'}, True]"
        for length in 0..<text.count {
            #expect(throws: PythonLiteralError.self) { try PythonLiteral(parsing: String(text.prefix(length))) }
        }
    }
}
