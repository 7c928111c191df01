/// Where the first array of a JSON document is, and where in the document each of its elements.
public struct JSONArrayScan: Sendable {
    /// The array with its brackets' contents: what is between `[` and `]`.
    public let whole: Range<Int>
    /// Each element that is an object.
    public let elements: [Range<Int>]
}

extension JSONValue {
    /// Finds the objects in the first array of a document without reading them; nil when there is no complete array.
    ///
    /// For documents that are one long list: each element is then read on its own, and the whole never is in memory as values.
    public static func elementsOfFirstArray(in bytes: ArraySlice<UInt8>) -> JSONArrayScan? {
        bytes.withUnsafeBufferPointer { buffer in
            var elements: [Range<Int>] = []
            var arrayStart: Int?
            var elementStart: Int?
            var depth = 0
            var isInString = false
            var position = 0
            while position < buffer.count {
                let byte = buffer[position]
                switch byte {
                case UInt8(ascii: "\\") where isInString: position += 1
                case UInt8(ascii: "\""): isInString.toggle()
                case _ where isInString: break
                case UInt8(ascii: "[") where arrayStart == nil: arrayStart = position + 1
                case UInt8(ascii: "{") where arrayStart != nil, UInt8(ascii: "[") where arrayStart != nil:
                    if depth == 0, byte == UInt8(ascii: "{") { elementStart = position }
                    depth += 1
                case UInt8(ascii: "]") where depth == 0:
                    guard let start = arrayStart else { return nil }
                    let shift = bytes.startIndex
                    return JSONArrayScan(
                        whole: start + shift..<position + shift,
                        elements: elements.map { $0.lowerBound + shift..<$0.upperBound + shift }
                    )
                case UInt8(ascii: "}") where depth > 0, UInt8(ascii: "]") where depth > 0:
                    depth -= 1
                    if depth == 0, let start = elementStart {
                        elements.append(start..<position + 1)
                        elementStart = nil
                    }
                default: break
                }
                position += 1
            }
            return nil
        }
    }
}
