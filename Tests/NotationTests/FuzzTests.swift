import Notation
import TestWorld
import Testing

/// Damaged documents, literals and times (`make fuzz`).
@Suite struct FuzzTests {
    private static let documents = [
        #"{"a": [1, -2.5e3, "x\u00e4\ud83d\udc18\n", null, true, {"b": {}}], "": []}"#,
        #"{"last_name": "x", "wals": [{"name": "a", "size": 1}, {}, [1, "]"], 2], "config": {"a": {"wals": [1]}}}"#,
    ]

    @Test func `parsers survive damaged input`() throws {
        try Fuzz.run([
            FuzzTarget("JSON", Self.documents.map { Array($0.utf8) }) { bytes, _ in
                guard let value = try? JSONValue(parsing: bytes) else { return }
                // What was understood can be written and understood again.
                guard try JSONValue(parsing: value.text(indent: 4)).text() == value.text() else {
                    throw WorldError("another document: \(value.text())")
                }
            },
            FuzzTarget("JSON in pieces", Self.documents.map { Array($0.utf8) }) { bytes, numbers in
                try compareReaders(bytes, pieces: .random(in: 1...bytes.count + 1, using: &numbers))
            },
            FuzzTarget(text: "literals", ["{'a': [1, (2, -3.5e-7), 'x\\u00e4', None], 'b': \"o'x\", 'c': ((),)}"]) {
                text in
                guard let value = try? PythonLiteral(parsing: text) else { return }
                guard try PythonLiteral(parsing: value.text).text == value.text else {
                    throw WorldError("another literal: \(value.text)")
                }
            },
            FuzzTarget(
                text: "times",
                [
                    "2026-03-01 02:00:01.123456+00:00", "Sun Mar  1 02:04:17 2026", "20260301T020001Z",
                    "2026-03-01T02:00:01-03:30", "1 Mar 2026 2:00 pm CET",
                ]
            ) { text in
                let time = Timestamp(catalogText: text)
                _ = [time?.catalogText, time?.ctimeText, time?.isoText, time?.inLocalZone().isoText]
            },
        ])
    }

    /// A document that is read in pieces says what it says as a whole, wherever both can read it.
    private func compareReaders(_ bytes: [UInt8], pieces: Int) throws {
        var members: [(key: String, value: JSONValue)] = []
        var elements: [JSONValue] = []
        var reader = JSONMemberReader(listKey: "wals")
        do {
            for begin in stride(from: 0, to: bytes.count, by: pieces) {
                try bytes[begin..<min(begin + pieces, bytes.count)].withUnsafeBytes { piece in
                    try reader.take(piece) { part in
                        switch part {
                        case .member(let key, let value): members.append((key, value))
                        case .element(let value): elements.append(value)
                        }
                    }
                }
            }
            try reader.finish()
        } catch {
            return
        }
        guard case .object(let whole)? = try? JSONValue(parsing: bytes) else { return }
        let isTwice = Set(whole.map(\.key)).count < whole.count
        let list = whole.first { $0.key == "wals" }?.value
        guard !isTwice, case .array(let expected)? = list else { return }
        let rest = whole.filter { $0.key != "wals" }
        guard elements.map({ $0.text() }) == expected.map({ $0.text() }),
            JSONValue.object(members).text() == JSONValue.object(rest).text()
        else { throw WorldError("in pieces: \(members) \(elements); whole: \(whole)") }
    }
}
