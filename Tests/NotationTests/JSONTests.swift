import Notation
import Testing

@Suite struct JSONTests {
    private let value: JSONValue = [
        "b": [1, 2.5, true, nil], "a": "é\"\\\n\u{1F600}\u{7F}", "B": [:], "empty": [], "nested": ["x": ["y": 1]],
    ]

    @Test func `the text is that of Python, keys sorted by code point`() {
        #expect(
            value.text()
                == #"{"B": {}, "a": "\u00e9\"\\\n\ud83d\ude00\u007f", "b": [1, 2.5, true, null], "empty": [], "#
                + #""nested": {"x": {"y": 1}}}"#
        )
    }

    @Test func `keys stay in order when that is wanted`() {
        let value: JSONValue = ["b": 1, "a": 2]
        #expect(value.text(sortedKeys: false) == #"{"b": 1, "a": 2}"#)
    }

    @Test func `an indent breaks lines as Python does`() {
        let value: JSONValue = ["version": "17", "systemid": "7", "none": [], "list": [1, 2]]
        let expected = """
            {
                "list": [
                    1,
                    2
                ],
                "none": [],
                "systemid": "7",
                "version": "17"
            }
            """
        #expect(value.text(indent: 4) == expected)
    }

    @Test func `what is written reads back`() throws {
        #expect(try JSONValue(parsing: value.text()) == value)
        #expect(try JSONValue(parsing: value.text(indent: 2)) == value)
    }

    @Test func `members are found by key`() throws {
        let value = try JSONValue(
            parsing: #" {"a": {"b": [1, "x"]}, "big": 123456789012345678901234567890, "h": "\ud800!"} "#
        )
        #expect(value["a"]?["b"]?.arrayValue?.first?.integerValue == 1)
        #expect(value["a"]?["b"]?.arrayValue?.last?.stringValue == "x")
        #expect(value["big"] == .double(1.2345678901234568e29))
        #expect(value["h"] == "\u{FFFD}!")
        #expect(value["missing"] == nil)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{a:1}", "01", "1.", "1e", "-", "tru", "\"open", "\"\n\"", "[1] 2", "\"\\x\"",
        "\"\\u12\"",
    ])
    func `what is no JSON is refused`(text: String) {
        #expect(throws: JSONParseError.self) { try JSONValue(parsing: text) }
    }

    @Test func `bytes that are no text are refused`() {
        #expect(throws: JSONParseError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }
}
