import Notation
import Testing

@Suite struct JSONMemberReaderTests {
    /// What a reader makes of a text that comes in these pieces: members as `key=value`, elements as they are.
    private func parts(_ text: String, cutAt cuts: [Int] = []) throws -> [String] {
        let bytes = Array(text.utf8)
        var parts: [String] = []
        var reader = JSONMemberReader(listKey: "wals")
        var start = 0
        for end in cuts + [bytes.count] {
            try bytes[start..<end].withUnsafeBytes { piece in
                try reader.take(piece) { part in
                    switch part {
                    case .member(let key, let value): parts.append("\(key)=\(value.text())")
                    case .element(let value): parts.append(value.text())
                    }
                }
            }
            start = end
        }
        try reader.finish()
        return parts
    }

    private let document =
        #" { "a" : "x,]}\"\\" , "b":{"wals":[1,{"c":[]}]},"wals" : [ {"n": [1, 2]}, 7 ,"}" ],"z":-1.5e3, "y": null }"#
        + "\n"
    private let expected = [
        #"a="x,]}\"\\""#, #"b={"wals": [1, {"c": []}]}"#, #"{"n": [1, 2]}"#, "7", #""}""#, "z=-1500.0", "y=null",
    ]

    @Test func `members and elements come whole, wherever the text is cut`() throws {
        let length = document.utf8.count
        for first in 0...length {
            #expect(try parts(document, cutAt: [first]) == expected, "cut at \(first)")
        }
        #expect(try parts(document, cutAt: Array(0...length)) == expected)
        #expect(try parts("{}") == [])
        #expect(try parts(#"{"wals": []}"#) == [])
        #expect(try parts(#"{"wals": {"a": 1}, "b": [2]}"#) == [#"wals={"a": 1}"#, "b=[2]"])
    }

    @Test func `what is no object, or ends early, is an error`() throws {
        for end in 1..<document.utf8.count - 2 {
            #expect(throws: JSONParseError.self, "cut off at \(end)") { try parts(String(document.prefix(end))) }
        }
        for text in [
            "", " ", "[]", "1", "\"a\"", "{]", "}", "{\"a\": 1}}", "{\"a\": 1} x", "{a: 1}", "{\"a\" 1}", "{\"a\": }",
            "{1: 2}", "{\"wals\": [1,,2]}", "{\"wals\": [{]}]}", "{\"a\": 1}{", "\u{0}",
        ] {
            #expect(throws: JSONParseError.self, "\(text)") { try parts(text) }
        }
    }
}
